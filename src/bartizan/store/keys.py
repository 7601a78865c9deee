"""The keyring in SQLite: a file of its own with a rollback journal, so that a deleted key is in no log of old pages."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from bartizan.event import RetentionClass
from bartizan.store.connection import connect, reporting
from bartizan.store.contract import KeyRow, Purpose
from bartizan.store.schema import KEYS, prepare

_COLUMNS = "id, purpose, subject, retention, period"
_USE = "purpose = ? AND subject = ? AND retention = ? AND period = ?"


class SqliteKeys:
    """``keys.db``. ``secure_delete`` zeroes what is deleted and the journal, which held the old page, is truncated by the commit.

    Old blocks may live on under a journalling or copying file system and in backups: give this file's backups the shortest life.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._database = connect(path, journal="truncate")
        try:
            self._database.execute("PRAGMA secure_delete = ON")
            prepare(self._database, KEYS, path)
        except BaseException:
            self._database.close()
            raise
        self._version = -1

    def changed(self) -> bool:
        """Say whether another process changed the keyring since the last time this was asked."""
        with self._lock, reporting("read", self._path):
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
            before, self._version = self._version, version
        return bool(version != before)

    def newest(self, purpose: Purpose, subject: str, retention: RetentionClass, period: str) -> KeyRow | None:
        """Return the key that seals new entries."""
        query = f"SELECT {_COLUMNS}, wrapped FROM dek WHERE {_USE} ORDER BY id DESC LIMIT 1"
        return self._one(query, (purpose, subject, retention, period))

    def get(self, key: int) -> KeyRow | None:
        """Return a key by id, None once it is destroyed."""
        return self._one(f"SELECT {_COLUMNS}, wrapped FROM dek WHERE id = ?", (key,))

    def add(self, rows: Sequence[KeyRow]) -> Sequence[KeyRow]:
        """Make keys durable and return them with their ids; where another process was first, its key comes back."""
        added: list[KeyRow] = []
        insert = "INSERT INTO dek (purpose, subject, retention, period, wrapped) VALUES (?, ?, ?, ?, ?)"
        with self._lock, reporting("add keys to", self._path), self._transaction():
            for row in rows:
                there = self.newest(row.purpose, row.subject, row.retention, row.period)
                if there is None:
                    done = self._database.execute(insert, (row.purpose, row.subject, row.retention, row.period, row.wrapped))
                    there = msgspec.structs.replace(row, id=done.lastrowid or 0)
                added.append(there)
        return added

    def select(self, purpose: Purpose, *, subjects: Collection[str] | None = None) -> Iterator[KeyRow]:
        """Yield keys without their secrets, all or those of some subjects."""
        with self._lock, reporting("read", self._path):
            if subjects is None:
                rows = self._database.execute(f"SELECT {_COLUMNS} FROM dek WHERE purpose = ?", (purpose,)).fetchall()
            else:
                query = f"SELECT {_COLUMNS} FROM dek WHERE purpose = ? AND subject = ?"
                rows = [row for subject in subjects for row in self._database.execute(query, (purpose, subject)).fetchall()]
        for key, use, subject, retention, period in rows:
            yield KeyRow(id=key, purpose=use, subject=subject, retention=retention, period=period)

    def destroy(self, keys: Sequence[int], receipts: Sequence[bytes]) -> Sequence[int]:
        """Delete keys beyond recovery from this file, and keep the receipts until ``settle``, in one transaction; return their ids."""
        insert = "INSERT INTO receipt (body) VALUES (?)"
        with self._lock, reporting("destroy keys of", self._path), self._transaction():
            self._database.executemany("DELETE FROM dek WHERE id = ?", [(key,) for key in keys])
            return [self._database.execute(insert, (body,)).lastrowid or 0 for body in receipts]

    def unsettled(self) -> Sequence[tuple[int, bytes]]:
        """Return receipts of keys destroyed that may not be on record yet."""
        with self._lock, reporting("read", self._path):
            return [(row[0], row[1]) for row in self._database.execute("SELECT id, body FROM receipt ORDER BY id")]

    def settle(self, receipts: Sequence[int]) -> None:
        """Forget receipts that are on record."""
        with self._lock, reporting("settle receipts of", self._path), self._transaction():
            self._database.executemany("DELETE FROM receipt WHERE id = ?", [(receipt,) for receipt in receipts])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def _one(self, query: str, parameters: tuple[object, ...]) -> KeyRow | None:
        with self._lock, reporting("read", self._path):
            row = self._database.execute(query, parameters).fetchone()
        if row is None:
            return None
        return KeyRow(id=row[0], purpose=row[1], subject=row[2], retention=row[3], period=row[4], wrapped=row[5])

    def _transaction(self) -> _Transaction:
        return _Transaction(self)


class _Transaction:
    """``BEGIN IMMEDIATE`` to ``COMMIT``, or ``ROLLBACK`` on any error."""

    def __init__(self, keys: SqliteKeys) -> None:
        self._database = keys._database  # noqa: SLF001 - the other half of the class above

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self._database.execute("COMMIT")
        elif self._database.in_transaction:
            self._database.execute("ROLLBACK")
