"""Hashed n-grams of a text: runs of 2 to 5 characters, and words alone, in pairs, in threes and across a gap of one.

Everything is lower-cased, every digit is a zero and white space is one space, so that a row number or a name in capitals is no feature.
The hash is a polynomial over code points, computed for all positions at once; its constants are part of the weights' format.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

CHAR_BITS: Final = 18
WORD_BITS: Final = 18
COLUMNS: Final = (1 << CHAR_BITS) + (1 << WORD_BITS)
"""Columns of the hashed space: characters first, words after them."""

_LONGEST: Final = 5
_BASE: Final = np.uint64(0x100000001B3)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SEEDS: Final = tuple(np.uint64(0xC2B2AE3D27D4EB4F * order & 0xFFFFFFFFFFFFFFFF) for order in range(1, 10))
_PUNCTUATION: Final = dict.fromkeys(
    [*(ordinal for ordinal in range(128) if not chr(ordinal).isalnum()), *range(0x2000, 0x2070), *range(0x3000, 0x3040), 0xAB, 0xBB, 0xBF],
    " ",
)
_DIGITS: Final = dict.fromkeys(map(ord, "123456789"), "0")

Columns = NDArray[np.int64]


class Grams(NamedTuple):
    """The columns that a text has, each once: those of its characters, those of its words."""

    characters: Columns
    words: Columns


def grams(text: str) -> Grams:
    """Return the hashed columns of a text; linear in its length."""
    plain = " ".join(text.lower().translate(_DIGITS).split())
    return Grams(_characters(plain), _words(plain))


def _characters(plain: str) -> Columns:
    codes = np.frombuffer(f" {plain} ".encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    running = codes
    found = []
    for length in range(2, _LONGEST + 1):
        if len(codes) < length:
            break
        running = running[:-1] * _BASE + codes[length - 1 :]
        found.append(_column(running, length, CHAR_BITS))
    return _each_once(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


def _words(plain: str) -> Columns:
    words = plain.translate(_PUNCTUATION).split()
    one = np.fromiter((zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words), dtype=np.uint64, count=len(words))
    two = one[:-1] * _BASE + one[1:]
    found = [_column(one, 5, WORD_BITS), _column(two, 6, WORD_BITS)]
    if len(one) > 2:
        found += [_column(two[:-1] * _BASE + one[2:], 7, WORD_BITS), _column(one[:-2] * _BASE + one[2:], 8, WORD_BITS)]
    return _each_once(np.concatenate(found)) + (1 << CHAR_BITS)


def _each_once(columns: Columns) -> Columns:
    """Return what ``np.unique`` does, at a fifth of its cost: columns fit into 32 bits, which sort by vectors."""
    ordered = columns.astype(np.int32)
    ordered.sort()
    first = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first].astype(np.int64)


def _column(values: NDArray[np.uint64], seed: int, bits: int) -> Columns:
    mixed = (values ^ _SEEDS[seed]) * _MIX
    mixed ^= mixed >> np.uint64(29)
    return ((mixed * _MIX) >> np.uint64(64 - bits)).astype(np.int64)
