"""Which modules a change reaches: by the names that it touches, from file to file along the imports.

A module is looked at again if it is new or changed, if it mentions a name whose meaning changed in a module that it imports, or if a
finding of its own passes through a changed file. All of it is taken from the text, by words, so more is reached rather than less.
"""

from __future__ import annotations

import hashlib
import keyword
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from bartizan.workbench.code.python import ir
from bartizan.workbench.code.python import statements as st
from bartizan.workbench.code.python.modules import suffixes

if TYPE_CHECKING:
    from bartizan.workbench.code.python.cache import Kept
    from bartizan.workbench.code.python.engine import Source

_BLANKS: Final = bytes(at if chr(at).isalnum() or at == 0x5F or at >= 0x80 else 0x20 for at in range(256))
"""Makes a blank of each byte that is no part of a name."""
_FIXED: Final = frozenset(word.encode() for word in (*keyword.kwlist, "str", "int", "bool", "list", "dict", "tuple", "set", "object"))
"""Words to which no module gives a meaning of its own."""


class Block(NamedTuple):
    """A statement of a module's top level, with the decorators before it."""

    text: bytes
    bound: frozenset[bytes]
    """Names that it may give a meaning."""
    stars: bool
    """Whether it imports all names of a module."""


def words(text: bytes) -> frozenset[bytes]:
    """Return everything in a text that may be a name."""
    return frozenset(word for word in text.translate(_BLANKS).split() if not word[:1].isdigit()) - _FIXED


def blocks_of(source: Source) -> list[Block]:
    """Return a module's text, all of it, cut into its statements."""
    out: list[Block] = []
    text, end = source.text, 0
    for one in source.module.body:  # decorators before a statement are counted to it
        if one.e <= end and out:
            last = out[-1]
            out[-1] = Block(last.text, last.bound | _bound(one, last.text), last.stars or _star(one))
            continue
        piece = _between(text[end : one.s]) + text[one.s : one.e]
        out.append(Block(piece, _bound(one, piece), _star(one)))
        end = one.e
    rest = _between(text[end:])
    return [*out, Block(rest, words(rest), stars=False)] if rest else out


def _between(text: bytes) -> bytes:
    """Return what stands between two statements, without comments."""
    return b"\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(b"#"))


def _bound(one: st.Stmt, text: bytes) -> frozenset[bytes]:
    if isinstance(one, st.Do) and isinstance(one.value, ir.Const):
        return frozenset()
    if isinstance(one, st.Def | st.Class) and b"global" not in text:
        return frozenset({one.name.encode()})
    if isinstance(one, st.Assign) and isinstance(one.target, ir.Name) and b"(" not in text:
        return frozenset({one.target.id.encode()})
    return words(text)


def _star(one: st.Stmt) -> bool:
    return isinstance(one, st.Import) and one.name == "*"


def outline(source: Source) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    """Return what is kept of a module for the comparison with its next text: each statement's digest and the names that it binds."""
    return tuple((hashlib.sha256(block.text).digest()[:16], tuple(sorted(block.bound))) for block in blocks_of(source))


def _differing(old: Iterable[tuple[bytes, tuple[bytes, ...]]], new: Iterable[tuple[bytes, tuple[bytes, ...]]]) -> set[bytes]:
    """Return the names that one of two outlines binds in a statement that the other has not, or has elsewhere."""
    before, after = dict(old), dict(new)
    shared = [key for key in before if key in after]
    moved = shared != [key for key in after if key in before]
    return {name for one, other in ((before, after), (after, before)) for key in one if moved or key not in other for name in one[key]}


def affected(kept: Kept | None, hashes: Mapping[str, str], sources: Mapping[str, Source]) -> frozenset[str]:
    """Return the modules to look at again."""
    if kept is None:
        return frozenset(hashes)
    users: dict[str, set[str]] = {}
    for name, used in kept.imports.items():
        for one in used:
            users.setdefault(one, set()).add(name)
    edited = {name for name in hashes.keys() & kept.hashes.keys() if hashes[name] != kept.hashes[name]}
    moved = hashes.keys() ^ kept.hashes.keys()
    files = {sources[name].file for name in edited}
    reached = edited | (hashes.keys() - kept.hashes.keys())
    reached |= {name for name, found in kept.findings.items() if any(step.file in files for one in found for step in one.flow)}
    walk = _Walk(users, sources)
    for name in edited:
        walk.put(name, _differing(kept.outlines.get(name, ()), outline(sources[name])))
    for name in moved:
        for user in {user for one in suffixes(name) for user in _users(users, one)} & hashes.keys():
            walk.put(user, words(sources[user].text))
            reached.add(user)
    walk.run()
    return frozenset((reached | walk.touched.keys()) & hashes.keys())


def _users(users: Mapping[str, set[str]], name: str) -> set[str]:
    return users.get(name, set()) | users.get(name.rpartition(".")[0], set())


class _Walk:
    """Carries changed names from module to module until nothing is added."""

    def __init__(self, users: Mapping[str, set[str]], sources: Mapping[str, Source]) -> None:
        self._users = users
        self._sources = sources
        self._blocks: dict[str, list[tuple[frozenset[bytes], Block]]] = {}
        self.touched: dict[str, set[bytes]] = {}
        """Names whose meaning changed, by module."""
        self._todo: list[tuple[str, frozenset[bytes]]] = []

    def put(self, module: str, names: Iterable[bytes]) -> None:
        """Note changed names of a module, and what follows from them within it."""
        known = self.touched.setdefault(module, set())
        new = set(names) - known
        known |= new
        fresh = frozenset(new)
        while fresh:
            more = self._following(module, fresh) - known
            known |= more
            new |= more
            fresh = frozenset(more)
        if new:
            self._todo.append((module, frozenset(new)))

    def _following(self, module: str, names: frozenset[bytes]) -> set[bytes]:
        """Return what the statements of a module bind that mention one of these names."""
        return {name for mentioned, block in self._of(module) if not names.isdisjoint(mentioned) for name in block.bound}

    def _of(self, module: str) -> list[tuple[frozenset[bytes], Block]]:
        made = self._blocks.get(module)
        if made is None:
            source = self._sources.get(module)
            made = self._blocks[module] = [(words(block.text), block) for block in blocks_of(source)] if source is not None else []
        return made

    def run(self) -> None:
        """Carry on what was put."""
        while self._todo:
            module, names = self._todo.pop()
            for user in _users(self._users, module):
                mentioned = names & {name for some, _ in self._of(user) for name in some}
                if any(block.stars for _, block in self._of(user)):
                    mentioned = names
                if mentioned:
                    self.put(user, mentioned)
