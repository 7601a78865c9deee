"""Everything that one look at a tree gives: Python by its engine, other languages, credentials, workflows."""

from __future__ import annotations

import time
from typing import Final

from bartizan import __version__
from bartizan.workbench.code import languages, secrets, workflows
from bartizan.workbench.code.finding import Coverage, Finding, Note, Scan
from bartizan.workbench.code.python import parse
from bartizan.workbench.code.python.analyse import Analysis
from bartizan.workbench.code.python.engine import Source
from bartizan.workbench.code.python.scan import module_name
from bartizan.workbench.code.python.statements import Module
from bartizan.workbench.code.repo import File, Opened, Tree

PARTS: Final = ("python", "languages", "secrets", "workflows")


def scan(opened: Opened, parts: tuple[str, ...] = PARTS) -> Scan:
    """Scan a tree; for a change, only what stands in changed files and touches changed lines, or is reached from them, is reported."""
    began = time.process_time()
    only = frozenset(change.path for change in opened.changes if change.path) if opened.changes is not None else None
    notes: list[Note] = [Note(code="outside", file=each.path, message=each.reason) for each in opened.tree.skipped]
    found: list[Finding] = []
    coverage = Coverage()
    if "python" in parts:
        got, coverage = _python(opened.tree, notes)
        found += got
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


def _python(tree: Tree, notes: list[Note]) -> tuple[tuple[Finding, ...], Coverage]:
    sources: dict[str, Source] = {}
    tally = dict.fromkeys(Coverage.__struct_fields__, 0)
    for file in tree.ending(".py", ".pyw"):
        source, module = _parsed(tree, file)
        codes = {code for _, code in module.errors}
        notes += [Note(code=code, file=file.path, message="not all of it was understood", line=line) for line, code in module.errors]
        whole = not codes & {"too-large", "not-text"}
        tally["files"] += 1
        tally["failed" if not whole else "partial" if codes else "parsed"] += 1
        tally["lines"] += module.lines
        tally["lost_lines"] += module.lost_lines
        tally["functions"] += module.functions
        if whole:
            sources[source.name] = source
    return (tuple(Analysis(sources).run()) if sources else ()), Coverage(**tally)


def _parsed(tree: Tree, file: File) -> tuple[Source, Module]:
    text = tree.read(file.path)
    module = parse.parse(text)
    return Source(module_name(file.path), file.path, text, module), module
