"""How deep a file's syntax is nested, measured before libcst sees it: its parser recurses natively, and deep nesting ends the process."""

from __future__ import annotations

from typing import Final

import tree_sitter
import tree_sitter_python

MOST_DEEP: Final = 200
"""libcst dies at a few thousand levels and Python's own recursion ends at some hundreds; real code stays under 60."""

_FLAT: Final = frozenset(("if_statement", "concatenated_string"))
"""What tree-sitter lists side by side and libcst nests."""


def depth(data: bytes) -> int:
    """Return the depth of the syntax tree, in which each ``elif`` and each string in a row counts as a level."""
    cursor = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language())).parse(data).walk()
    deepest, level = 0, 0
    while True:
        node = cursor.node
        if node is not None and node.type in _FLAT:
            deepest = max(deepest, level + node.child_count)
        if cursor.goto_first_child():
            level += 1
            deepest = max(deepest, level)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return deepest
            level -= 1


def brackets(data: bytes) -> int:
    """Return how many brackets are open at once at most, strings and comments counted too; for what tree-sitter sees as a flat error."""
    deepest = level = 0
    for byte in data:
        if byte in b"([{":
            level += 1
            deepest = max(deepest, level)
        elif byte in b")]}" and level:
            level -= 1
    return deepest
