"""Text made canonical: line ends are one character, and what a reader can't see is taken out and counted."""

from __future__ import annotations

import sys
import unicodedata
from typing import Final

import msgspec

from bartizan.workbench.intel.document import Flag

_BIDI: Final = frozenset([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])
_SOFT: Final = frozenset([0x00AD, 0xFEFF])
"""Soft hyphens and byte order marks are everywhere and harmless: taken out without a word."""
_BLANK: Final = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xE0000, 0xE0200)]
)
_JOINERS: Final = frozenset([0x200C, 0x200D, *range(0xFE00, 0xFE10)])
"""Needed by scripts and emoji; taken out, but only many of them are worth a flag."""
_MANY_JOINERS: Final = 8


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {}
    for point in range(0x10000):
        category = unicodedata.category(chr(point))
        if (category in {"Cc", "Cf"} and point not in {0x09, 0x0A}) or category == "Cs":
            table[point] = None
        elif category in {"Zl", "Zp"}:
            table[point] = "\n"
    table |= dict.fromkeys([*_BLANK, *_JOINERS, *range(0xFFF9, 0xFFFC)], None)
    return table | {0x0B: "\n", 0x0C: "\n", 0x85: "\n", 0xFFFE: "-"}


_TABLE: Final = _table()
_SEEN_OUT: Final = frozenset(point for point, to in _TABLE.items() if to is None and point > 0x7F) - _SOFT


def _folds() -> dict[int, str]:
    """Characters that NFKC turns into exactly one other, which is how text is disguised without changing its length."""
    folds = {}
    for point in range(0x80, sys.maxunicode + 1):
        folded = unicodedata.normalize("NFKC", chr(point)) if not 0xAC00 <= point < 0xD7B0 else chr(point)
        if len(folded) == 1 and folded != chr(point) and (folded.isascii() or point > 0xFFFF):
            folds[point] = folded
    return folds


class Canonical(msgspec.Struct, frozen=True):
    """Text fit to be quoted, and how many characters of which sort were taken out of it."""

    text: str
    invisible: int = 0
    bidi: int = 0


class Folding:
    """The one-to-one foldings, made on first use: a second of work that plain reports never need."""

    def __init__(self) -> None:
        self._folds: dict[int, str] = {}

    def __call__(self, text: str) -> str:
        """Return the text with full-width and other compatibility characters as plain ones, offsets unchanged."""
        if text.isascii():
            return text
        if not self._folds:
            self._folds = _folds()
        return text if self._folds.keys().isdisjoint(map(ord, set(text))) else text.translate(self._folds)


def canonical(text: str) -> Canonical:
    """Return text without controls, bidi and invisible characters, its line ends as newlines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return Canonical(text)
    odd = {character for character in set(text) if ord(character) in _SEEN_OUT}
    if odd:
        bidi = sum(text.count(character) for character in odd if ord(character) in _BIDI)
        joiners = sum(text.count(character) for character in odd if ord(character) in _JOINERS)
        others = sum(text.count(character) for character in odd) - bidi - joiners
        invisible = others + (joiners if joiners >= _MANY_JOINERS else 0)
        return Canonical(_printable(text.translate(_TABLE)), invisible, bidi)
    return Canonical(_printable(text.translate(_TABLE)))


def _printable(text: str) -> str:
    return text.encode("utf-8", "ignore").decode()


def flags_of(made: Canonical, *, page: int = 1) -> tuple[Flag, ...]:
    """Return what a reader must know about what was taken out."""
    flags = []
    if made.invisible:
        flags.append(Flag(kind="invisible_characters", page=page, detail=f"{made.invisible} characters that do not print were taken out"))
    if made.bidi:
        flags.append(Flag(kind="bidi_characters", page=page, detail=f"{made.bidi} characters that reorder text were taken out"))
    return tuple(flags)
