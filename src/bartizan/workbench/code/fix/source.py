"""A Python file as a codemod sees it: nodes with their places, names resolved through its imports, and what encloses what."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, CodeSpan, MetadataWrapper, ParentNodeProvider

from bartizan.errors import BartizanError
from bartizan.workbench.code.fix.depth import MOST_DEEP, brackets, depth

MOST_BYTES = 1_000_000
_Function = (cst.FunctionDef, cst.Lambda)


class UnreadableError(BartizanError):
    """A file is not Python that can be rewritten; the message says why."""


class Source:
    """One parsed file. Offsets count bytes of its UTF-8 text; lines count from 1."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MOST_BYTES:
            raise UnreadableError(f"the file has {len(data)} bytes; at most {MOST_BYTES} are rewritten")
        if brackets(data) > MOST_DEEP or depth(data) > MOST_DEEP:
            raise UnreadableError(f"the file is nested deeper than {MOST_DEEP} levels")
        try:
            self.text = data.decode("utf-8")
            wrapper = MetadataWrapper(cst.parse_module(self.text), unsafe_skip_copy=True)
            self._spans: dict[cst.CSTNode, CodeSpan] = dict(wrapper.resolve(ByteSpanPositionProvider))
            self._parents: dict[cst.CSTNode, cst.CSTNode] = dict(wrapper.resolve(ParentNodeProvider))
        except (UnicodeDecodeError, cst.ParserSyntaxError, RecursionError) as error:
            raise UnreadableError(f"the file can't be parsed: {type(error).__name__}") from error
        self.data = data
        self.module = wrapper.module
        self._lines = _line_starts(data)
        self.nodes: tuple[cst.CSTNode, ...] = tuple(_walk(self.module))
        self.imports = _imports(self.nodes)

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return where a node begins and ends, without the blank and the comments around it."""
        found = self._spans[node]
        return found.start, found.start + found.length

    def code(self, node: cst.CSTNode) -> str:
        """Return a node's own text."""
        start, end = self.span(node)
        return self.data[start:end].decode("utf-8")

    def line(self, offset: int) -> int:
        """Return the line of an offset."""
        return bisect.bisect_right(self._lines, offset)

    def lines(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return a node's first and last line."""
        start, end = self.span(node)
        return self.line(start), self.line(max(start, end - 1))

    def line_start(self, line: int) -> int:
        """Return the offset at which a line begins; the end of the file for the line after the last."""
        return self._lines[line - 1] if line <= len(self._lines) else len(self.data)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return what encloses a node; None for the module."""
        return self._parents.get(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Give what encloses a node, from the inside out."""
        current = self._parents.get(node)
        while current is not None:
            yield current
            current = self._parents.get(current)

    def function(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the innermost function around a node, or the module."""
        return next((each for each in self.above(node) if isinstance(each, cst.FunctionDef)), self.module)

    def statement(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the simple statement line or the compound statement in whose head a node stands."""
        inner: cst.CSTNode = node
        for each in self.above(node):
            if isinstance(each, (cst.IndentedBlock, cst.Module)):
                return inner
            if isinstance(each, _Function[1:]):
                return None
            inner = each
        return None

    def indent(self, node: cst.CSTNode) -> str:
        """Return the blank before the line on which a node begins."""
        start = self.line_start(self.line(self.span(node)[0]))
        line = self.data[start : self.span(node)[0]].decode("utf-8")
        return line[: len(line) - len(line.lstrip())]

    def newline(self) -> str:
        """Return what ends a line in this file."""
        return "\r\n" if b"\r\n" in self.data else "\n"

    def name(self, node: cst.CSTNode | None) -> str:
        """Return a name's dotted path through the file's imports (``sp.run`` is ``subprocess.run``); empty if it is no path."""
        match node:
            case cst.Name(value=value):
                return self.imports.get(value, value)
            case cst.Attribute(value=value, attr=attr):
                inner = self.name(value)
                return f"{inner}.{attr.value}" if inner else ""
            case _:
                return ""

    def calls(self, first: int, last: int) -> list[cst.Call]:
        """Return the calls that touch these lines: those that begin nearest to the first line in front, outer ones before inner ones."""
        found = []
        for node in self.nodes:
            if isinstance(node, cst.Call):
                begins, ends = self.lines(node)
                if begins <= last and ends >= first:
                    found.append((abs(begins - first), self.span(node)[0], -self.span(node)[1], node))
        return [each[3] for each in sorted(found, key=lambda each: each[:3])]

    def on_lines(self, kind: type[cst.CSTNode] | None, first: int, last: int) -> list[cst.CSTNode]:
        """Return the nodes of a kind, or all, that touch these lines."""
        return [
            node
            for node in self.nodes
            if (kind is None or isinstance(node, kind))
            and node in self._spans
            and self.lines(node)[0] <= last
            and self.lines(node)[1] >= first
        ]

    def assigned(self, name: cst.Name) -> cst.Assign | cst.AnnAssign | None:
        """Return the one plain assignment that gives a local name its value; None where there are several or another kind."""
        scope = self.function(name)
        found: list[cst.Assign | cst.AnnAssign] = []
        for node in _within(scope):
            if isinstance(node, cst.Name) and node.value == name.value and self._binds(node):
                holder = self._plain(node)
                if holder is None:
                    return None
                found.append(holder)
        if isinstance(scope, cst.FunctionDef) and name.value in _parameters(scope):
            return None
        if len(found) != 1 or self.span(found[0])[0] > self.span(name)[0]:
            return None
        return found[0]

    def uses(self, name: cst.Name) -> list[cst.Name]:
        """Return every read of a local name in its function."""
        inside = _within(self.function(name))
        return [node for node in inside if isinstance(node, cst.Name) and node.value == name.value and self._reads(node)]

    def _reads(self, node: cst.Name) -> bool:
        parent = self._parents.get(node)
        if self._binds(node) or (isinstance(parent, cst.Attribute) and parent.attr is node):
            return False
        return not (isinstance(parent, cst.Arg) and parent.keyword is node)

    def _binds(self, node: cst.Name) -> bool:
        parent = self._parents.get(node)
        match parent:
            case cst.AssignTarget(target=target) | cst.AnnAssign(target=target) | cst.AugAssign(target=target) | cst.For(target=target):
                return target is node
            case cst.NamedExpr(target=target) | cst.CompFor(target=target):
                return target is node
            case cst.AsName(name=bound):
                return bound is node
            case cst.Element() | cst.StarredElement():
                return any(isinstance(each, (cst.AssignTarget, cst.For, cst.CompFor)) for each in self._targets(node))
            case cst.NameItem():
                return True
            case _:
                return False

    def _targets(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        inner: cst.CSTNode = node
        for each in self.above(node):
            if isinstance(each, (cst.AssignTarget, cst.For, cst.CompFor)):
                if each.target is inner:
                    yield each
                return
            if not isinstance(each, (cst.Element, cst.StarredElement, cst.Tuple, cst.List)):
                return
            inner = each

    def _plain(self, node: cst.Name) -> cst.Assign | cst.AnnAssign | None:
        parent = self._parents.get(node)
        if isinstance(parent, cst.AnnAssign) and parent.value is not None:
            return parent
        holder = self._parents.get(parent) if isinstance(parent, cst.AssignTarget) else None
        return holder if isinstance(holder, cst.Assign) and len(holder.targets) == 1 else None


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))


def _within(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Give the nodes of a function or module without those of functions and classes inside of it."""
    stack = list(scope.children)
    while stack:
        current = stack.pop()
        yield current
        if not isinstance(current, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            stack.extend(current.children)


def _parameters(function: cst.FunctionDef) -> frozenset[str]:
    return frozenset(node.name.value for node in _walk(function.params) if isinstance(node, cst.Param))


def _line_starts(data: bytes) -> list[int]:
    starts, at = [0], 0
    for line in data.splitlines(keepends=True):
        at += len(line)
        starts.append(at)
    if data.endswith((b"\n", b"\r")) or not data:
        return starts
    return starts[:-1]


def _imports(nodes: Iterable[cst.CSTNode]) -> dict[str, str]:
    """Return what each imported name stands for; a name imported twice with two meanings stands for itself."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        for name, path in _imported(node):
            found.setdefault(name, set()).add(path)
    return {name: next(iter(paths)) for name, paths in found.items() if len(paths) == 1}


def _imported(node: cst.CSTNode) -> Iterator[tuple[str, str]]:
    match node:
        case cst.Import(names=names):
            for alias in names:
                path = _dotted(alias.name)
                yield (alias.evaluated_alias or path.partition(".")[0], path if alias.asname else path.partition(".")[0])
        case cst.ImportFrom(names=names, module=module, relative=relative) if not isinstance(names, cst.ImportStar):
            front = "." * len(relative) + (_dotted(module) if module else "")
            for alias in names:
                yield (alias.evaluated_alias or alias.evaluated_name, f"{front}.{alias.evaluated_name}")
        case _:
            return


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""
