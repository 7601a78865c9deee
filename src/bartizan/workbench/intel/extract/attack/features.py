"""Hashed words, pairs of words and pieces of words of each sentence, made for all sentences of a text at once with numpy.

The same function makes the features for training, so that what was learnt is what is asked.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from bartizan.workbench.intel.extract.plain import pattern

BITS: Final = 18
SIZE: Final = 1 << BITS
_LONGEST: Final = 2000
"""Characters of a sentence that are looked at; a longer one is a table or a dump."""
_GRAMS: Final = (3, 4, 5)
_FOLD: Final = np.full(256, 32, dtype=np.uint8)
for _byte in range(256):
    if chr(_byte).isalnum() and _byte < 128:
        _FOLD[_byte] = ord(chr(_byte).lower())
    elif _byte == 0xFF:
        _FOLD[_byte] = 0xFF
    elif chr(_byte) in "%$&/\\.-_":
        _FOLD[_byte] = _byte
_addresses = pattern(r"[a-z*]{2,8}://[!-~]+|[0-9a-f]{32,}|(?:[0-9]{1,3}\[?\.\]?){3}[0-9]{1,3}|0x[0-9a-f]+")
_POWERS: Final = np.cumprod(np.full(64, 1_000_003, dtype=np.uint64), dtype=np.uint64)
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


class Rows(msgspec.Struct, frozen=True):
    """A sparse matrix by rows: ``features[starts[i]:starts[i + 1]]`` with their ``weights`` are those of sentence ``i``."""

    starts: npt.NDArray[np.int64]
    features: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


def folded(data: bytes) -> bytes:
    """Bring a sentence to the form that features are made of: small letters, addresses and hashes by what they are."""
    short = _addresses.sub(_stand_in, data[:_LONGEST])
    return b" " + b" ".join(_FOLD[np.frombuffer(short, dtype=np.uint8)].tobytes().split()) + b" "


def _stand_in(match: object) -> bytes:
    raw: bytes = match.group()  # type: ignore[attr-defined]  # re2 does not export the type of its matches
    if b"://" in raw:
        return b" zurl "
    return b" zhex " if raw[:2].lower() == b"0x" else b" zip " if b"." in raw else b" zhash "


def features(sentences: list[bytes], idf: npt.NDArray[np.float32] | None = None) -> Rows:
    """Return the features of every sentence; each part (words, pieces) has length one, damped by how often it occurs.

    ``sentences`` are as ``plain.as_bytes`` gives them. Without ``idf`` all features count alike.
    """
    parts = [folded(sentence) for sentence in sentences]
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    text = np.frombuffer(b"".join(parts), dtype=np.uint8).astype(np.uint64)
    owner = np.repeat(np.arange(len(parts), dtype=np.int64), sizes)
    pieces = _collect([_grams(text, owner, size) for size in _GRAMS], len(parts), idf)
    words = _collect(_words(text, owner), len(parts), idf)
    return _merge(pieces, words, len(parts))


def _mix(codes: npt.NDArray[np.uint64], salt: int) -> npt.NDArray[np.int64]:
    mixed = (codes ^ np.uint64(salt * 0x51_7C_C1B7_2722)) * _MULTIPLIER
    mixed ^= mixed >> np.uint64(29)
    return ((mixed * _MULTIPLIER) >> np.uint64(64 - BITS)).astype(np.int64)


def _grams(text: npt.NDArray[np.uint64], owner: npt.NDArray[np.int64], size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    count = len(text) - size + 1
    if count <= 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    codes = np.zeros(count, dtype=np.uint64)
    blank = np.zeros(count, dtype=np.int64)
    for place in range(size):
        piece = text[place : place + count]
        codes = (codes << np.uint64(8)) | piece
        if 0 < place < size - 1:
            blank += piece == 32
    keep = (owner[:count] == owner[size - 1 :]) & (blank == 0)
    return owner[:count][keep], _mix(codes[keep], size)


def _words(text: npt.NDArray[np.uint64], owner: npt.NDArray[np.int64]) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    gaps = np.flatnonzero(text == 32)
    starts, ends = gaps[:-1] + 1, gaps[1:]
    keep = ends > starts
    starts, ends = starts[keep], ends[keep]
    if not len(starts):
        return []
    # A word's code is the sum over its bytes of byte times a power of its place; sums wrap around.
    place = _places(len(text), starts)
    terms = (text + np.uint64(7)) * _POWERS[np.clip(place, 0, len(_POWERS) - 1)]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    codes = sums[ends] - sums[starts]
    whose = owner[starts]
    pair = whose[1:] == whose[:-1]
    pairs = (codes[:-1] * np.uint64(31) + codes[1:])[pair]
    return [(whose, _mix(codes, 11)), (whose[1:][pair], _mix(pairs, 13))]


def _places(size: int, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count from the start of the word before each byte; what lies between words is not looked at."""
    begun = np.zeros(size, dtype=np.int64)
    begun[starts] = starts
    return np.arange(size) - np.maximum.accumulate(begun)


def _collect(found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]], count: int, idf: npt.NDArray[np.float32] | None) -> Rows:
    owner = np.concatenate([one for one, _ in found]) if found else np.empty(0, np.int64)
    hashed = np.concatenate([one for _, one in found]) if found else np.empty(0, np.int64)
    keys, times = np.unique(owner * SIZE + hashed, return_counts=True)
    owner, hashed = keys >> BITS, keys & (SIZE - 1)
    weights = (1.0 + np.log(times)).astype(np.float32)
    if idf is not None:
        weights *= idf[hashed]
    lengths = np.sqrt(np.bincount(owner, weights=weights * weights, minlength=count)).astype(np.float32)
    weights /= np.maximum(lengths, 1e-6)[owner]
    return Rows(np.searchsorted(owner, np.arange(count + 1)), hashed, weights)


def _merge(first: Rows, second: Rows, count: int) -> Rows:
    owner = np.concatenate([np.repeat(np.arange(count), np.diff(one.starts)) for one in (first, second)])
    order = np.argsort(owner, kind="stable")
    owner = owner[order]
    hashed = np.concatenate([first.features, second.features])[order]
    return Rows(np.searchsorted(owner, np.arange(count + 1)), hashed, np.concatenate([first.weights, second.weights])[order])
