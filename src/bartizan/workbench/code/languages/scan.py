"""Scan the files of other languages in a tree: parse, run, judge, and say what was not understood."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import re2

from bartizan import __version__
from bartizan.workbench.code.finding import Coverage, Finding, Note, Scan
from bartizan.workbench.code.languages import templates
from bartizan.workbench.code.languages.costly import costly
from bartizan.workbench.code.languages.flow import Flow
from bartizan.workbench.code.languages.form import Module
from bartizan.workbench.code.languages.project import Project
from bartizan.workbench.code.languages.rules import table
from bartizan.workbench.code.languages.sinks import Facts, Reports, sorted_by_place
from bartizan.workbench.code.languages.values import Taint
from bartizan.workbench.code.repo import File, Tree

SUFFIXES: Final = {
    "javascript": (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"),
    "java": (".java",),
    "go": (".go",),
}
_GRAMMARS: Final = {"javascript": "tsx", "java": "java", "go": "go"}
_VENDORED: Final = ("vendor/", "node_modules/", "bower_components/", "third_party/", "dist/", "public/lib/", "static/lib/")
_imported: Final = re2.compile(r"""(?:require\(|from|import)\s*['"]([^'"]{1,100})['"]""")
_objects: Final = re2.compile(r"(?:express|bodyParser|body|parser|koaBody)\.json\(|extended\s*:\s*true|bodyParser\(\)|[,(] *json\(\)")
_LONGEST_LINE: Final = 3_000
_LARGEST: Final = 1 << 20


def scan(tree: Tree, *, only: frozenset[str] | None = None) -> Scan:
    """Scan every language that has rules; ``only`` keeps findings of these files (what they call elsewhere is still followed)."""
    began = time.process_time()
    found: list[Finding] = []
    notes: list[Note] = []
    coverage = Coverage()
    holes = templates.holes(tree, notes)
    shown: set[tuple[str, int, int]] = set()
    for language, suffixes in SUFFIXES.items():
        files = tree.ending(*suffixes)
        if not files or (only is not None and not any(file.path in only for file in files)):
            continue
        got, covered = _language(tree, language, files, notes, holes, shown)
        found += [finding for finding in got if only is None or finding.file in only]
        coverage = _sum(coverage, covered)
    found += [
        templates.bare(hole) for hole in holes if (hole.file, hole.line, hole.column) not in shown and (only is None or hole.file in only)
    ]
    return Scan(
        findings=sorted_by_place(found),
        notes=tuple(notes),
        coverage=coverage,
        version=__version__,
        cpu_s=round(time.process_time() - began, 3),
    )


def _language(
    tree: Tree,
    language: str,
    files: tuple[File, ...],
    notes: list[Note],
    holes: tuple[templates.Hole, ...],
    shown: set[tuple[str, int, int]],
) -> tuple[tuple[Finding, ...], Coverage]:
    modules: dict[str, Module] = {}
    lost = 0
    sources = {file.path: text for file in files if (text := _text(tree, file, notes)) is not None}
    slow = costly({path: text.encode() for path, text in sources.items()}, _GRAMMARS[language])
    for path, text in sources.items():
        if path in slow:
            notes.append(Note(code="budget", file=path, message="parsing takes too long"))
            continue
        module = modules[path] = _reader(language)(path, text)
        lost += module.broken
        if module.broken:
            notes.append(Note(code="syntax-error", file=path, message=f"{module.broken} lines inside syntax errors"))
    own = len(modules)
    if language == "javascript":
        _pages(tree, modules)
    reports = Reports(table(language), _facts(modules, holes))
    flow = _run(modules, reports, {})
    if flow.stored:  # what one request puts into a session another reads: once more, knowing it
        flow = _run(modules, reports, flow.stored)
    shown |= reports.shown
    if flow.spent:
        notes.append(Note(code="budget", file="", message=f"the {language} files were followed only until the budget of steps was spent"))
    broken = sum(module.broken > 0 for path, module in modules.items() if path in {file.path for file in files})
    return tuple(reports.found.values()), Coverage(
        files=len(files),
        parsed=own - broken,
        partial=broken,
        failed=len(files) - own,
        lines=sum(len(module.lines) for module in modules.values()),
        lost_lines=lost,
    )


def _pages(tree: Tree, modules: dict[str, Module]) -> None:
    """Add the scripts that stand in pages; a page whose template breaks the script gives what can be read of it."""
    sources: dict[str, str] = {}
    for file in tree.ending(*templates.SUFFIXES):
        if file.size > 1 << 19 or any(f"/{part}" in f"/{file.path}" for part in _VENDORED):
            continue
        source = templates.scripts(tree.read(file.path).decode("utf-8", "replace"))
        if source.strip() and not any(len(line) > _LONGEST_LINE for line in source.splitlines()):
            sources[file.path] = source
    slow = costly({path: text.encode() for path, text in sources.items()}, _GRAMMARS["javascript"])
    modules |= {path: _reader("javascript")(path, text) for path, text in sources.items() if path not in slow}


def _run(modules: dict[str, Module], reports: Reports, stored: dict[str, tuple[Taint, ...]]) -> Flow:
    flow = Flow(Project(modules), reports, stored)
    for module in modules.values():
        flow.exports(module)
    for module in modules.values():
        flow.run(module)
    return flow


def _facts(modules: dict[str, Module], holes: tuple[templates.Hole, ...]) -> Facts:
    spoken = [line for module in modules.values() for line in module.lines if not line.lstrip().startswith(("//", "*", "/*"))]
    imported = frozenset(match.group(1) for line in spoken for match in _imported.finditer(line))
    lines = [
        line for module in modules.values() for line in module.lines if ".json(" in line or "extended" in line or "bodyParser(" in line
    ]
    objects = any(_objects.search(line) for line in lines) or not imported & {"body-parser", "express"}
    return Facts(imported=imported, objects=objects, holes=holes)


def _text(tree: Tree, file: File, notes: list[Note]) -> str | None:
    if any(f"/{part}" in f"/{file.path}" for part in _VENDORED) or ".min." in file.path:
        notes.append(Note(code="outside", file=file.path, message="a library's copy or a built file is not scanned"))
        return None
    if file.size > _LARGEST:
        notes.append(Note(code="too-large", file=file.path, message=f"larger than {_LARGEST} bytes"))
        return None
    try:
        source = tree.read(file.path).decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append(Note(code="not-text", file=file.path, message="not UTF-8"))
        return None
    if any(len(line) > _LONGEST_LINE for line in source.splitlines()):
        notes.append(Note(code="too-deep", file=file.path, message="lines as of a built file"))
        return None
    return source


def _reader(language: str) -> Callable[[str, str], Module]:
    from bartizan.workbench.code.languages import golang, java, javascript  # noqa: PLC0415 - grammars load when a language is there

    return {"javascript": javascript.module, "java": java.module, "go": golang.module}[language]


def _sum(one: Coverage, other: Coverage) -> Coverage:
    return Coverage(**{name: getattr(one, name) + getattr(other, name) for name in Coverage.__struct_fields__})
