"""A view: a text as somebody could read it, with a map back to the text as written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple


class Edit(NamedTuple):
    """Characters ``[start, end)`` are read as ``text``. ``linear``: character for character, so that positions inside stay exact."""

    start: int
    end: int
    text: str
    linear: bool = False


class View:
    """A reading of a text. ``names`` are the steps that led to it, the first one first; empty for the text as written.

    Positions are characters. A position inside a replaced stretch maps to the whole stretch unless the edit is linear.
    """

    __slots__ = ("_edits", "_from", "_parent", "_to", "names", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: tuple[str, ...] = ()
        self._parent: View | None = None
        self._edits: Sequence[Edit] = ()
        self._from: list[int] = []
        self._to: list[int] = []

    def edited(self, name: str, edits: Sequence[Edit]) -> View:
        """Return the view in which the edits, in order and apart, are made; this view itself where there are none."""
        if not edits:
            return self
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = length = 0
        text = self.text
        for edit in edits:
            pieces += (text[done : edit.start], edit.text)
            length += edit.start - done
            starts.append(length)
            length += len(edit.text)
            ends.append(length)
            done = edit.end
        pieces.append(text[done:])
        view = View("".join(pieces))
        view.names = (*self.names, name)
        view._parent = self
        view._edits, view._from, view._to = edits, starts, ends
        return view

    def start(self, position: int) -> int:
        """Return where in the original the character at a position begins; the original's length for the end of the view."""
        if self._parent is None:
            return position
        if position >= len(self.text):
            return self._parent.start(len(self._parent.text))
        return self._parent.start(self._up(position, first=True))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original the characters ``[start, end)`` of this view come from; ``end`` is after ``start``."""
        view, first, last = self, start, end - 1
        while view._parent is not None:
            first, last = view._up(first, first=True), view._up(last, first=False)
            view = view._parent
        return first, last + 1

    def _up(self, position: int, *, first: bool) -> int:
        """Map one character to the parent: to the first, or the last, character of what it was read from."""
        number = bisect_right(self._from, position) - 1
        if number < 0:
            return position
        edit = self._edits[number]
        if position >= self._to[number]:
            return edit.end + position - self._to[number]
        if edit.linear:
            return edit.start + position - self._from[number]
        return edit.start if first else edit.end - 1
