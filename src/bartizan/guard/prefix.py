"""The prefix closure of a pattern: which ends of a text could still grow into a match.

From the standard library's parse tree, so every pattern whose parts are literals, classes, alternations, groups, flags and repeats
has one. What has none is refused when a rule is loaded: back-references, look-around, and repeats without an upper bound.
"""

from __future__ import annotations

import re
import re._constants as kinds  # type: ignore[import-not-found]  # the parse tree has no public name
import re._parser as parser  # type: ignore[import-not-found]
from typing import Any, Final

import msgspec

from bartizan.errors import ControlError

_UNBOUNDED: Final = 1 << 20
_FLAGS: Final = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))
_AT: Final = {
    kinds.AT_BEGINNING: "^",
    kinds.AT_BEGINNING_STRING: r"\A",
    kinds.AT_BOUNDARY: r"\b",
    kinds.AT_NON_BOUNDARY: r"\B",
    kinds.AT_END: "$",
    kinds.AT_END_STRING: r"\z",
}
_CATEGORY: Final = {
    kinds.CATEGORY_DIGIT: r"\d",
    kinds.CATEGORY_NOT_DIGIT: r"\D",
    kinds.CATEGORY_SPACE: r"\s",
    kinds.CATEGORY_NOT_SPACE: r"\S",
    kinds.CATEGORY_WORD: r"\w",
    kinds.CATEGORY_NOT_WORD: r"\W",
}
_ONE: Final = {kinds.LITERAL, kinds.NOT_LITERAL, kinds.ANY, kinds.IN}
_REPEATS: Final = {kinds.MAX_REPEAT, kinds.MIN_REPEAT}

_Nodes = list[tuple[Any, Any]]


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    r"""``live`` is an RE2 pattern for the non-empty beginnings of a match, the whole match among them.

    ``max_length`` bounds a match in characters. ``looks_ahead`` says that a match at the end of a text is not certain before the next
    character is known (it ends in ``\b`` or the like).
    """

    live: str
    max_length: int
    looks_ahead: bool


def closure(pattern: str, *, name: str, max_length: int = 0) -> Closure:
    """Return a pattern's prefix closure; raises ControlError, naming the rule, for a pattern that has none or no bound."""
    try:
        tree = parser.parse(pattern)
        shortest, longest = tree.getwidth()
        flags = "".join(letter for flag, letter in _FLAGS if tree.state.flags & flag)
        live = _begun(list(tree.data))
    except (re.error, _NoPrefixError, RecursionError) as error:
        raise ControlError(
            f"rule {name} can't be followed in a stream: {error}", hint="use literals, classes, groups, alternatives and repeats"
        ) from error
    if shortest == 0:
        raise ControlError(f"rule {name} matches the empty text", hint="make some part of it mandatory")
    if longest > _UNBOUNDED and not max_length:
        raise ControlError(f"rule {name} has a repeat without an upper bound", hint="write {0,40} for *, {1,40} for +, or set max_length")
    bound = min(longest, max_length) if max_length else longest
    return Closure(live=f"(?{flags}:{live})" if flags else f"(?:{live})", max_length=bound, looks_ahead=_looks_ahead(list(tree.data)))


class _NoPrefixError(Exception):
    pass


def _begun(nodes: _Nodes) -> str:
    """Return a pattern for the non-empty beginnings of a sequence."""
    if not nodes:
        return r"[^\x00-\x{10FFFF}]"  # nothing begins the empty sequence
    (kind, value), rest = nodes[0], nodes[1:]
    if kind in _ONE:
        return _one(kind, value) + _maybe(rest)
    if kind is kinds.AT:
        return _at(value) + f"(?:{_begun(rest)})"
    if kind in _REPEATS:
        _, high, inner = value
        part = list(inner.data)
        choices = [_repeat(part, 0, high - 1 if high < kinds.MAXREPEAT else high) + f"(?:{_begun(part)})"] if high else []
    else:
        choices = [wrapped.replace("%", _begun(part), 1) for part, wrapped in _parts(kind, value)]
    if rest:
        choices.append(_node(kind, value) + f"(?:{_begun(rest)})")  # the rest is written once, or optional parts would double it each
    return _either(choices)


def _maybe(rest: _Nodes) -> str:
    return f"(?:{_begun(rest)})?" if rest else ""


def _either(choices: list[str]) -> str:
    return "(?:" + "|".join(choices) + ")"


def _full(nodes: _Nodes) -> str:
    """Write a sequence back as an RE2 pattern."""
    return "".join(_node(kind, value) for kind, value in nodes)


def _node(kind: Any, value: Any) -> str:  # noqa: ANN401 - the parser's own constants
    if kind in _ONE:
        return _one(kind, value)
    if kind is kinds.AT:
        return _at(value)
    if kind in _REPEATS:
        low, high, inner = value
        return _repeat(list(inner.data), low, high)
    return _either([wrapped.replace("%", _full(part), 1) for part, wrapped in _parts(kind, value)])


def _parts(kind: Any, value: Any) -> list[tuple[_Nodes, str]]:  # noqa: ANN401 - the parser's own constants
    """Return the alternatives of a branch, or the one part of a group, each with what to write around it (for ``%``)."""
    if kind is kinds.BRANCH:
        return [(list(part.data), "%") for part in value[1]]
    if kind is kinds.SUBPATTERN:
        _, added, removed, inner = value
        on = "".join(letter for flag, letter in _FLAGS if added & flag)
        off = "".join(letter for flag, letter in _FLAGS if removed & flag)
        return [(list(inner.data), f"(?{on}{'-' + off if off else ''}:%)")]
    raise _NoPrefixError(f"{str(kind).lower().replace('_', ' ')} has no prefixes")


def _repeat(part: _Nodes, low: int, high: int) -> str:
    upper = "" if high >= kinds.MAXREPEAT else str(high)
    return f"(?:{_full(part)}){{{low},{upper}}}"


def _one(kind: Any, value: Any) -> str:  # noqa: ANN401 - the parser's own constants
    if kind is kinds.ANY:
        return "."
    if kind is kinds.LITERAL:
        return _literal(value)
    if kind is kinds.NOT_LITERAL:
        return f"[^{_literal(value)}]"
    return "[" + "".join(_member(member, what) for member, what in value) + "]"


def _member(kind: Any, value: Any) -> str:  # noqa: ANN401 - the parser's own constants
    if kind is kinds.NEGATE:
        return "^"
    if kind is kinds.LITERAL:
        return _literal(value)
    if kind is kinds.RANGE:
        return f"{_literal(value[0])}-{_literal(value[1])}"
    return _CATEGORY[value]


def _literal(point: int) -> str:
    return chr(point) if chr(point).isascii() and chr(point).isalnum() else rf"\x{{{point:X}}}"


def _at(value: Any) -> str:  # noqa: ANN401 - the parser's own constants
    return _AT[value]


def _looks_ahead(nodes: _Nodes) -> bool:
    """Say whether an assertion stands anywhere but at the very beginning."""
    return any(
        (kind is kinds.AT and number > 0)
        or (kind in _REPEATS and _asserts(list(value[2].data)))
        or (kind in {kinds.BRANCH, kinds.SUBPATTERN} and any(_asserts(part) for part, _ in _parts(kind, value)))
        for number, (kind, value) in enumerate(nodes)
    )  # fmt: skip


def _asserts(nodes: _Nodes) -> bool:
    return any(kind is kinds.AT for kind, _ in nodes) or _looks_ahead(nodes)
