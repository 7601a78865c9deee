"""The log in SQLite: one connection writes, another reads, and a batch is a handful of statements."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from bartizan.errors import StoreError
from bartizan.store.connection import connect, is_lasting, reporting
from bartizan.store.contract import Batch, EntryRow, Head, OpenExchange, Purpose
from bartizan.store.schema import LEDGER, prepare

_WAL_PAGES = 4000
_COSIGNED = 1000
_MOST_ROWS = 32  # in one statement; each number of rows is a prepared statement that stays cached


class SqliteLog:
    """``ledger.db``. Writes come from one thread of this process; the write lock is SQLite's own, so other processes may append too.

    Rows go in by multi-row INSERTs: the driver lets go of the interpreter lock at every step, and a busy event loop makes each
    re-entry cost up to a switch interval, so that a step per row would starve the writer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._broken: StoreError | None = None
        self._writes = connect(path, journal="wal")
        try:
            self._writes.execute("PRAGMA secure_delete = OFF")  # dead ciphertext needs no wiping; its key is wiped
            self._writes.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            prepare(self._writes, LEDGER, path)
            self._reads = connect(path, journal="wal")
        except BaseException:
            self._writes.close()
            raise
        self._reads.execute("PRAGMA query_only = ON")
        self._reading = threading.Lock()
        self._version = -1

    def begin(self) -> Head:
        """Take the write lock of all processes and return the head that is true under it."""
        if self._broken is not None:
            raise self._broken
        with reporting("begin to write to", self._path):
            self._writes.execute("BEGIN IMMEDIATE")
            return _head(self._writes)

    def commit(self, batch: Batch) -> None:
        """Make a batch durable and give the lock back. Raises StoreError; nothing of the batch is then promised."""
        execute = self._writes.execute
        try:
            with reporting("append to", self._path):
                _insert(self._writes, "entry (seq, kind, state, header, facts)", 5, batch.entries)
                _insert(self._writes, "content (seq, key, body)", 3, batch.contents)
                _insert(self._writes, "open_exchange (exchange, seq, writer)", 3, batch.opened)
                _delete_open(self._writes, batch.closed)
                _insert(self._writes, "tile (level, idx, hashes)", 3, batch.tiles)
                head = batch.head
                execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?)", (head.size, head.root, head.at_us, head.note))
                execute("COMMIT")
        except StoreError as error:
            if is_lasting(error.__cause__):
                self._broken = StoreError(error.message, hint="the disk failed under the ledger; restart once it is sound")
            self.rollback()
            raise

    def rollback(self) -> None:
        """Give the lock back without a trace."""
        if self._writes.in_transaction:
            with reporting("roll back", self._path):
                self._writes.execute("ROLLBACK")

    def reclaim(self, keys: Collection[int], purpose: Purpose, *, after: int, limit: int) -> int:
        """Drop ciphertext under dead keys among ``limit`` rows past ``after``; return the last row seen, -1 at the end."""
        dead = set(keys)
        with reporting("reclaim space of", self._path):
            if purpose == "facts":
                return self._reclaim_facts(after, limit, dead)
            rows = self._writes.execute("SELECT seq, key FROM content WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)).fetchall()
            gone = [(seq,) for seq, key in rows if key in dead]
            if gone:
                self._writes.execute("BEGIN IMMEDIATE")
                self._writes.executemany("DELETE FROM content WHERE seq = ?", gone)
                self._writes.execute("COMMIT")
            return int(rows[-1][0]) if rows else -1

    def _reclaim_facts(self, after: int, limit: int, dead: set[int]) -> int:
        query = (
            "SELECT seq, json_extract(CAST(header AS TEXT), '$.facts_key') FROM entry WHERE seq > ? AND facts IS NOT NULL"
            " ORDER BY seq LIMIT ?"
        )
        rows = self._writes.execute(query, (after, limit)).fetchall()
        gone = [(seq,) for seq, key in rows if key in dead]
        if gone:
            self._writes.execute("BEGIN IMMEDIATE")
            self._writes.executemany("UPDATE entry SET facts = NULL WHERE seq = ?", gone)
            self._writes.execute("COMMIT")
        return int(rows[-1][0]) if rows else -1

    def keep_cosigned(self, size: int, note: str) -> None:
        """Keep a cosigned checkpoint, replacing one of the same size, and forget all but the newest thousand."""
        with reporting("keep a checkpoint in", self._path):
            self._writes.execute("INSERT OR REPLACE INTO cosigned VALUES (?, ?)", (size, note))
            newest = "SELECT size FROM cosigned ORDER BY size DESC LIMIT ?"
            self._writes.execute(f"DELETE FROM cosigned WHERE size NOT IN ({newest})", (_COSIGNED,))

    def head(self) -> Head:
        """Return the newest durable head."""
        with self._reading, reporting("read", self._path):
            return _head(self._reads)

    def changed(self) -> bool:
        """Say whether anything was committed since the last time this was asked; cheap."""
        with self._reading, reporting("read", self._path):
            (version,) = self._reads.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return False
        self._version = version
        return True

    def entries(self, *, after: int, before: int, kinds: Collection[str] | None, state_only: bool, limit: int) -> Sequence[EntryRow]:
        """Return rows with ``after < seq < before`` in order, at most ``limit``."""
        names = sorted(kinds) if kinds is not None else []
        query = "SELECT seq, header, facts FROM entry WHERE seq > ? AND seq < ?"
        if state_only:
            query += " AND state = 1"
        if kinds is not None:
            query += f" AND kind IN ({', '.join('?' * len(names))})"
        query += " ORDER BY seq LIMIT ?"
        with self._reading, reporting("read", self._path):
            rows = self._reads.execute(query, (after, before, *names, limit)).fetchall()
        return [EntryRow(seq=seq, header=header, facts=facts) for seq, header, facts in rows]

    def content(self, seq: int) -> bytes | None:
        """Return the content's ciphertext, None if there is none or it was reclaimed."""
        row = self._one("SELECT body FROM content WHERE seq = ?", (seq,))
        return None if row is None else bytes(row[0])

    def contents_under(self, keys: Collection[int], *, limit: int) -> Sequence[tuple[int, bytes]]:
        """Return the newest contents under some keys as (seq, ciphertext)."""
        wanted = sorted(keys)[-500:]
        query = f"SELECT seq, body FROM content WHERE key IN ({', '.join('?' * len(wanted))}) ORDER BY seq DESC LIMIT ?"
        with self._reading, reporting("read", self._path):
            rows = self._reads.execute(query, (*wanted, limit)).fetchall()
        return [(seq, bytes(body)) for seq, body in rows]

    def tile(self, level: int, index: int) -> bytes:
        """Return a tile's hashes, empty if there is no such tile."""
        row = self._one("SELECT hashes FROM tile WHERE level = ? AND idx = ?", (level, index))
        return b"" if row is None else bytes(row[0])

    def open_exchanges(self) -> Sequence[OpenExchange]:
        """Return every exchange without an end, oldest first."""
        with self._reading, reporting("read", self._path):
            rows = self._reads.execute("SELECT exchange, seq, writer FROM open_exchange ORDER BY seq").fetchall()
        return [OpenExchange(exchange=exchange, seq=seq, writer=writer) for exchange, seq, writer in rows]

    def cosigned(self, *, at_most: int | None = None) -> str | None:
        """Return the largest cosigned checkpoint note, of at most a size."""
        row = self._one("SELECT note FROM cosigned WHERE size <= ? ORDER BY size DESC LIMIT 1", (2**62 if at_most is None else at_most,))
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._reading:
            self._reads.close()
        self._writes.close()

    def _one(self, query: str, parameters: tuple[object, ...]) -> tuple[bytes, ...] | None:
        with self._reading, reporting("read", self._path):
            row: tuple[bytes, ...] | None = self._reads.execute(query, parameters).fetchone()
            return row


def _head(connection: sqlite3.Connection) -> Head:
    row = connection.execute("SELECT size, root, at_us, note FROM head").fetchone()
    return Head() if row is None else Head(size=row[0], root=row[1], at_us=row[2], note=row[3])


@cache
def _insert_sql(table: str, width: int, rows: int) -> str:
    row = f"({', '.join('?' * width)})"
    verb = "INSERT OR REPLACE" if table.startswith("tile") else "INSERT"
    return f"{verb} INTO {table} VALUES {', '.join([row] * rows)}"


@cache
def _delete_sql(rows: int) -> str:
    return f"DELETE FROM open_exchange WHERE exchange IN ({', '.join('?' * rows)})"


def _insert(connection: sqlite3.Connection, table: str, width: int, flat: list[object]) -> None:
    step = _MOST_ROWS * width
    for start in range(0, len(flat), step):
        part = flat[start : start + step]
        connection.execute(_insert_sql(table, width, len(part) // width), part)


def _delete_open(connection: sqlite3.Connection, exchanges: list[object]) -> None:
    for start in range(0, len(exchanges), _MOST_ROWS):
        part = exchanges[start : start + _MOST_ROWS]
        connection.execute(_delete_sql(len(part)), part)
