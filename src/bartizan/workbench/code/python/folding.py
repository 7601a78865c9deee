"""Arithmetic on constants, bounded: nothing is folded that could grow or raise."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from bartizan.workbench.code.python.values import LONGEST_TEXT, MOST_CONSTANTS, MOST_PARTS, Constant, Hole, Part, Value

FAILED: Final[Any] = object()
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "/": operator.truediv,
    "%": operator.mod,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "**": operator.pow,
}
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is": operator.is_,
    "is not": operator.is_not,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
}
_METHODS: Final = frozenset(
    """
    upper lower strip lstrip rstrip title capitalize swapcase replace startswith endswith isdigit isalpha isalnum count find index
    rfind removeprefix removesuffix encode decode zfill casefold
    """.split()
)
_LARGEST: Final = 2**62


def _small(value: object) -> bool:
    if isinstance(value, str | bytes):
        return len(value) <= LONGEST_TEXT
    if isinstance(value, int):
        return abs(value) <= _LARGEST
    return isinstance(value, float) or value is None


def _one(op: str, left: Constant, right: Constant) -> Any:
    if left is None or right is None or (op == "%" and isinstance(left, str | bytes)):
        return FAILED
    sizes = [len(side) for side in (left, right) if isinstance(side, str | bytes)]
    if (
        op == "*"
        and sizes
        and not all(
            isinstance(side, int) and side * max(sizes) <= LONGEST_TEXT for side in (left, right) if not isinstance(side, str | bytes)
        )
    ):
        return FAILED
    if op in {"**", "<<"} and not (isinstance(right, int) and isinstance(left, int) and 0 <= right <= 60 and abs(left) <= 2**16):
        return FAILED
    try:
        value = _ARITHMETIC[op](left, right)
    except (TypeError, ValueError, ArithmeticError):
        return FAILED
    return value if _small(value) else FAILED


def binary(op: str, left: tuple[Constant, ...] | None, right: tuple[Constant, ...] | None) -> tuple[Constant, ...] | None:
    """Return all values of ``left op right``; None if one isn't known."""
    if left is None or right is None or op not in _ARITHMETIC or len(left) * len(right) > MOST_CONSTANTS:
        return None
    out: list[Constant] = []
    for a in left:
        for b in right:
            value = _one(op, a, b)
            if value is FAILED:
                return None
            out.append(value)
    return tuple(dict.fromkeys(out))


def unary(op: str, values: tuple[Constant, ...] | None) -> tuple[Constant, ...] | None:
    """Return all values of ``op value``."""
    if values is None:
        return None
    if op == "not":
        return tuple(dict.fromkeys(not value for value in values))
    if op == "-" and all(isinstance(value, int | float) for value in values):
        return tuple(-value for value in values if isinstance(value, int | float))
    return None


def compare(op: str, left: tuple[Constant, ...] | None, right: tuple[Constant, ...] | None) -> tuple[Constant, ...] | None:
    """Return all outcomes of a comparison."""
    if left is None or right is None or op not in _COMPARE or len(left) * len(right) > MOST_CONSTANTS:
        return None
    out: list[bool] = []
    for a in left:
        for b in right:
            try:
                # identity of equal literals is what the author means by "is"
                out.append(a == b if op == "is" else a != b if op == "is not" else bool(_COMPARE[op](a, b)))
            except TypeError:
                return None
    return tuple(dict.fromkeys(out))


def truth(values: tuple[Constant, ...] | None) -> bool | None:
    """Return whether all are true or all false; None if neither is sure."""
    if not values:
        return None
    first = bool(values[0])
    return first if all(bool(value) is first for value in values) else None


def element(value: Constant, index: Constant) -> Any:
    """Return ``value[index]`` of a text."""
    if isinstance(value, str | bytes) and isinstance(index, int) and -len(value) <= index < len(value):
        return value[index]
    return FAILED


def sliced(value: Constant, bounds: list[Constant]) -> Any:
    """Return ``value[a:b:c]`` of a text."""
    if isinstance(value, str | bytes) and all(bound is None or isinstance(bound, int) for bound in bounds) and bounds[2] != 0:
        low, high, step = (bound if isinstance(bound, int) else None for bound in bounds)
        return value[low:high:step]
    return FAILED


def places(size: int, bounds: list[Constant]) -> list[int]:
    """Return the places a slice takes of a sequence."""
    usable = [bound if isinstance(bound, int) and not isinstance(bound, bool) else None for bound in bounds]
    if usable[2] == 0:
        return []
    return list(range(size))[slice(*usable)]


def method(value: Constant, name: str, args: list[Constant]) -> Any:
    """Call a harmless method of a text."""
    if (
        not isinstance(value, str | bytes)
        or name not in _METHODS
        or (name == "zfill" and not all(isinstance(a, int) and a < 100 for a in args))
    ):
        return FAILED
    try:
        out = getattr(value, name)(*args)
    except (TypeError, ValueError, LookupError, AttributeError):
        return FAILED
    return out if _small(out) else FAILED


def shown(value: Constant) -> str:
    """Return how a constant looks inside a text."""
    return value if isinstance(value, str) else value.decode("latin-1") if isinstance(value, bytes) else str(value)


def percent(text: str, values: list[Value]) -> tuple[list[Part], list[Value]]:
    """Split ``text % values`` into literal parts and holes; return also the values that go in as text, not as numbers."""
    parts: list[Part] = []
    used: list[Value] = []
    pieces = text.split("%")
    parts.append(pieces[0])
    at, number = 1, 0
    while at < len(pieces):
        piece = pieces[at]
        if piece == "" and at + 1 < len(pieces):
            parts.append("%" + pieces[at + 1])
            at += 2
            continue
        end = next((i for i, letter in enumerate(piece) if letter.isalpha() and letter not in "hlL"), len(piece))
        letter = piece[end : end + 1]
        value = values[number] if number < len(values) and "(" not in piece[:end] else None
        number += 1
        if value is not None and value.known:
            parts.append(shown(value.only()))
        else:
            parts.append(Hole)
        if value is not None and letter not in "dioxXeEfFgG":
            used.append(value)
        parts.append(piece[end + 1 :])
        at += 1
    return [part for part in parts if part != ""][:MOST_PARTS], used


def braces(text: str, positional: tuple[Value, ...], keywords: dict[str, Value]) -> tuple[list[Part], list[Value]]:
    """Split ``text.format(...)`` into literal parts and holes; return also the values that go in."""
    parts: list[Part] = []
    used: list[Value] = []
    at, number = 0, 0
    while at < len(text):
        start = text.find("{", at)
        if start < 0:
            parts.append(text[at:])
            break
        parts.append(text[at:start])
        if text[start : start + 2] == "{{":
            parts.append("{")
            at = start + 2
            continue
        end = text.find("}", start)
        field = text[start + 1 : end] if end > 0 else ""
        name = field.partition(":")[0].partition("!")[0].partition(".")[0].partition("[")[0]
        if name == "":
            name, number = str(number), number + 1
        value = (
            (positional[int(name)] if int(name) < len(positional) else None) if name.isdecimal() and len(name) < 5 else keywords.get(name)
        )
        if value is not None and value.known:
            parts.append(shown(value.only()))
        else:
            parts.append(Hole)
        if (value is not None and not field.endswith(("d", "f", "x"))) or (value is not None and ":" not in field):
            used.append(value)
        at = end + 1 if end > 0 else len(text)
    return [part for part in parts if part != ""][:MOST_PARTS], used
