"""Scan a tree: find its Python files, parse them, run the engine; say what could not be read."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from bartizan import __version__
from bartizan.errors import ConfigError
from bartizan.workbench.code.finding import Coverage, Note, Scan
from bartizan.workbench.code.python import parse
from bartizan.workbench.code.python.analyse import Analysis
from bartizan.workbench.code.python.engine import Source

MOST_FILES: Final = 50_000
_SKIPPED: Final = frozenset({".git", ".hg", ".svn", "__pycache__", ".tox", ".nox", ".venv", "venv", "node_modules", ".mypy_cache", ".eggs"})
_MESSAGES: Final = {
    "syntax-error": "a syntax error; read around it",
    "too-large": f"larger than {parse.LARGEST} bytes; not read",
    "not-text": "holds null bytes; not read",
    "too-deep": "nested too deeply; what is below was left out",
}


def scan(root: Path, *, only: frozenset[str] | None = None) -> Scan:
    """Scan a file or a tree; nothing of it is imported or executed.

    Args:
        root: A Python file or a folder; links out of it are not followed.
        only: Report only these files, relative to the root; all are read all the same.

    Raises:
        ConfigError: There is nothing at that path.
    """
    begun = time.process_time()
    if not root.exists():
        raise ConfigError(f"there is nothing at {root}", hint="give a file or a folder")
    notes: list[Note] = []
    sources: dict[str, Source] = {}
    tally = {"files": 0, "parsed": 0, "partial": 0, "failed": 0, "lines": 0, "lost_lines": 0, "functions": 0}
    for path in files_of(root, notes):
        tally["files"] += 1
        source = _read(root, path, notes, tally)
        if source is not None:
            sources[source.name] = source
    findings = Analysis(sources).run()
    kept = tuple(one for one in findings if only is None or one.file in only)
    return Scan(
        findings=kept,
        notes=tuple(notes),
        coverage=Coverage(**tally),
        version=__version__,
        cpu_s=round(time.process_time() - begun, 3),
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


def _read(root: Path, path: Path, notes: list[Note], tally: dict[str, int]) -> Source | None:
    relative = path.relative_to(root).as_posix() if root.is_dir() else path.name
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            text = file.read(parse.LARGEST + 1)
    except OSError as error:
        notes.append(Note(code="unreadable", file=relative, message=error.strerror or "can't be read"))
        tally["failed"] += 1
        return None
    module = parse.parse(text) if size <= parse.LARGEST else parse.parse(b"x" * (parse.LARGEST + 1))
    codes = {code for _, code in module.errors}
    for line, code in module.errors:
        notes.append(Note(code=code, file=relative, message=_MESSAGES[code], line=line))
    tally["lines"] += module.lines
    tally["lost_lines"] += module.lost_lines
    tally["functions"] += module.functions
    whole = not codes & {"too-large", "not-text"}
    tally["failed" if not whole else "partial" if codes else "parsed"] += 1
    return Source(module_name(relative), relative, text, module) if whole else None


def module_name(relative: str) -> str:
    """Return the dotted name under which a file is imported from the root."""
    name = relative.rpartition(".")[0].replace("/", ".")
    return name.removesuffix(".__init__") if name != "__init__" else name
