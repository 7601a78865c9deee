"""What a codemod is: a small rewrite for one class of sink, chosen by a finding, which says why when it does not apply."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import libcst as cst
import msgspec

from bartizan.workbench.code.fix.source import Source, UnreadableError


class Edit(msgspec.Struct, frozen=True):
    """Put ``text`` in place of the bytes from ``start`` to ``end``."""

    start: int
    end: int
    text: str


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """A rewrite of one place: edits, statements that import what they need, and what a reader should know."""

    edits: tuple[Edit, ...]
    imports: tuple[str, ...] = ()
    note: str = ""


class Declined(msgspec.Struct, frozen=True, kw_only=True):
    """A codemod looked at a place and leaves it alone, for a reason that a person can act on."""

    reason: str


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The place a finding names, and what the project says about itself."""

    cwe: int
    line: int
    end_line: int
    sink_kind: str = ""
    drivers: tuple[str, ...] = ()
    """Database drivers that the project's files import, where the file itself imports none."""


Rewrite = Callable[[Source, Site], Patch | Declined | None]
"""None where there is nothing of its kind at the place."""


class Codemod(msgspec.Struct, frozen=True, kw_only=True):
    """A rewrite with its name, the weaknesses it is for, and one sentence on what it does."""

    id: str
    cwes: tuple[int, ...]
    doc: str
    rewrite: Rewrite


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """A file after a codemod."""

    data: bytes
    codemod: str
    note: str = ""


def mend(data: bytes, site: Site, codemods: Iterable[Codemod]) -> Mended | Declined:
    """Apply the first codemod for the site's weakness that fits there; the file is unchanged but for its hunk and imports."""
    try:
        source = Source(data)
    except UnreadableError as error:
        return Declined(reason=error.message)
    reasons = []
    for codemod in codemods:
        if site.cwe not in codemod.cwes:
            continue
        patch = codemod.rewrite(source, site)
        if isinstance(patch, Declined):
            reasons.append(f"{codemod.id}: {patch.reason}")
        elif patch is not None and patch.edits:
            return _made(source, patch, codemod)
    return Declined(reason="; ".join(reasons) or f"no codemod knows this form of CWE-{site.cwe}")


def _made(source: Source, patch: Patch, codemod: Codemod) -> Mended | Declined:
    data = _insert_imports(edited(source.data, patch.edits), patch.imports, source.newline())
    try:
        Source(data)
    except UnreadableError:
        return Declined(reason=f"{codemod.id}: what came out does not parse")
    return Mended(data=data, codemod=codemod.id, note=patch.note)


def edited(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Apply edits that do not overlap."""
    out, at = [], 0
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        out += [data[at : edit.start], edit.text.encode()]
        at = edit.end
    return b"".join([*out, data[at:]])


def _insert_imports(data: bytes, statements: Iterable[str], newline: str) -> bytes:
    """Put import statements that the file lacks after its last leading import, else after its docstring."""
    source = Source(data)
    have = {source.code(node) for node in source.nodes if isinstance(node, (cst.Import, cst.ImportFrom)) and _is_top(source, node)}
    wanted = [each for each in dict.fromkeys(statements) if each not in have]
    if not wanted:
        return data
    after = 0
    for statement in source.module.body:
        if _is_import(statement) or (after == 0 and _is_docstring(statement)):
            after = source.lines(statement)[1]
        elif after or not _is_import(statement):
            break
    text = "".join(f"{each}{newline}" for each in wanted)
    if after:
        at = source.line_start(after + 1)
        front = data[:at] if data[:at].endswith((b"\n", b"\r")) else data[:at] + newline.encode()
        blank = newline if _is_docstring_only(source, after) else ""
        return front + (blank + text).encode() + data[at:]
    at = _after_header(source)
    return data[:at] + text.encode() + data[at:]


def _is_top(source: Source, node: cst.CSTNode) -> bool:
    parent = source.parent(node)
    return parent is not None and isinstance(source.parent(parent), cst.Module)


def _is_import(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(isinstance(each, (cst.Import, cst.ImportFrom)) for each in statement.body)


def _is_docstring(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    only = statement.body[0]
    return isinstance(only, cst.Expr) and isinstance(only.value, (cst.SimpleString, cst.ConcatenatedString))


def _is_docstring_only(source: Source, after: int) -> bool:
    first = source.module.body[0]
    return _is_docstring(first) and source.lines(first)[1] == after


def _after_header(source: Source) -> int:
    """Return the offset after a shebang, an encoding line and the comments directly under them."""
    at = 0
    for line in source.data.splitlines(keepends=True):
        if not line.startswith((b"#!", b"# -*-", b"# coding", b"\xef\xbb\xbf#")):
            break
        at += len(line)
    return at
