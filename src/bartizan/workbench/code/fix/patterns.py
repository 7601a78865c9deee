"""CWE-1333: regular expressions that take exponential time are written so that they match the same in linear time."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import argument, has_star, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Patch, Site
from bartizan.workbench.code.fix.parts import literal
from bartizan.workbench.code.fix.source import Source

_MATCHING: Final = frozenset(
    f"re.{name}" for name in ("compile", "match", "search", "fullmatch", "findall", "finditer", "sub", "subn", "split")
)


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        if source.name(call.func) not in _MATCHING or has_star(call):
            continue
        pattern = argument(call, 0, "pattern")
        if pattern is None:
            continue
        node = pattern.value
        if isinstance(node, cst.Name):
            assign = source.assigned(node)
            node = assign.value if assign is not None and assign.value is not None else node
        if isinstance(node, cst.SimpleString):
            return _linear(source, node)
        if literal(node) is None and site.cwe in {730, 400, 1333, 625, 777}:
            start, end = source.code(node), ""
            return Patch(
                edits=(replace(source, node, f"re.escape({start}){end}"),),
                imports=("import re",),
                note="the data is looked for as it stands",
            )
    return None


def _linear(source: Source, node: cst.SimpleString) -> Patch | Declined:
    body = node.raw_value
    flat = flattened(body)
    if flat == body:
        return Declined(reason="the pattern has no nested repetition of a simple kind; bound it by hand or use re2")
    text = f"{node.prefix}{node.quote}{flat}{node.quote}"
    return Patch(
        edits=(replace(source, node, text),), note="a repetition inside of a repetition is one repetition; the pattern matches the same"
    )


def flattened(pattern: str) -> str:
    """Turn ``(x+)+`` into ``(x+)``, ``(x+)*`` and ``(x*)*`` into ``(x*)`` for one letter, escape or set ``x``; leave all else."""
    out, at = "", 0
    while at < len(pattern):
        if pattern[at] == "\\":
            out += pattern[at : at + 2]
            at += 2
            continue
        if pattern[at] == "[":
            end = _set_end(pattern, at)
            out += pattern[at:end]
            at = end
            continue
        found = _nested(pattern, at) if pattern[at] == "(" else None
        if found is None:
            out += pattern[at]
            at += 1
        else:
            text, at = found
            out += text
    return out


def _nested(pattern: str, at: int) -> tuple[str, int] | None:
    """Read ``(x+)+`` at an opening bracket; return what it becomes and where it ends."""
    inside = at + 1
    if pattern[inside : inside + 2] == "?:":
        inside += 2
    elif pattern[inside : inside + 1] == "?":
        return None
    end = _atom_end(pattern, inside)
    if end is None or pattern[end : end + 1] not in {"+", "*"} or pattern[end + 1 : end + 2] != ")":
        return None
    inner, outer = pattern[end], pattern[end + 2 : end + 3]
    if outer not in {"+", "*"} or pattern[end + 3 : end + 4] in {"+", "?"}:
        return None
    repeat = "+" if inner == outer == "+" else "*"
    return f"{pattern[at:end]}{repeat})", end + 3


def _atom_end(pattern: str, at: int) -> int | None:
    letter = pattern[at : at + 1]
    if letter == "\\":
        return at + 2
    if letter == "[":
        return _set_end(pattern, at)
    return at + 1 if letter and letter not in "()*+?{}|^$" else None


def _set_end(pattern: str, at: int) -> int:
    end = at + 1
    end += pattern[end : end + 1] == "^"
    end += pattern[end : end + 1] == "]"
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return end + 1


PATTERNS = (
    Codemod(
        id="flat-repetition",
        cwes=(1333, 730, 400, 625, 777),
        doc="A repetition inside of a repetition becomes one; data in patterns is escaped.",
        rewrite=_rewrite,
    ),
)
