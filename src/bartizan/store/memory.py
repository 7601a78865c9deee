"""Copies of a log in memory that anyone may alter: for benchmarks and the tour, which show that alteration is found."""

from __future__ import annotations

import sqlite3
from copy import copy
from pathlib import Path
from types import TracebackType

import msgspec

from bartizan.store.connection import reporting
from bartizan.store.schema import LEDGER


class Row(msgspec.Struct):
    """One entry's row, mutable."""

    seq: int
    kind: str
    state: int
    header: bytes
    facts: bytes | None


class Rows(msgspec.Struct):
    """Every row of a log, mutable; ``contents`` maps a place to (key, ciphertext)."""

    entries: list[Row]
    contents: dict[int, tuple[int, bytes]]
    tiles: list[tuple[object, ...]]
    head: tuple[int, bytes, int, str]
    cosigned: list[tuple[int, str]]

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.entries)

    def copy(self) -> Rows:
        """Return rows that can be altered without altering these."""
        entries = [copy(entry) for entry in self.entries]
        return Rows(entries, dict(self.contents), list(self.tiles), self.head, list(self.cosigned))

    def remove(self, place: int) -> None:
        """Take an entry out and close the gap."""
        self._arrange([seq for seq in range(self.size) if seq != place])

    def insert(self, place: int) -> None:
        """Put a second copy of an entry after it."""
        self._arrange([*range(place + 1), *range(place, self.size)])

    def swap(self, one: int, other: int) -> None:
        """Exchange two entries with their contents."""
        order = list(range(self.size))
        order[one], order[other] = other, one
        self._arrange(order)

    def _arrange(self, order: list[int]) -> None:
        self.contents = {place: self.contents[seq] for place, seq in enumerate(order) if seq in self.contents}
        self.entries = [msgspec.structs.replace(self.entries[seq], seq=place) for place, seq in enumerate(order)]


class MemoryCopy:
    """A context manager that gives a connection to a database in memory with these rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @staticmethod
    def read(path: Path) -> Rows:
        """Read every row of a ``ledger.db``."""
        with reporting("copy", path):
            database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            try:
                read = database.execute
                entries = [Row(*row) for row in read("SELECT seq, kind, state, header, facts FROM entry ORDER BY seq")]
                contents = {seq: (key, body) for seq, key, body in read("SELECT seq, key, body FROM content")}
                tiles = read("SELECT level, idx, hashes FROM tile").fetchall()
                head = read("SELECT size, root, at_us, note FROM head").fetchone()
                return Rows(entries, contents, tiles, head, read("SELECT size, note FROM cosigned").fetchall())
            finally:
                database.close()

    def __enter__(self) -> sqlite3.Connection:
        rows = self._rows
        self._database = database = sqlite3.connect(":memory:", isolation_level=None)
        database.executescript(LEDGER.sql)
        database.execute("BEGIN")
        database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", map(msgspec.structs.astuple, rows.entries))
        database.executemany("INSERT INTO content VALUES (?, ?, ?)", ((seq, *content) for seq, content in rows.contents.items()))
        database.executemany("INSERT INTO tile VALUES (?, ?, ?)", rows.tiles)
        database.execute("INSERT INTO head VALUES (1, ?, ?, ?, ?)", rows.head)
        database.executemany("INSERT INTO cosigned VALUES (?, ?)", rows.cosigned)
        database.execute("COMMIT")
        return database

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._database.close()
