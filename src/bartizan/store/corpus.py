"""The reports that were read, searchable by their words: ``intel.db``, which is made from the ledger and may be deleted."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bartizan.store.connection import connect, reporting
from bartizan.store.schema import Schema, prepare

_Execute = Callable[..., sqlite3.Cursor]
CORPUS: Final = Schema(name="corpus", version=1)
_COLUMNS: Final = "id, seq, source, account, person, at, head"


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """A report as kept; ``body`` is empty where only heads were asked for."""

    id: str
    seq: int
    source: str
    account: str
    person: str
    at: float
    head: bytes
    body: bytes = b""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A run of text to search, and where it stands."""

    start: int
    end: int
    text: str


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that a search found, best first; ``rank`` is BM25, smaller is better."""

    report: str
    start: int
    end: int
    rank: float


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far an ingestion is. Times are UTC seconds."""

    id: str
    person: str
    begun: float
    seen: float
    total: int
    done: int = 0
    failed: int = 0
    known: int = 0
    pages: int = 0
    finished: bool = False
    failures: bytes = b"\x90"


class SqliteCorpus:
    """One process's hold on ``intel.db``; any thread, one at a time. Deleted rows are overwritten (``secure_delete``)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._database = connect(path, journal="wal")
        try:
            self._database.execute("PRAGMA secure_delete = ON")
            self._database.execute("PRAGMA synchronous = NORMAL")  # what a crash loses is made again from the ledger
            prepare(self._database, CORPUS, path)
        except BaseException:
            self._database.close()
            raise

    def after(self) -> int:
        """Return the last entry of the ledger that is in here, -1 at first."""
        rows = self._all("SELECT after FROM place WHERE name = 'ledger'", ())
        return int(str(rows[0][0])) if rows else -1

    def add(self, row: ReportRow, passages: Sequence[Passage]) -> None:
        """Keep a report, in place of one with the same id."""
        with self._writing("add a report to") as execute:
            self._drop(execute, row.id)
            execute(
                "INSERT INTO report (id, seq, source, account, person, at, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (row.id, row.seq, row.source, row.account, row.person, row.at, row.head, row.body),
            )
            for passage in passages:
                place = execute(
                    "INSERT INTO passage (report, start, finish) VALUES (?, ?, ?)", (row.id, passage.start, passage.end)
                ).lastrowid
                execute("INSERT INTO words (rowid, body) VALUES (?, ?)", (place, passage.text))

    def remove(self, ids: Sequence[str]) -> None:
        """Forget reports, their words too."""
        with self._writing("remove reports from") as execute:
            for each in ids:
                self._drop(execute, each)
            if ids:
                execute("INSERT INTO words (words) VALUES ('optimize')", ())  # leaves no word of them in a segment

    def move_to(self, after: int) -> None:
        """Remember how far the ledger is in here; never backwards."""
        with self._writing("advance") as execute:
            execute(
                "INSERT INTO place (name, after) VALUES ('ledger', ?) ON CONFLICT (name) DO UPDATE SET after = max(after, excluded.after)",
                (after,),
            )

    def heads(self) -> list[ReportRow]:
        """Return every report without its body, in order of the ledger."""
        return [_row(row) for row in self._all(f"SELECT {_COLUMNS} FROM report ORDER BY seq, id", ())]  # noqa: S608 - constants

    def get(self, report: str) -> ReportRow | None:
        """Return a report."""
        rows = self._all(f"SELECT {_COLUMNS}, body FROM report WHERE id = ?", (report,))  # noqa: S608 - constants
        return _row(rows[0]) if rows else None

    def has(self, report: str) -> bool:
        """Say whether a report is in here."""
        return bool(self._all("SELECT 1 FROM report WHERE id = ?", (report,)))

    def has_source(self, source: str) -> bool:
        """Say whether a file's documents are in here."""
        return bool(self._all("SELECT 1 FROM report WHERE source = ? LIMIT 1", (source,)))

    def search(self, query: str, *, limit: int) -> list[Match]:
        """Return passages by BM25; ``query`` is in FTS5's own language, made by the caller from quoted words."""
        sql = (
            "SELECT passage.report, passage.start, passage.finish, bm25(words) FROM words JOIN passage ON passage.id = words.rowid"
            " WHERE words MATCH ? ORDER BY bm25(words), passage.id LIMIT ?"
        )
        rows = self._all(sql, (query, limit))
        return [Match(report=str(r), start=int(str(a)), end=int(str(b)), rank=float(str(rank))) for r, a, b, rank in rows]

    def note(self, run: RunRow) -> None:
        """Say how far an ingestion is."""
        values = tuple(getattr(run, name) for name in RunRow.__struct_fields__)
        with self._writing("note progress in") as execute:
            execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            execute("DELETE FROM run WHERE id NOT IN (SELECT id FROM run ORDER BY begun DESC LIMIT 100)", ())

    def runs(self) -> list[RunRow]:
        """Return the newest ingestions, newest first."""
        rows = self._all(
            "SELECT id, person, begun, seen, total, done, failed, known, pages, finished, failures FROM run ORDER BY begun DESC LIMIT 20",
            (),
        )
        return [msgspec.convert(dict(zip(RunRow.__struct_fields__, row, strict=True)), RunRow, strict=False) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    @staticmethod
    def _drop(execute: _Execute, report: str) -> None:
        execute("DELETE FROM words WHERE rowid IN (SELECT id FROM passage WHERE report = ?)", (report,))
        execute("DELETE FROM passage WHERE report = ?", (report,))
        execute("DELETE FROM report WHERE id = ?", (report,))

    def _all(self, sql: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        with self._lock, reporting("read", self._path):
            return list(self._database.execute(sql, values).fetchall())

    @contextmanager
    def _writing(self, doing: str) -> Iterator[_Execute]:
        with self._lock, reporting(doing, self._path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database.execute
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _row(values: tuple[object, ...]) -> ReportRow:
    names = ReportRow.__struct_fields__[: len(values)]
    return msgspec.convert(dict(zip(names, values, strict=True)), ReportRow)
