"""A text as words with their places; a dash, a space or a dot parts words, so that APT-29, APT 29 and APT29 can meet."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

import msgspec

_WORD: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\xff")
_TABLE: Final = bytes(byte if byte in _WORD else 32 for byte in range(256))


class Tokens(msgspec.Struct, frozen=True):
    """Parallel lists: the words in lower case, where each starts, and the text itself."""

    lower: list[str]
    starts: list[int]
    text: str

    def end(self, number: int) -> int:
        """Return where a word ends."""
        return self.starts[number] + len(self.lower[number])

    def written(self, number: int) -> str:
        """Return a word as the text has it."""
        return self.text[self.starts[number] : self.end(number)]


def tokens(text: str, data: bytes) -> Tokens:
    """Part a text into words."""
    pieces = data.translate(_TABLE).lower().decode("latin-1").split(" ")
    ends = list(accumulate(len(piece) + 1 for piece in pieces))
    lower: list[str] = []
    starts: list[int] = []
    for piece, end in zip(pieces, ends, strict=True):
        if piece:
            lower.append(piece)
            starts.append(end - 1 - len(piece))
    return Tokens(lower, starts, text)
