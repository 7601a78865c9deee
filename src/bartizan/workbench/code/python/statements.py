"""The statements of the tree; see ``ir`` for its expressions."""

from __future__ import annotations

import msgspec

from bartizan.workbench.code.python.ir import Expr, Node, Param


class Assign(Node, frozen=True, array_like=True, tag="=", gc=False):
    """``target = value``, once for each target of a chain; ``annotation`` alone has no value."""

    target: Expr
    value: Expr | None
    annotation: Expr | None = None


class Aug(Node, frozen=True, array_like=True, tag="+=", gc=False):
    """``target op= value``."""

    target: Expr
    op: str
    value: Expr


class Do(Node, frozen=True, array_like=True, tag="do", gc=False):
    """An expression as a statement."""

    value: Expr


class Return(Node, frozen=True, array_like=True, tag="ret", gc=False):
    """``return value``."""

    value: Expr | None


class Raise(Node, frozen=True, array_like=True, tag="raise", gc=False):
    """``raise value``."""

    value: Expr | None


class Assert(Node, frozen=True, array_like=True, tag="assert", gc=False):
    """``assert test``."""

    test: Expr


class Jump(Node, frozen=True, array_like=True, tag="jump", gc=False):
    """``break`` or ``continue``."""

    kind: str


class If(Node, frozen=True, array_like=True, tag="if", gc=False):
    """``if test: body else: orelse``."""

    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class While(Node, frozen=True, array_like=True, tag="while", gc=False):
    """``while test: body else: orelse``."""

    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class For(Node, frozen=True, array_like=True, tag="for", gc=False):
    """``for target in iter: body else: orelse``."""

    target: Expr
    iter: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``value as target`` of a with statement."""

    value: Expr
    target: Expr | None


class With(Node, frozen=True, array_like=True, tag="with", gc=False):
    """``with items: body``."""

    items: tuple[Item, ...]
    body: tuple[Stmt, ...]


class Handler(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``except kind as name: body``."""

    kind: Expr | None
    name: str
    body: tuple[Stmt, ...]


class Try(Node, frozen=True, array_like=True, tag="try", gc=False):
    """``try: body except ...: else: final:``."""

    body: tuple[Stmt, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Stmt, ...]
    final: tuple[Stmt, ...]


class Case(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One case: the literals it compares with (empty if it is not a plain comparison), the names it binds, a guard, a body."""

    literals: tuple[Expr, ...]
    binds: tuple[str, ...]
    wildcard: bool
    guard: Expr | None
    body: tuple[Stmt, ...]


class Match(Node, frozen=True, array_like=True, tag="match", gc=False):
    """``match subject: case ...``."""

    subject: Expr
    cases: tuple[Case, ...]


class Def(Node, frozen=True, array_like=True, tag="def", gc=False):
    """A function; ``s`` to ``e`` without its decorators."""

    name: str
    params: tuple[Param, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]
    returns: Expr | None
    is_async: bool


class Class(Node, frozen=True, array_like=True, tag="class", gc=False):
    """A class."""

    name: str
    bases: tuple[Expr, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]


class Import(Node, frozen=True, array_like=True, tag="imp", gc=False):
    """``import module as alias`` or ``from module import name as alias``; ``level`` counts the dots, ``*`` may be the name."""

    module: str
    name: str
    alias: str
    level: int


class Scope(Node, frozen=True, array_like=True, tag="scope", gc=False):
    """``global names`` or ``nonlocal names``."""

    names: tuple[str, ...]


class Delete(Node, frozen=True, array_like=True, tag="del", gc=False):
    """``del target``."""

    target: Expr


Stmt = Assign | Aug | Do | Return | Raise | Assert | Jump | If | While | For | With | Try | Match | Def | Class | Import | Scope | Delete


class Module(msgspec.Struct, frozen=True, array_like=True):
    """One file, parsed."""

    body: tuple[Stmt, ...]
    lines: int
    lost_lines: int
    functions: int
    errors: tuple[tuple[int, str], ...] = ()
    """(line, code) of what could not be understood."""
