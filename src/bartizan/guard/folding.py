"""Reading past looks: characters nobody sees, compatibility and accented forms, letters borrowed from other scripts.

Sources: Unicode Default_Ignorable_Code_Point, NFKC, and the UTS #39 skeleton inside words that mix scripts only, so that Russian,
Greek or Chinese text stays as it is. Tables: ``data/lookalikes.toml``, built by ``scripts/build_lookalikes.py``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any, Final

import re2

from bartizan.guard.views import Edit, View

_TABLE: Final[dict[str, Any]] = tomllib.loads(files("bartizan.guard").joinpath("data", "lookalikes.toml").read_text(encoding="utf-8"))


def _inverted(groups: dict[str, str]) -> dict[str, str]:
    return {character: target for target, characters in groups.items() for character in characters}


def _class(characters: Iterable[int]) -> str:
    """Write a set of code points as the inside of an RE2 character class."""
    points = sorted(characters)
    ranges: list[list[int]] = []
    for point in points:
        if ranges and point == ranges[-1][1] + 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(rf"\x{{{low:X}}}-\x{{{high:X}}}" for low, high in ranges)


def _points(name: str) -> Iterator[int]:
    for low, high in _TABLE[name]:
        yield from range(low, high + 1)


_ANYWHERE: Final = _inverted(_TABLE["anywhere"])
_MIXED: Final = _inverted(_TABLE["mixed"])
UNSEEN: Final = _class(_points("invisible"))
"""Characters nobody sees, as the inside of an RE2 class."""
_FOREIGN: Final = _class(
    point
    for low, high in ((0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x587), (0x13A0, 0x13FD))
    for point in range(low, high + 1)
    if chr(point).isalpha() and chr(point) not in _MIXED and chr(point) not in _ANYWHERE
)
_MARKS: Final = _class(_points("marks"))
_FORMS: Final = _class(map(ord, _ANYWHERE))
_BORROWED: Final = _class(map(ord, _MIXED))
_WORD: Final = rf"[A-Za-z0-9{_BORROWED}\pL\pM]"

SEEN_PAST: Final = rf"[{UNSEEN}{_MARKS}{_FORMS}]|(?s:[A-Za-z].*[{_BORROWED}])|(?s:[{_BORROWED}].*[A-Za-z])"
"""RE2 pattern for texts that have another reading here."""

OPEN: Final = rf"[{UNSEEN}{_MARKS}]+|[{_BORROWED}][0-9\pM]*"
"""RE2 pattern which, put at the end of a text, finds what further characters could make another reading of."""

_unseen: Final = re2.compile(rf"[{UNSEEN}{_MARKS}]+")
_forms: Final = re2.compile(rf"[{_FORMS}]+")
_mixed: Final = re2.compile(rf"{_WORD}*(?:[A-Za-z][0-9\pM]*[{_BORROWED}]|[{_BORROWED}][0-9\pM]*[A-Za-z]){_WORD}*")
_foreign: Final = re2.compile(rf"[{_FOREIGN}]")
_all_borrowed: Final = re2.compile(rf"[{_BORROWED}0-9\pM]*[{_BORROWED}][{_BORROWED}0-9\pM]*")
_borrowed_tail: Final = re2.compile(rf"[{_BORROWED}0-9\pM]*[{_BORROWED}][{_BORROWED}0-9\pM]*$")
_hidden: Final = re2.compile(r"[\x{E0000}-\x{E007F}]+|[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]{2,}")


def folded(view: View, *, tail: bool = False) -> list[View]:
    """Return the other readings of a view: with unseen characters dropped, read as gaps, and with what they spell out.

    With ``tail`` the text may go on: letters of another script at its very end are then read as borrowed ones too.
    """
    if view.text.isascii() and view.text.isprintable():
        return []
    unseen = [Edit(found.start(), found.end(), "") for found in _unseen.finditer(view.text)]
    readings = [_seen_past(view.edited("invisible", unseen), tail=tail)]
    if unseen:
        gaps = [Edit(edit.start, edit.end, " " if _between_letters(view.text, edit) else "") for edit in unseen]
        if any(edit.text for edit in gaps):
            readings.append(_seen_past(view.edited("gaps", gaps), tail=tail))
        readings += [_shown(view, gap, tail=tail) for gap in ("", " ") if _hidden.search(view.text)]
    return [reading for reading in readings if reading is not view]


def _between_letters(text: str, edit: Edit) -> bool:
    return edit.start > 0 and edit.end < len(text) and text[edit.start - 1].isalnum() and text[edit.end].isalnum()


def _seen_past(view: View, *, tail: bool) -> View:
    """Read compatibility forms plainly, then borrowed letters inside words that mix scripts."""
    if view.text.isascii():
        return view
    forms = [_plain(found.start(), found.group()) for found in _forms.finditer(view.text)]
    view = view.edited("form", forms)
    if view.text.isascii():
        return view
    borrowed = [_skeleton(found.start(), found.group()) for found in _mixed.finditer(view.text)]
    if tail and (last := _borrowed_tail.search(view.text)) and (not borrowed or borrowed[-1].end <= last.start()):
        borrowed.append(_skeleton(last.start(), last.group()))
    view = view.edited("confusable", borrowed)
    if view.text.isascii() or _foreign.search(view.text):
        return view
    # Greek or Russian writing has letters that look like no Latin one. Where there are none, whole words may be borrowed too.
    return view.edited("confusable", [_skeleton(found.start(), found.group()) for found in _all_borrowed.finditer(view.text)])


def _shown(view: View, gap: str, *, tail: bool) -> View:
    """Read what unseen characters spell out, in place or set apart, and drop the others."""
    spelled = [Edit(found.start(), found.end(), gap + _spelled(found.group()) + gap) for found in _hidden.finditer(view.text)]
    shown = view.edited("hidden", spelled)
    rest = [Edit(found.start(), found.end(), "") for found in _unseen.finditer(shown.text)]
    return _seen_past(shown.edited("invisible", rest), tail=tail)


def _plain(start: int, run: str) -> Edit:
    parts = [_ANYWHERE[character] for character in run]
    return Edit(start, start + len(run), "".join(parts), all(len(part) == 1 for part in parts))


def _skeleton(start: int, word: str) -> Edit:
    return Edit(start, start + len(word), "".join([_MIXED.get(character, character) for character in word]), linear=True)


def _spelled(run: str) -> str:
    """Return what tag characters (U+E0020-E007E are ASCII) or variation selectors (one byte each) spell."""
    if ord(run[0]) & 0xFFF80 == 0xE0000:
        return "".join([chr(ord(tag) - 0xE0000) for tag in run if 0xE0020 <= ord(tag) <= 0xE007E])
    return bytes(ord(sign) - 0xFE00 if ord(sign) < 0xE0100 else ord(sign) - 0xE0100 + 16 for sign in run).decode("utf-8", "replace")
