"""In which function a line stands, for findings of tools that do not say."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.fusion.merge import Where
from bartizan.workbench.code.repo import Tree

_LANGUAGES: Final = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".jsx": "tsx",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".java": "java",
    ".go": "go",
}
_KINDS: Final = frozenset(
    (
        "function_definition",
        "function_declaration",
        "method_definition",
        "method_declaration",
        "constructor_declaration",
        "arrow_function",
        "function_expression",
        "func_literal",
        "generator_function_declaration",
    )
)
_LARGEST: Final = 1 << 20


def functions(tree: Tree) -> Where:
    """Return what names the innermost function around a line of a tree's file: its first line, which no two functions share."""
    known: dict[str, list[tuple[int, int]]] = {}

    def where(file: str, line: int) -> str:
        if file not in known:
            known[file] = _spans(tree, file)
        around = [(first, last) for first, last in known[file] if first <= line <= last]
        return str(max(around)[0]) if around else ""

    return where


def _spans(tree: Tree, file: str) -> list[tuple[int, int]]:
    language = _LANGUAGES.get(file[file.rfind(".") :])
    if language is None or file not in tree:
        return []
    data = tree.read(file)
    if len(data) > _LARGEST:
        return []
    from ast_grep_py import SgRoot  # noqa: PLC0415 - grammars load when there is a file

    spans: list[tuple[int, int]] = []
    waiting = [SgRoot(data.decode("utf-8", "replace"), language).root()]
    while waiting:
        node = waiting.pop()
        if node.kind() in _KINDS:
            spans.append((node.range().start.line + 1, node.range().end.line + 1))
        waiting += node.children()
    return spans
