"""What a test teaches about the values it looks at: in the branch where it holds, and in the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bartizan.workbench.code.languages.form import Form

_ALL: Final = ("*",)
_LISTED: Final = frozenset({"includes", "has", "indexOf", "hasOwnProperty", "contains", "containsKey", "some", "Contains"})
_VALID: Final = frozenset(
    {
        "isInt",
        "isNumeric",
        "isAlphanumeric",
        "isAlpha",
        "isUUID",
        "isMongoId",
        "isInteger",
        "isFinite",
        "isDecimal",
        "isHexadecimal",
        "isValidObjectId",
    }
)


def path(form: Form) -> str:
    """Return ``a.b.c`` for a chain of names, else nothing."""
    parts: list[str] = []
    while form.op == "member":
        parts.append(form.name)
        form = form.kids[0]
    return ".".join([form.name, *reversed(parts)]) if form.op == "name" else ""


def learnt(test: Form, *, holds: bool) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield (path, kinds of sink it is harmless for, shape) for what is known when the test holds or fails."""
    if test.op == "truth" and test.name == "!":
        yield from learnt(test.kids[0], holds=not holds)
    elif test.op == "many" and (test.name == "&&") is holds and test.name in {"&&", "||"}:
        for kid in test.kids:
            yield from learnt(kid, holds=holds)
    elif test.op == "many" and len(test.kids) == 1:
        yield from learnt(test.kids[0], holds=holds)
    elif test.op == "truth" and len(test.kids) == 2:
        yield from _compared(test, holds=holds)
    elif test.op == "call" and test.kids[0].op == "member":
        yield from _asked(test, holds=holds)
    elif test.op == "call" and test.kids[0].name == "isNaN" and len(test.kids) > 1 and not holds:
        yield path(test.kids[1]), _ALL, ""


def _compared(test: Form, *, holds: bool) -> Iterator[tuple[str, tuple[str, ...], str]]:
    left, right = test.kids
    equal = test.name in {"==", "==="}
    if (
        test.name in {">", ">=", "!=", "!==", "<", "=="}
        and left.op == "call"
        and left.kids[0].op == "member"
        and left.kids[0].name == "indexOf"
    ):
        yield from _asked(left, holds=holds if test.name in {">", ">=", "!=", "!=="} else not holds)
    elif left.op == "truth" and left.name == "typeof" and equal is holds and right.op == "const":
        yield path(left.kids[0]), (("object",) if right.name == "string" else _ALL), "text"
    elif equal is holds and test.name in {"==", "===", "!=", "!=="}:
        if right.op == "const":
            yield path(left), _ALL, ""
        elif left.op == "const":
            yield path(right), _ALL, ""
    elif test.name == "in" and holds:
        yield path(left), _ALL, ""


def _asked(test: Form, *, holds: bool) -> Iterator[tuple[str, tuple[str, ...], str]]:
    callee, *given = test.kids
    first = given[0] if given else Form("many")
    if callee.name in {"test", "matches", "MatchString"} and callee.kids[0].op in {"regex", "name", "member"}:
        pattern = callee.kids[0]
        if holds and (pattern.op != "regex" or _narrow(pattern.name)):
            yield path(first), _ALL, ""
    elif callee.name in _LISTED and first.op != "const" and holds:
        yield path(first), _ALL, ""
    elif callee.name in _LISTED and first.op == "const" and not holds and ".." in first.name:
        yield path(callee.kids[0]), ("path",), ""
    elif callee.name in _VALID and holds:
        yield path(first), _ALL, ""
    elif callee.name in {"startsWith", "HasPrefix"} and holds:
        yield path(callee.kids[0]), ("redirect", "ssrf", "path"), ""
    elif callee.name in {"equals", "equalsIgnoreCase"} and holds and (first.op == "const" or callee.kids[0].op == "const"):
        yield path(callee.kids[0] if first.op == "const" else first), _ALL, ""


def _narrow(pattern: str) -> bool:
    """Say whether a pattern holds the whole text to a few characters."""
    return (
        pattern.startswith("^")
        and pattern.endswith("$")
        and ".*" not in pattern
        and ".+" not in pattern
        and "\\S" not in pattern
        and ".{" not in pattern
    )
