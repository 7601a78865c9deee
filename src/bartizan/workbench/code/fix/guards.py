"""Checks that codemods put in front of a statement: written once, refused in the way of the file's framework."""

from __future__ import annotations

import libcst as cst
import msgspec

from bartizan.workbench.code.fix.codemod import Declined, Edit
from bartizan.workbench.code.fix.source import Source


class Refusal(msgspec.Struct, frozen=True):
    """The statement that refuses, and what it has to import."""

    code: str
    imports: tuple[str, ...] = ()


def frameworks(source: Source) -> frozenset[str]:
    """Return the first names of everything that the file imports."""
    return frozenset(path.lstrip(".").partition(".")[0] for path in source.imports.values())


def refusal(source: Source, why: str, *, status: int = 400) -> Refusal:
    """Say no as the file's web framework does, or else with a ValueError."""
    roots = frameworks(source)
    if "flask" in roots:
        return Refusal(f"abort({status})", ("from flask import abort",))
    if "django" in roots:
        return Refusal(f'raise SuspiciousOperation("{why}")', ("from django.core.exceptions import SuspiciousOperation",))
    if "fastapi" in roots:
        return Refusal(f'raise HTTPException({status}, "{why}")', ("from fastapi import HTTPException",))
    return Refusal(f'raise ValueError("{why}")')


def is_handler(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a node stands in a function that some decorator hands to a framework."""
    function = source.function(node)
    return isinstance(function, cst.FunctionDef) and bool(function.decorators)


def before(source: Source, node: cst.CSTNode, lines: list[str]) -> Edit | Declined:
    """Insert lines in front of the statement in which a node stands; each further line is indented as written."""
    statement = source.statement(node)
    if statement is None or isinstance(statement, (cst.Else, cst.ExceptHandler, cst.Finally)):
        return Declined(reason="there is no place for a check in front of the statement")
    if isinstance(statement, (cst.If, cst.While, cst.FunctionDef, cst.ClassDef)) and not isinstance(statement, cst.If):
        return Declined(reason="the value is computed in the head of a block")
    if isinstance(statement, cst.If) and isinstance(source.parent(statement), cst.If):
        return Declined(reason="the value is computed in an elif")
    start = source.span(statement)[0]
    line_start = source.line_start(source.line(start))
    if source.data[line_start:start].strip():
        return Declined(reason="several statements stand on the line")
    indent = source.indent(statement)
    text = "".join(f"{indent}{line}{source.newline()}" for line in lines)
    return Edit(line_start, line_start, text)


def is_pure(node: cst.BaseExpression) -> bool:  # noqa: PLR0911 - one line a kind
    """Say whether an expression can be written twice: names, attributes, subscripts, literals, and calls that only join or read those."""
    match node:
        case cst.Name() | cst.SimpleString() | cst.Integer():
            return True
        case cst.Attribute(value=value):
            return is_pure(value)
        case cst.Subscript(value=value, slice=slices):
            return is_pure(value) and all(isinstance(each.slice, cst.Index) and is_pure(each.slice.value) for each in slices)
        case cst.BinaryOperation(left=left, right=right):
            return is_pure(left) and is_pure(right)
        case cst.FormattedString(parts=parts):
            return all(is_pure(part.expression) for part in parts if isinstance(part, cst.FormattedStringExpression))
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name)) | cst.Name(value=name), args=args):
            return name in _JOINING and all(not arg.star and is_pure(arg.value) for arg in args)
        case _:
            return False


_JOINING = frozenset(("join", "Path", "PurePath", "str", "get", "joinpath", "format", "abspath", "normpath", "getcwd"))
