"""Scan a tree: find its Python files, parse them, run the engine; say what could not be read."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

from bartizan import __version__
from bartizan.errors import ConfigError
from bartizan.workbench.code.finding import Coverage, Finding, Note, Scan
from bartizan.workbench.code.python import parse, results
from bartizan.workbench.code.python.analyse import Analysis
from bartizan.workbench.code.python.cache import Cache, Kept, digest
from bartizan.workbench.code.python.changes import affected
from bartizan.workbench.code.python.engine import Source

MOST_FILES: Final = 50_000
_DEEPEST: Final = 12_000
"""Frames of our own walk over hostile nesting."""
_SKIPPED: Final = frozenset({".git", ".hg", ".svn", "__pycache__", ".tox", ".nox", ".venv", "venv", "node_modules", ".mypy_cache", ".eggs"})
_MESSAGES: Final = {
    "syntax-error": "a syntax error; read around it",
    "too-large": f"larger than {parse.LARGEST} bytes; not read",
    "not-text": "holds null bytes; not read",
    "too-deep": "nested too deeply; what is below was left out",
}


def scan(root: Path, *, only: frozenset[str] | None = None, cache: Path | None = None) -> Scan:
    """Scan a file or a tree; nothing of it is imported or executed.

    Args:
        root: A Python file or a folder; links out of it are not followed.
        only: Report only these files, relative to the root; all are read all the same.
        cache: A folder that keeps trees and findings, so that the next scan looks only at what has changed.

    Raises:
        ConfigError: There is nothing at that path.
    """
    begun = time.process_time()
    if not root.exists():
        raise ConfigError(f"there is nothing at {root}", hint="give a file or a folder")
    keeper = Cache(cache, root)
    notes: list[Note] = []
    sources: dict[str, Source] = {}
    hashes: dict[str, str] = {}
    files = files_of(root, notes)
    package = package_of(root)
    for path in files:
        source = _read(root, path, package, notes, keeper, hashes)
        if source is not None:
            sources[source.name] = source
    kept = keeper.last()
    looked = affected(kept, hashes, sources)
    found, imports = _analysed(sources, package, looked, kept, notes)
    keeper.keep(sources, hashes, imports, found, kept)
    coverage = _coverage(len(files), sources)
    findings = [one for one in results.merged(one for some in found.values() for one in some) if only is None or one.file in only]
    return Scan(
        findings=tuple(findings),
        notes=tuple(notes),
        coverage=coverage,
        version=__version__,
        cpu_s=round(time.process_time() - begun, 3),
        reused=len(sources) - len(looked),
    )


def _analysed(
    sources: dict[str, Source], package: str, looked: frozenset[str], kept: Kept | None, notes: list[Note]
) -> tuple[dict[str, list[Finding]], dict[str, set[str]]]:
    """Return findings and imports by module: fresh for those to be looked at, kept for the others."""
    analysis = Analysis(sources, package)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEPEST))
    try:
        found = analysis.run(looked)
    finally:
        sys.setrecursionlimit(limit)
    notes.extend(analysis.notes)
    imports = {name: used for name, used in analysis.imports.items() if name in looked}
    if kept is not None:
        for name in sources.keys() - looked:
            found[name] = [*found.get(name, []), *kept.findings.get(name, ())]
            imports[name] = set(kept.imports.get(name, ()))
    return found, imports


def _coverage(files: int, sources: dict[str, Source]) -> Coverage:
    modules = [source.module for source in sources.values()]
    failed = files - len(modules)
    lost = sum(module.lost_lines for module in modules)
    return Coverage(
        files=files,
        parsed=sum(not module.errors for module in modules),
        partial=sum(bool(module.errors) for module in modules),
        failed=failed,
        lines=sum(module.lines for module in modules),
        lost_lines=lost,
        functions=sum(module.functions for module in modules),
    )


def files_of(root: Path, notes: list[Note]) -> list[Path]:
    """Return the Python files of a tree in order; links and what is too much become notes."""
    if root.is_file():
        return [root]
    found: list[Path] = []
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if not name.endswith((".py", ".pyw")):
                continue
            relative = path.relative_to(root).as_posix()
            if path.is_symlink():
                notes.append(Note(code="outside", file=relative, message="a link; not followed"))
            elif not path.is_file():
                notes.append(Note(code="unreadable", file=relative, message="no regular file; not read"))
            elif len(found) >= MOST_FILES:
                notes.append(Note(code="too-many-files", file=relative, message=f"more than {MOST_FILES} files; the rest is not read"))
                return found
            else:
                found.append(path)
    return found


def _read(root: Path, path: Path, package: str, notes: list[Note], keeper: Cache, hashes: dict[str, str]) -> Source | None:
    relative = path.relative_to(root).as_posix() if root.is_dir() else path.name
    try:
        with path.open("rb") as file:
            text = file.read(parse.LARGEST + 1)
    except OSError as error:
        notes.append(Note(code="unreadable", file=relative, message=error.strerror or "can't be read"))
        return None
    key = digest(text)
    module = keeper.tree(text, key)
    codes = {code for _, code in module.errors}
    for line, code in module.errors:
        notes.append(Note(code=code, file=relative, message=_MESSAGES[code], line=line))
    if codes & {"too-large", "not-text"}:
        return None
    name = module_name(relative, package)
    hashes[name] = key
    return Source(name, relative, text, lambda: module)


def package_of(root: Path) -> str:
    """Return the name by which the modules of a scanned folder import it; empty if it is no package."""
    name = root.resolve().name
    return name if name.isidentifier() and (root / "__init__.py").is_file() else ""


def module_name(relative: str, package: str = "") -> str:
    """Return the dotted name of a file's module, below the root or, if the root is a package itself, within that."""
    name = relative.rpartition(".")[0].replace("/", ".")
    name = f"{package}.{name}" if package else name
    return name.removesuffix(".__init__") if name != "__init__" else name
