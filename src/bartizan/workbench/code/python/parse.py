"""From the bytes of a file to the tree, by a grammar of its own: what the host's Python can parse does not matter."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import tree_sitter_python
from tree_sitter import Language, Parser

from bartizan.workbench.code.python.build import Builder
from bartizan.workbench.code.python.statements import Module

LARGEST: Final = 2_000_000
"""Bytes of a file that is still read."""
_PARSER: Final = Parser(Language(tree_sitter_python.language()))
_DECODER: Final = msgspec.msgpack.Decoder(Module)
_BOM: Final = b"\xef\xbb\xbf"


def parse(source: bytes) -> Module:
    """Parse a file; never raises: what can't be understood is counted and named in ``errors``."""
    if len(source) > LARGEST:
        return _nothing(source, "too-large")
    if b"\x00" in source:
        return _nothing(source, "not-text")
    if source.startswith(_BOM):
        source = b"   " + source[3:]
    if b"\r" in source:
        source = source.replace(b"\r\n", b" \n").replace(b"\r", b"\n")
    tree = _PARSER.parse(source)
    builder = Builder(source)
    body = builder.module(tree.root_node)
    lost, errors = _errors(tree.root_node) if tree.root_node.has_error else (0, [])
    return Module(
        body=body,
        lines=source.count(b"\n") + (not source.endswith(b"\n")),
        lost_lines=lost,
        functions=builder.functions,
        errors=tuple(sorted({*errors, *builder.errors})[:20]),
    )


def _nothing(source: bytes, code: str) -> Module:
    lines = source.count(b"\n") + 1
    return Module(body=(), lines=lines, lost_lines=lines, functions=0, errors=((0, code),))


def _errors(root: Any) -> tuple[int, list[tuple[int, str]]]:
    lost: set[int] = set()
    errors: list[tuple[int, str]] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            rows = range(node.start_point[0] + 1, node.end_point[0] + 2)
            lost.update(rows)
            errors.append((rows.start, "syntax-error"))
        elif node.has_error:
            stack.extend(node.children)
    return len(lost), errors


def stored(module: Module) -> bytes:
    """Encode a parsed module for the cache."""
    return msgspec.msgpack.encode(module)


def restored(data: bytes) -> Module:
    """Decode what ``stored`` gave.

    Raises:
        msgspec.MsgspecError: It is something else.
    """
    return _DECODER.decode(data)
