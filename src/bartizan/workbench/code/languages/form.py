"""One small form into which each language is brought, so that one interpreter follows data through all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

DEEPEST: Final = 180
"""Nesting beyond which an expression is taken as opaque: what minified or hostile code has, and recursion would not survive."""


class Form:
    """A piece of a program; ``op`` says what ``kids``, ``name`` and ``keys`` mean.

    Expressions: name, const, regex, member(kids=[object]), index([object, key]), call([callee, *arguments], name="new" for a
    constructor), join(parts; text is put together), object(keys, kids; key None spreads), array, func(keys=parameters, kids=[body]),
    cond([test, yes, no]), assign([target, value], name=operator), many(evaluate all, take any), truth(evaluate all, give no data).
    Statements: let([pattern, value]), if([test, then, otherwise]), loop([target, over, body]), give(return), stop, block,
    class(keys=method names, kids). Patterns: name, objpat(keys, kids), arrpat, default([pattern, value]), rest([pattern]).
    """

    __slots__ = ("column", "keys", "kids", "line", "name", "op", "type")

    def __init__(
        self,
        op: str,
        kids: list[Any] | tuple[Any, ...] = (),
        name: str = "",
        *,
        keys: tuple[Any, ...] = (),
        at: tuple[int, int] = (0, 0),
        type: str = "",  # noqa: A002 - what languages call it
    ) -> None:
        self.op = op
        self.kids = kids
        self.name = name
        self.keys = keys
        self.line, self.column = at
        self.type = type

    def walk(self) -> Iterator[Form]:
        """Yield this form and all within."""
        waiting: list[Form] = [self]
        while waiting:
            form = waiting.pop()
            yield form
            waiting.extend(kid for kid in form.kids if kid is not None)
            if form.op == "func":
                waiting.extend(form.keys)


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A name that a file brings in: ``local`` stands for ``member`` of ``module``, or for the module itself."""

    local: str
    module: str
    member: str = ""


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the common form. ``body`` is a Form (untyped here, for it is no data to be stored)."""

    path: str
    language: str
    body: Any
    imports: tuple[Import, ...] = ()
    lines: tuple[str, ...] = ()
    broken: int = 0
    """Lines inside syntax errors."""

    def text(self, line: int) -> str:
        """Return one line of the source, cut."""
        return self.lines[line - 1].strip()[:200] if 0 < line <= len(self.lines) else ""
