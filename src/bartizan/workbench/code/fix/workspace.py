"""A copy of a tree in which patches are tried, so that the tree itself is never touched."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, Self

from bartizan.errors import WorkError

_MOST_FILES: Final = 50_000
_MOST_FILE_BYTES: Final = 4 << 20
_MOST_BYTES: Final = 512 << 20
_LEFT_OUT: Final = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".mypy_cache", ".ruff_cache"))


class Workspace:
    """A private copy of a tree's regular files; links, devices and version control are left behind. Use as a context manager."""

    def __init__(self, root: Path) -> None:
        self.origin = root
        self._holder = tempfile.TemporaryDirectory(prefix="bartizan-fix-")
        self.root = Path(self._holder.name) / "tree"

    def __enter__(self) -> Self:
        self.root.mkdir()
        if self.origin.is_file():
            shutil.copyfile(self.origin, self.root / self.origin.name, follow_symlinks=False)
            return self
        total = 0
        for count, path in enumerate(_files(self.origin)):
            size = path.stat(follow_symlinks=False).st_size
            total += size if size <= _MOST_FILE_BYTES else 0
            if count >= _MOST_FILES or total > _MOST_BYTES:
                raise WorkError(
                    f"{self.origin} holds more than {_MOST_FILES} files or {_MOST_BYTES >> 20} MiB", hint="name a folder inside of it"
                )
            if size <= _MOST_FILE_BYTES:
                target = self.root / path.relative_to(self.origin)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target, follow_symlinks=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.cleanup()

    def read(self, name: str) -> bytes:
        """Return a file's bytes; raises WorkError where there is none or the name leads out of the tree."""
        try:
            return self._path(name).read_bytes()
        except OSError as error:
            raise WorkError(f"{name} can't be read: {error.strerror}") from error

    @contextmanager
    def changed(self, files: Mapping[str, bytes]) -> Iterator[Path]:
        """Put other bytes into files for the time of the block."""
        before = {name: self.read(name) for name in files}
        try:
            for name, data in files.items():
                self._path(name).write_bytes(data)
            yield self.root
        finally:
            for name, data in before.items():
                self._path(name).write_bytes(data)

    def _path(self, name: str) -> Path:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise WorkError(f"{name!r} is no path inside of the tree")
        return self.root / pure


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        at = Path(folder)
        folders[:] = sorted(each for each in folders if each not in _LEFT_OUT and not (at / each).is_symlink())
        for name in sorted(names):
            path = at / name
            if path.is_file() and not path.is_symlink():
                yield path


def unified(name: str, before: bytes, after: bytes) -> str:
    """Return a unified diff that ``git apply`` and ``patch -p1`` take; empty for equal bytes."""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(data: bytes) -> list[str]:
    """Return lines as git sees them: only a newline ends one, a form feed does not."""
    parts = data.decode("utf-8", "surrogateescape").split("\n")
    return [f"{part}\n" for part in parts[:-1]] + parts[-1:] * bool(parts[-1])


def changed_lines(diff: str) -> int:
    """Count the lines that a unified diff adds or takes away."""
    return sum(line[:1] in {"+", "-"} and not line.startswith(("+++ ", "--- ")) for line in diff.splitlines())
