"""Cut a long text into overlapping windows at sentence ends, so that one bad sentence is not diluted by a thousand good ones."""

from __future__ import annotations

from typing import Final, NamedTuple

SHORT: Final = 600
"""Characters up to which a text is judged as one."""
_SIZE: Final = 400
_FINE: Final = 200
_ENDS: Final = ("\n", ". ", "! ", "? ", "\u3002", "; ", ", ", " ")


class Window(NamedTuple):
    """Characters ``[start, end)`` of a text."""

    start: int
    end: int


def windows(text: str, *, fine: bool = False) -> list[Window]:
    """Return windows that cover the text, each begun in the half of the one before.

    ``fine`` ones are about a sentence or two, for an instruction that stands in somebody else's document.
    """
    size, short = (_FINE, _FINE) if fine else (_SIZE, SHORT)
    if len(text) <= short:
        return [Window(0, len(text))]
    found: list[Window] = []
    start = 0
    while True:
        end = min(start + size, len(text))
        if end < len(text):
            end = _cut(text, start + size // 2, end)
        found.append(Window(start, end))
        if end >= len(text):
            return found
        start = max(_cut(text, start + size // 4, (start + end) // 2 + 1), start + 1)


def _cut(text: str, low: int, high: int) -> int:
    """Return the best place to cut in ``[low, high)``: after a line, a sentence, a word, or at the end."""
    for sign in _ENDS:
        at = text.rfind(sign, low, high)
        if at >= low:
            return at + len(sign)
    return high
