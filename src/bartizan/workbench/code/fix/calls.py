"""Small questions that codemods ask of calls: which argument, which keyword, and how to change one without touching the others."""

from __future__ import annotations

from collections.abc import Container, Iterable

import libcst as cst

from bartizan.workbench.code.fix.codemod import Edit, Site
from bartizan.workbench.code.fix.source import Source


def keyword(call: cst.Call, name: str) -> cst.Arg | None:
    """Return the argument given by this keyword."""
    return next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == name), None)


def positional(call: cst.Call, index: int) -> cst.Arg | None:
    """Return a positional argument; None where a star in front makes it unknown."""
    plain = []
    for arg in call.args:
        if arg.star:
            break
        if arg.keyword is None:
            plain.append(arg)
    return plain[index] if index < len(plain) else None


def argument(call: cst.Call, index: int, name: str) -> cst.Arg | None:
    """Return an argument by its place or its name."""
    return keyword(call, name) or (positional(call, index) if index >= 0 else None)


def has_star(call: cst.Call) -> bool:
    """Say whether arguments are spread into the call, so that not all of them can be seen."""
    return any(arg.star for arg in call.args)


def is_name(node: cst.CSTNode | None, value: str) -> bool:
    """Say whether a node is this bare name, such as ``True``."""
    return isinstance(node, cst.Name) and node.value == value


def calls_of(source: Source, site: Site, names: Container[str]) -> list[cst.Call]:
    """Return the calls at a site whose dotted name is one of these."""
    return [call for call in source.calls(site.line, site.end_line) if source.name(call.func) in names]


def methods_of(source: Source, site: Site, names: Container[str]) -> list[cst.Call]:
    """Return the calls at a site of a method or function whose last name is one of these."""
    return [call for call in source.calls(site.line, site.end_line) if last_name(call) in names]


def last_name(call: cst.Call) -> str:
    """Return the last name of what is called."""
    match call.func:
        case cst.Attribute(attr=attr):
            return attr.value
        case cst.Name(value=value):
            return value
        case _:
            return ""


def replace(source: Source, node: cst.CSTNode, text: str) -> Edit:
    """Put text in the place of a node."""
    start, end = source.span(node)
    return Edit(start, end, text)


def add_keywords(source: Source, call: cst.Call, given: Iterable[tuple[str, str]]) -> Edit:
    """Add keyword arguments after the last argument."""
    text = ", ".join(f"{name}={value}" for name, value in given)
    if not call.args:
        end = source.span(call)[1] - 1
        return Edit(end, end, text)
    end = source.span(call.args[-1].value)[1]
    comma = isinstance(call.args[-1].comma, cst.Comma)
    if comma and source.lines(call)[0] != source.lines(call)[1]:
        return Edit(end, end, f",{_separator(source, call)}{text}")
    return Edit(end, end, f", {text}")


def set_keyword(source: Source, call: cst.Call, name: str, value: str, *, index: int = -1) -> Edit:
    """Give an argument this value, in its place, or added as a keyword."""
    existing = argument(call, index, name)
    return replace(source, existing.value, value) if existing is not None else add_keywords(source, call, [(name, value)])


def drop(source: Source, call: cst.Call, arg: cst.Arg) -> Edit:
    """Take an argument out with its comma and the blank in front of it."""
    index = list(call.args).index(arg)
    start = source.span(arg)[0]
    end = source.span(arg.value)[1]
    if index > 0:
        start = source.span(call.args[index - 1].value)[1]
    elif len(call.args) > 1:
        end = source.span(call.args[1])[0]
    return Edit(start, end, "")


def _separator(source: Source, call: cst.Call) -> str:
    """Return what stands between the last two arguments of a call that is spread over lines."""
    last = call.args[-1]
    if len(call.args) > 1 and source.lines(call.args[-2].value)[1] != source.lines(last)[0]:
        return source.newline() + source.indent(last)
    if source.lines(call)[0] != source.lines(last)[0]:
        return source.newline() + source.indent(last)
    return " "
