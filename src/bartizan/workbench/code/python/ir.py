"""The tree that the engine walks: small, positioned in bytes, and storable, so that a file is parsed once for each content.

Fields are positional because millions are made. ``s`` and ``e`` are byte offsets into the source.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Plain = str | int | float | bool | None


class Node(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What every part of the tree has: where it stands."""

    s: int
    e: int


class Name(Node, frozen=True, array_like=True, tag="n", gc=False):
    """A variable."""

    id: str


class Const(Node, frozen=True, array_like=True, tag="c", gc=False):
    """A literal; integers beyond 63 bits are kept as text in ``Opaque``."""

    value: Plain


class Bytes(Node, frozen=True, array_like=True, tag="b", gc=False):
    """A literal of bytes."""

    value: bytes


class Attr(Node, frozen=True, array_like=True, tag="a", gc=False):
    """``value.attr``."""

    value: Expr
    attr: str


class Keyword(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``name=value``; no name for ``**value``."""

    name: str | None
    value: Expr


class Call(Node, frozen=True, array_like=True, tag="call", gc=False):
    """``func(*args, **keywords)``."""

    func: Expr
    args: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]


class Sub(Node, frozen=True, array_like=True, tag="sub", gc=False):
    """``value[index]``."""

    value: Expr
    index: Expr


class Slice(Node, frozen=True, array_like=True, tag="slice", gc=False):
    """``lower:upper:step``."""

    parts: tuple[Expr | None, ...]


class Bin(Node, frozen=True, array_like=True, tag="bin", gc=False):
    """``left op right``."""

    op: str
    left: Expr
    right: Expr


class Unary(Node, frozen=True, array_like=True, tag="un", gc=False):
    """``op operand``, with ``not`` among the operators."""

    op: str
    operand: Expr


class Bool(Node, frozen=True, array_like=True, tag="bool", gc=False):
    """``left and right`` or ``left or right``."""

    op: Literal["and", "or"]
    left: Expr
    right: Expr


class Compare(Node, frozen=True, array_like=True, tag="cmp", gc=False):
    """``items[0] ops[0] items[1] ops[1] ...``."""

    items: tuple[Expr, ...]
    ops: tuple[str, ...]


class IfExp(Node, frozen=True, array_like=True, tag="ifx", gc=False):
    """``body if test else orelse``."""

    test: Expr
    body: Expr
    orelse: Expr


class Param(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One parameter; ``kind`` is ``""``, ``*`` or ``**``."""

    name: str
    kind: str = ""
    annotation: Expr | None = None
    default: Expr | None = None


class Lambda(Node, frozen=True, array_like=True, tag="lam", gc=False):
    """``lambda params: body``."""

    params: tuple[Param, ...]
    body: Expr


class Generator(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``for target in iter if tests``."""

    target: Expr
    iter: Expr
    tests: tuple[Expr, ...]


class Comp(Node, frozen=True, array_like=True, tag="comp", gc=False):
    """A comprehension; ``value`` only for dictionaries."""

    kind: str
    element: Expr
    value: Expr | None
    generators: tuple[Generator, ...]


class Seq(Node, frozen=True, array_like=True, tag="seq", gc=False):
    """A display of a tuple, list or set."""

    kind: str
    items: tuple[Expr, ...]


class Dict(Node, frozen=True, array_like=True, tag="dict", gc=False):
    """A display of a dictionary; a key of None stands for ``**value``."""

    keys: tuple[Expr | None, ...]
    values: tuple[Expr, ...]


class FString(Node, frozen=True, array_like=True, tag="f", gc=False):
    """An f-string or template string: literal parts and expressions in order."""

    parts: tuple[Expr, ...]


class Await(Node, frozen=True, array_like=True, tag="await", gc=False):
    """``await value``."""

    value: Expr


class Yield(Node, frozen=True, array_like=True, tag="yield", gc=False):
    """``yield value`` or ``yield from value``."""

    value: Expr | None


class Star(Node, frozen=True, array_like=True, tag="star", gc=False):
    """``*value`` in a call, a display or a target."""

    value: Expr


class Walrus(Node, frozen=True, array_like=True, tag="walrus", gc=False):
    """``name := value``."""

    name: str
    value: Expr


class Opaque(Node, frozen=True, array_like=True, tag="opaque", gc=False):
    """What is not understood; what it is made of is still looked at."""

    parts: tuple[Expr, ...] = ()


Expr = (
    Name
    | Const
    | Bytes
    | Attr
    | Call
    | Sub
    | Slice
    | Bin
    | Unary
    | Bool
    | Compare
    | IfExp
    | Lambda
    | Comp
    | Seq
    | Dict
    | FString
    | Await
    | Yield
    | Star
    | Walrus
    | Opaque
)
