"""One byte for each character of a text, so that RE2 runs on bytes and its offsets are those of the text."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import re2

LETTER: Final = 0xFF
"""Stands for any letter or digit beyond ASCII."""
OTHER: Final = 0x01
"""Stands for any other character beyond ASCII: typographic quotes, dashes, bullets."""

_DOTS: Final = "\u3002\uff0e\uff61\u2024"
_SPACES: Final = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_LINES: Final = "\u0085\u2028\u2029"


@cache
def _table() -> np.ndarray:
    table = np.full(0x10000, OTHER, dtype=np.uint8)
    table[:128] = np.arange(128, dtype=np.uint8)
    for point in range(128, 0x10000):
        if chr(point).isalnum():
            table[point] = LETTER
    for wide in range(0xFF01, 0xFF5F):
        table[wide] = wide - 0xFEE0
    for characters, byte in ((_DOTS, "."), (_SPACES, " "), (_LINES, "\n")):
        for character in characters:
            table[ord(character)] = ord(byte)
    return table


def as_bytes(text: str) -> bytes:
    """Return as many bytes as the text has characters; full-width forms and other dots read as what they look like."""
    if text.isascii():
        return text.encode("ascii")
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return bytes(_table()[np.minimum(points, 0xFFFF)].tobytes())


def pattern(source: str, *, case: bool = False) -> re2._Regexp:
    """Compile a pattern for the bytes of ``as_bytes``; case is ignored unless asked for."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = case
    options.max_mem = 64 << 20
    return re2.compile(source.encode("latin-1"), options)
