"""Patches that may be written: into a tree, or onto a new branch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bartizan.errors import WorkError
from bartizan.workbench.code.fix.branch import commit, request_text
from bartizan.workbench.code.fix.outcome import Fix
from bartizan.workbench.code.fix.patch import patched


def deliver(path: Path, fixes: Sequence[Fix], *, branch: str = "") -> str:
    """Put patches into the tree, or onto a new branch; return what was done. Patches that touch the same lines are left out by name."""
    root = path if path.is_dir() else path.parent
    files: dict[str, bytes] = {}
    taken, left = [], []
    for fix in fixes:
        try:
            files |= patched(fix.diff.encode("utf-8", "surrogateescape"), partial(_current, root, dict(files)))
            taken.append(fix)
        except WorkError:
            left.append(f"{fix.file}:{fix.line}")
    late = f"; left out because others touch the same lines: {', '.join(left)}; run it again" if left else ""
    if not taken:
        return f"nothing to write{late}"
    if branch:
        made = commit(root, branch, files, request_text(taken))
        return f"{len(taken)} patches are commit {made[:12]} on branch {branch}{late}"
    for name, data in files.items():
        (root / name).write_bytes(data)
    return f"{len(taken)} patches written into {len(files)} files{late}"


def _current(root: Path, written: dict[str, bytes], name: str) -> bytes:
    return written[name] if name in written else (root / name).read_bytes()
