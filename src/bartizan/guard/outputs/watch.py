"""Following an answer with a head that needs windows, not patterns: judged as it grows, released as far as it was judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bartizan.control import Opinion, Release

_FIRST: Final = 48
_MOST: Final = 300
"""Characters after which what came is judged anew: few at first, so that the first words do not wait."""
_WINDOW: Final = 1500
_TAIL: Final = 16

Look = Callable[[str, int], Opinion | None]
"""Judges a window that begins at a position of the channel; None when nothing is seen."""


class WindowWatch:
    """Follows one channel. Until the gate opens, text passes at the cost of a search; from then on it waits until its window was judged.

    What was judged before a hit came is out already: a head needs to see something before it can know it. Without ``holds``, for
    categories that policy only flags, nothing waits.
    """

    __slots__ = ("_after", "_gate", "_holds", "_judged", "_look", "_open", "_told", "_total", "_window")

    def __init__(self, gate: Any, look: Look, *, holds: bool) -> None:  # noqa: ANN401 - RE2 has no types
        self._gate = gate
        self._look = look
        self._holds = holds
        self._window = ""
        self._total = 0
        self._judged = 0
        self._after = _FIRST
        self._open = False
        self._told = False

    def feed(self, text: str, *, final: bool = False) -> Release:
        """Take the next characters; ``upto`` counts from the beginning of the channel."""
        if self._told:
            self._total += len(text)
            return Release(upto=self._judged if self._holds else self._total)
        fresh = self._window[-_TAIL:] + text
        self._total += len(text)
        self._window = (self._window + text)[-_WINDOW - _MOST :]
        if not self._open:
            self._open = self._gate.search(fresh) is not None
            if not self._open:
                self._judged = self._total
                return Release(upto=self._total)
        if not final and self._total - self._judged < self._after:
            return Release(upto=self._judged if self._holds else self._total)
        return self._judge()

    def _judge(self) -> Release:
        window = self._window[-_WINDOW:]
        opinion = self._look(window, self._total - len(window))
        if opinion is not None:
            self._told = True
            return Release(upto=self._judged if self._holds else self._total, opinions=(opinion,))
        self._judged = self._total
        self._after = min(self._after * 2, _MOST)
        return Release(upto=self._total)
