"""SQLite connections as bartizan wants them: durable at commit, private, and speaking StoreError."""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from bartizan.errors import StoreError

_BUSY_MS = 30_000

Journal = Literal["wal", "truncate"]


def connect(path: Path, *, journal: Journal) -> sqlite3.Connection:
    """Open a database file, creating it with mode 0600; commits are on disk when they return (``synchronous=FULL``).

    Manual transactions. The connection may be used from several threads, one at a time.
    """
    with reporting("open", path):
        prepare_file(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        return connection


def prepare_file(path: Path) -> None:
    """Create an empty file with mode 0600 in a directory with mode 0700, if it is not there."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def reporting(doing: str, path: Path) -> AbstractContextManager[None]:
    """Turn the driver's errors into StoreError that says what was done to which file."""
    return _Reporting(doing, path)


class _Reporting:
    """Three of these surround every commit: a class, since a ``contextmanager`` takes 5,000 instructions more."""

    __slots__ = ("_doing", "_path")

    def __init__(self, doing: str, path: Path) -> None:
        self._doing = doing
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise StoreError(f"cannot {self._doing} {self._path}: {error}", hint=_hint(error)) from error
        if isinstance(error, OSError):
            problem = error.strerror or error
            raise StoreError(f"cannot {self._doing} {self._path}: {problem}", hint="check the disk and the file's permissions") from error


def is_lasting(error: BaseException | None) -> bool:
    """Say whether the file can't be trusted to take a write again until it is reopened: an I/O error, not a full disk.

    After a failed fsync the kernel may drop the pages and report the next one as good, so nothing later proves the earlier durable.
    """
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "").startswith(
        ("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")
    )


def _hint(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return "free disk space; nothing was recorded and nothing is served until it can be"
    if name.startswith("SQLITE_BUSY"):
        return "another process holds the write lock; see bartizan doctor"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "the file is damaged or not ours; restore a backup and run bartizan ledger verify"
    return "see bartizan doctor"
