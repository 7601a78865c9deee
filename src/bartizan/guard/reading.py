"""All readings of a text, within limits: folded and decoded, to depth two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import re2

from bartizan.guard.decoding import ENCODED, Budget, decoded
from bartizan.guard.folding import SEEN_PAST, folded
from bartizan.guard.views import Edit, View

_MENTIONED: Final = r"\b(?i:rot-?\s?13|caesar|revers(?:e|ed)|backwards?)\b"
HAS_OTHER_READINGS: Final = f"{SEEN_PAST}|{ENCODED}|{_MENTIONED}"
"""RE2 pattern for texts worth reading twice; put it into a Set with one's own patterns and a plain text is done in one pass."""

_DEPTH: Final = 2
_VIEWS: Final = 32
_RATIO: Final = 4
_FLOOR: Final = 4096
_mentioned: Final = re2.compile(_MENTIONED)
_ROT13: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm"
)


class Reading(msgspec.Struct, frozen=True):
    """The views of a text, the text as written first. ``refused`` says why something was not decoded; it counts as hidden text."""

    views: tuple[View, ...]
    refused: tuple[str, ...] = ()


def read(text: str, *, tail: bool = False) -> Reading:
    """Return every reading of a text. Decoded text may be 4 times the input (at least 4,096 characters), 32 views at most.

    With ``tail`` the text may go on: its end is read in the way that further characters could make it be read.
    """
    budget = Budget(max(_RATIO * len(text), _FLOOR), max(20_000, len(text) // 8))
    plain = View(text)
    views = [plain]
    seen = {text}
    frontier = [plain]
    for depth in range(_DEPTH + 1):
        fresh = _new(frontier, seen, views, lambda view: folded(view, tail=tail))
        if depth == 0 and not tail and _mentioned.search(text):
            _new([plain], seen, views, _ciphers)  # read as they stand: what would be encoded inside them is nobody's habit
        if depth == _DEPTH:
            break
        frontier = _new([*frontier, *fresh], seen, views, lambda view: decoded(view, budget))
        if not frontier:
            break
    if len(views) > _VIEWS:
        budget.refused.append("too-many-readings")
    return Reading(tuple(views[:_VIEWS]), tuple(budget.refused))


def _new(views: list[View], seen: set[str], into: list[View], step: Callable[[View], list[View]]) -> list[View]:
    """Take one step from each view; keep the readings not seen before."""
    fresh: list[View] = []
    for view in views:
        if len(into) > _VIEWS:
            break
        for reading in step(view):
            if reading.text not in seen:
                seen.add(reading.text)
                fresh.append(reading)
                into.append(reading)
    return fresh


def _ciphers(view: View) -> list[View]:
    """Read a text that speaks of it in ROT13 and backwards: too costly and too odd to try on every text."""
    whole = len(view.text)
    return [
        view.edited("rot13", [Edit(0, whole, view.text.translate(_ROT13), linear=True)]),
        view.edited("reversed", [Edit(0, whole, view.text[::-1])]),
    ]
