"""Hashed n-grams: the words of a text in ones, twos and threes, and its words' pieces of three to five characters."""

from __future__ import annotations

import unicodedata
import zlib
from collections import Counter
from itertools import pairwise
from typing import Final

import numpy as np
import re2
from numpy.typing import NDArray

BUCKETS: Final = 1 << 18
MAX_CHARS: Final = 1000
"""How much of a text is read: its beginning and its end, where requests stand."""
_PIECES: Final = 4000

_WORD: Final = re2.compile(r"[\p{L}\p{N}]+(?:'[\p{L}]+)?")
_REFUSAL: Final = re2.compile(
    r"(?i)\b(?:(?:i'?m|i am) (?:really |very )?sorry|i (?:can't|cannot|can not|won't|will not|am unable to|am not able to)|as an ai"
    r"|against (?:my|our) (?:policy|guidelines)|i must decline|not (?:appropriate|comfortable) (?:to|with))\b"
)
_QUOTE: Final = "\N{RIGHT SINGLE QUOTATION MARK}"


def words(text: str) -> list[str]:
    """Return the words of a text, normalised and in lower case; a long text gives those of its beginning and its end."""
    if len(text) > MAX_CHARS:
        half = MAX_CHARS // 2
        text = f"{text[:half]} {text[-half:]}"
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")  # halves of surrogate pairs have no encoding, and RE2 reads bytes
    found: list[str] = _WORD.findall(unicodedata.normalize("NFKC", text).lower().replace(_QUOTE, "'"))
    return found


def features(text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return bucket numbers and weights (unit length) of a text; two empty arrays for one without words."""
    found = words(text)
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    line = ["^", *found, "$"]
    grams = [f"1{word}" for word in found]
    grams += [f"2{first} {second}" for first, second in pairwise(line)]
    grams += [f"3{first} {second} {third}" for first, second, third in zip(line, line[1:], line[2:], strict=False)]
    word_counts = Counter(zlib.crc32(gram.encode()) % BUCKETS for gram in grams)
    piece_counts = Counter(zlib.crc32(piece.encode()) % BUCKETS for piece in _pieces(found))
    return _joined(word_counts, piece_counts)


def refuses(text: str) -> bool:
    """Say whether an answer reads like a refusal."""
    return bool(_REFUSAL.search(text[:400].replace(_QUOTE, "'").encode("utf-8", "replace").decode("utf-8")))


def _pieces(found: list[str]) -> list[str]:
    pieces: list[str] = []
    for word in found:
        padded = f" {word} "
        for size in (3, 4, 5):
            pieces += [f"c{padded[at : at + size]}" for at in range(max(1, len(padded) - size + 1))]
        if len(pieces) > _PIECES:
            break
    return pieces


def _joined(*parts: Counter[int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give each kind of feature unit length, so that long words do not outvote what is said with them."""
    buckets, weights = [], []
    for part in parts:
        counts = np.sqrt(np.fromiter(part.values(), np.float32, len(part)))
        weights.append(counts / np.linalg.norm(counts))
        buckets.append(np.fromiter(part.keys(), np.int64, len(part)))
    return np.concatenate(buckets), np.concatenate(weights).astype(np.float32)
