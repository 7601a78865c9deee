"""Normalisation views: the text as written, and as a model would read it, each with a map back to the original."""

from __future__ import annotations


class View:
    """A reading of a text. ``names`` are the transformations that led to it, first one first; empty for the text as written."""

    __slots__ = ("names", "text")

    def __init__(self, text: str, names: tuple[str, ...] = ()) -> None:
        self.text = text
        self.names = names

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters ``[start, end)`` of this view stand in the original."""
        return start, end
