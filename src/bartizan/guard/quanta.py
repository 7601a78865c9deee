"""What base64 of UTF-8 looks like, quantum by quantum, as RE2 patterns made from the two standards (RFC 4648 4 and 5, RFC 3629 4).

Three bytes make four characters. Which characters can stand where follows from which kinds of byte can follow one another; that rules
out all but some two words in a hundred long ones, so that a short run can be told from prose before it is decoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product
from typing import Final

_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TEXT, _NEXT = "text", "next"
_BYTES: Final = {
    _TEXT: (0x09, 0x0A, 0x0D, *range(0x20, 0x7F)),
    _NEXT: tuple(range(0x80, 0xC0)),
    "lead2": tuple(range(0xC2, 0xE0)),
    "lead3": tuple(range(0xE0, 0xF0)),
    "lead4": tuple(range(0xF0, 0xF5)),
}
_ALL: Final = tuple(range(256))
_WANTED: Final = {_TEXT: 0, "lead2": 1, "lead3": 2, "lead4": 3}


def _after(wanted: int, kind: str) -> int | None:
    """Return how many continuation bytes are wanted after a byte of a kind; None where it can't stand."""
    if kind == _NEXT:
        return wanted - 1 if wanted else None
    return None if wanted else _WANTED[kind]


def _runs(wanted: int, length: int) -> Iterable[tuple[tuple[str, ...], int]]:
    """Yield the kinds that so many bytes can have, each with what is wanted after them."""
    for kinds in product(_BYTES, repeat=length):
        left: int | None = wanted
        for kind in kinds:
            left = _after(left, kind) if left is not None else None
        if left is not None:
            yield kinds, left


def _class(values: Iterable[int]) -> str:
    signs = {"+": r"+\-", "/": "/_"}
    return "[" + "".join(signs.get(_DIGITS[value], _DIGITS[value]) for value in sorted(set(values))) + "]"


@cache
def _written(kinds: tuple[str, ...]) -> str:
    """Return the pattern for up to three bytes of the given kinds."""
    values = [_BYTES[kind] for kind in kinds] + [_ALL] * (3 - len(kinds))  # decoders don't look at the bits left over
    first, second, third = values
    classes = (
        _class(byte >> 2 for byte in first),
        _class(high << 4 | low for high in {byte & 3 for byte in first} for low in {byte >> 4 for byte in second}),
        _class(high << 2 | low for high in {byte & 15 for byte in second} for low in {byte >> 6 for byte in third}),
        _class(byte & 63 for byte in third),
    )
    return "".join(classes[: len(kinds) + 1])


def _either(patterns: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(set(patterns))) + ")"


def _quanta(wanted: int) -> str:
    return _either(_written(kinds) for kinds, _ in _runs(wanted, 3))


_ANY: Final = _either(_written(kinds) for wanted in range(4) for kinds, _ in _runs(wanted, 3))
_REST: Final = _either(_written(kinds) for wanted in range(4) for length in (1, 2) for kinds, left in _runs(wanted, length) if not left)


def _short() -> str:
    """Write two quanta or more that fit together, or one and its padded rest."""
    begun = {left: _either(_written(kinds) for kinds, after in _runs(0, 3) if after == left) for left in range(4)}
    two = _either(f"{begun[left]}{_quanta(left)}" for left in begun)
    return rf"\b(?:{two}{_ANY}*{_REST}?={{0,2}}|{_either(begun.values())}{_REST}=)(?:\b|[^A-Za-z0-9]|$)"


SHORT: Final = _short()
"""RE2 pattern for a token of eight characters or more, six with padding, that can be base64 of UTF-8. The character after it may be
part of the match."""
