"""A tree of source files with limits: what was read, what was left out and why."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import BartizanError

_NOT_SOURCE: Final = frozenset(
    {".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".venv", "venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
)


class RepoError(BartizanError):
    """A repository can't be read as asked; caught by the command line."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one repository may cost."""

    files: int = 100_000
    file_bytes: int = 2 << 20
    total_bytes: int = 1 << 30
    depth: int = 64
    git_s: float = 300.0
    """Seconds that one call of git may take."""
    git_bytes: int = 512 << 20
    """Bytes that one call of git may write."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it is in the tree; ``id`` is git's blob id, or empty for a folder's file."""

    path: str
    size: int
    id: str = ""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """What was left out of a tree, and why: never silently."""

    path: str
    reason: str


class Tree:
    """Files by their path, with forward slashes and relative to the root; bytes are read when asked for.

    ``commit`` is empty for a folder. ``read`` raises RepoError for a path that the tree does not list.
    """

    def __init__(
        self,
        files: Mapping[str, File],
        skipped: tuple[Skipped, ...],
        reader: Callable[[File], bytes],
        *,
        name: str,
        commit: str = "",
        root: Path | None = None,
        is_folder: bool = False,
    ) -> None:
        self._files = files
        self._reader = reader
        self.skipped = skipped
        self.name = name
        self.commit = commit
        self.is_folder = is_folder
        """Whether it is the whole of the folder ``root`` as it lies there."""
        self.root = root
        """The folder itself where there is one; None for a commit."""

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def __len__(self) -> int:
        return len(self._files)

    @property
    def files(self) -> tuple[File, ...]:
        """All files, sorted by path."""
        return tuple(self._files[path] for path in sorted(self._files))

    def ending(self, *suffixes: str) -> tuple[File, ...]:
        """Return the files whose name ends in one of the suffixes."""
        return tuple(file for file in self.files if file.path.endswith(suffixes))

    def read(self, path: str) -> bytes:
        """Return a file's bytes, at most as many as its listed size."""
        if (file := self._files.get(path)) is None:
            raise RepoError(f"reading {path!r} of {self.name}: the tree has no such file")
        return self._reader(file)

    def replaced(self, contents: Mapping[str, bytes | None]) -> Tree:
        """Return the tree with some files added, replaced or (None) removed; the reader of the others stays."""
        files = {path: file for path, file in self._files.items() if contents.get(path, b"") is not None}
        new = {path: data for path, data in contents.items() if data is not None}
        files |= {path: File(path=path, size=len(data)) for path, data in new.items()}
        reader = self._reader
        return Tree(
            files, self.skipped, lambda file: new[file.path] if file.path in new else reader(file), name=self.name, commit=self.commit
        )


def folder(root: Path, limits: Limits) -> Tree:
    """List a folder, or one file, without following any link; raises RepoError for a root that is neither."""
    root = root.resolve()
    if root.is_file():
        listed = {root.name: File(path=root.name, size=root.stat().st_size)}
        return Tree(listed, (), lambda file: _read(root.parent, file), name=str(root), root=root.parent)
    if not root.is_dir():
        raise RepoError(f"reading {root}: there is no such folder or file")
    files: dict[str, File] = {}
    skipped: list[Skipped] = []
    total = 0
    for path, found in _walk(root, "", limits, skipped):
        total += found.st_size
        if len(files) >= limits.files or total > limits.total_bytes:
            what = f"{limits.files} files" if len(files) >= limits.files else f"{limits.total_bytes} bytes"
            raise RepoError(f"reading {root}: more than {what}", hint="point at a part of it")
        files[path] = File(path=path, size=found.st_size)
    return Tree(files, tuple(skipped), lambda file: _read(root, file), name=str(root), root=root, is_folder=True)


def _walk(root: Path, under: str, limits: Limits, skipped: list[Skipped]) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [(under, 0)]
    while waiting:
        here, depth = waiting.pop()
        if depth > limits.depth:
            skipped.append(Skipped(path=here, reason="nested too deeply"))
            continue
        try:
            entries = sorted(os.scandir(root / here), key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(path=here, reason=f"can't be listed: {error.strerror}"))
            continue
        for entry in entries:
            path = f"{here}/{entry.name}" if here else entry.name
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) and entry.name not in _NOT_SOURCE:
                waiting.append((path, depth + 1))
            elif stat.S_ISREG(found.st_mode):
                if reason := unfit(path, found.st_size, limits):
                    skipped.append(Skipped(path=path, reason=reason))
                else:
                    yield path, found
            elif not stat.S_ISDIR(found.st_mode):
                skipped.append(Skipped(path=path, reason="a link is not followed" if entry.is_symlink() else "not a regular file"))


def unfit(path: str, size: int, limits: Limits) -> str:
    """Say why a file is left out, or nothing."""
    if size > limits.file_bytes:
        return f"larger than {limits.file_bytes} bytes"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return ""


def _read(root: Path, file: File) -> bytes:
    """Read without following a link in the last step; the file may have changed since, so what is read is bounded too."""
    where = root / file.path
    try:
        if not where.parent.resolve().is_relative_to(root):
            raise RepoError(f"reading {file.path!r}: it lies behind a link out of the tree")
        with os.fdopen(os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as source:
            return source.read(file.size)
    except OSError as error:
        raise RepoError(f"reading {file.path!r}: {error.strerror}") from error
