"""Everything that one look at a tree gives: Python by its engine, other languages, credentials, workflows."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from bartizan import __version__
from bartizan.workbench.code import languages, python, secrets, workflows
from bartizan.workbench.code.finding import Coverage, Finding, Note, Scan
from bartizan.workbench.code.repo import Opened, Tree

PARTS: Final = ("python", "languages", "secrets", "workflows")


def scan(opened: Opened, parts: tuple[str, ...] = PARTS, *, cache: Path | None = None) -> Scan:
    """Scan a tree; for a change, only what stands on changed lines, or on whose way one lies, is reported.

    Args:
        opened: The tree, and what changed in it.
        parts: Which of ``PARTS``.
        cache: A folder in which the Python engine keeps what it has seen.
    """
    began = time.process_time()
    only = frozenset(change.path for change in opened.changes if change.path) if opened.changes is not None else None
    notes: list[Note] = [Note(code="outside", file=each.path, message=each.reason) for each in opened.tree.skipped]
    found: list[Finding] = []
    coverage = Coverage()
    if "python" in parts:
        done = _python(opened.tree, cache)
        found += done.findings
        notes += done.notes
        coverage = done.coverage
    if "languages" in parts:
        done = languages.scan(opened.tree)
        found += done.findings
        notes += done.notes
        coverage = Coverage(**{name: getattr(coverage, name) + getattr(done.coverage, name) for name in Coverage.__struct_fields__})
    if "secrets" in parts:
        known = {(one.file, one.line) for one in found if one.sink_kind == "secret" or one.cwe in {798, 259, 321}}
        found += [one for one in secrets.scan(opened.tree, notes, only=only) if (one.file, one.line) not in known]
    if "workflows" in parts:
        found += workflows.scan(opened.tree, notes, only=only)
    if opened.changes is not None:
        found = [one for one in found if touched(one, opened)]
    ordered = tuple(sorted(found, key=lambda one: (one.file, one.line, one.cwe, one.rule)))
    return Scan(findings=ordered, notes=tuple(notes), coverage=coverage, version=__version__, cpu_s=round(time.process_time() - began, 3))


def touched(finding: Finding, opened: Opened) -> bool:
    """Say whether a finding's own line, or a step of its flow, is one that the change wrote."""
    places = [(finding.file, finding.line, finding.end_line or finding.line), *((step.file, step.line, step.line) for step in finding.flow)]
    for file, first, last in places:
        change = opened.changed(file)
        if change is not None and (not change.before or change.touches(first, last)):
            return True
    return False


def _python(tree: Tree, cache: Path | None) -> Scan:
    """Run the engine: on the folder where the tree is one, else on the tree's Python files, written into a folder of their own."""
    files = tree.ending(".py", ".pyw")
    if not files:
        return Scan()
    if tree.root is not None and tree.is_folder:
        return python.scan(tree.root, cache=cache)
    with tempfile.TemporaryDirectory(prefix="bartizan-code-") as at:
        folder = Path(at).resolve()
        for file in files:
            parts = file.path.split("/")
            if not set(parts) & {"", ".", "..", ".git"}:  # git's objects may hold any name
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tree.read(file.path))
        return python.scan(folder, cache=cache)
