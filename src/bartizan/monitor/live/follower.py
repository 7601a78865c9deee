"""Follows the record, and appends the signals that the fold has made due: each exactly once, whatever dies in between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import sqlalchemy as sa

from bartizan.event import Envelope, SignalRaised, envelope
from bartizan.monitor.live.projection import projection
from bartizan.monitor.live.rules import Rulebook
from bartizan.monitor.live.tables import DUE
from bartizan.store.projection import Projections, Source

_AT_ONCE: Final = 200


class Ledger(Source, Protocol):
    """What the follower needs of the record."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append and return the places."""
        ...


class Follower:
    """One process's monitor. Only one may run on a record; a second would raise the same signals, under the same ids, again."""

    def __init__(self, path: Path, ledger: Ledger, book: Rulebook) -> None:
        self._ledger = ledger
        self._tables = Projections(path, ledger, [projection(book)])

    def turn(self) -> int:
        """Fold what is new and append what is due; return how many signals were raised. Safe to call again after any failure."""
        raised = 0
        # Folding first settles what an earlier life appended; only what is still due then has never been on record.
        self._tables.catch_up()
        while due := self._due():
            self._ledger.append_now(*due)
            raised += len(due)
            self._tables.catch_up()
        return raised

    def read(self) -> Projections:
        """Return the tables, for queries."""
        return self._tables

    def close(self) -> None:
        """Let go of the tables."""
        self._tables.close()

    def _due(self) -> Sequence[Envelope]:
        with self._tables.read() as connection:
            rows = connection.execute(sa.select(DUE).order_by(DUE.c.signal).limit(_AT_ONCE)).all()
        found = []
        for row in rows:
            body = msgspec.json.decode(row.body, type=SignalRaised)
            found.append(envelope(body, tenant=row.tenant, actor="monitor", account=body.account, correlation=body.signal))
        return found
