"""The monitor's tables as a projection of the record, and the named queries on signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from bartizan.event import (
    AccountStandingChanged,
    Envelope,
    ExchangeAdmitted,
    ExchangeCompleted,
    ExchangeInterrupted,
    RequestRefused,
    SignalRaised,
    kind_of,
)
from bartizan.monitor.calibration import load
from bartizan.monitor.live.fold import fold
from bartizan.monitor.live.rules import Rulebook
from bartizan.monitor.live.tables import METADATA, SIGNALS, VERSION
from bartizan.store.projection import Fold, Projection

KINDS: Final = tuple(
    kind_of(fact)
    for fact in (
        ExchangeAdmitted,
        ExchangeCompleted,
        ExchangeInterrupted,
        RequestRefused,
        SignalRaised,
        AccountStandingChanged,
    )
)
_MOST: Final = 200


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One signal on record."""

    seq: int
    at: float
    signal: SignalRaised


def projection(book: Rulebook) -> Projection:
    """Return the projection under a rulebook. State that a rulebook made is another's too: only what is due depends on it."""

    def folded(connection: sa.Connection, facts: Sequence[tuple[int, Envelope]]) -> None:
        fold(connection, facts, book)

    run: Fold = folded
    return Projection(name="monitor", version=VERSION, metadata=METADATA, kinds=KINDS, fold=run)


def shipped() -> Rulebook:
    """Return the rulebook of the shipped calibration."""
    return Rulebook(load())


def signals(
    connection: sa.Connection, *, tenant: str, account: str = "", kind: str = "", before: int | None = None, limit: int = 50
) -> list[SignalRow]:
    """Return signals of a tenant, newest first, at most 200."""
    query = sa.select(SIGNALS.c.seq, SIGNALS.c.at, SIGNALS.c.body).where(SIGNALS.c.tenant == tenant)
    if account:
        query = query.where(SIGNALS.c.account == account)
    if kind:
        query = query.where(SIGNALS.c.kind == kind)
    if before is not None:
        query = query.where(SIGNALS.c.seq < before)
    rows = connection.execute(query.order_by(SIGNALS.c.seq.desc()).limit(max(1, min(limit, _MOST))))
    return [SignalRow(seq=row.seq, at=row.at, signal=msgspec.json.decode(row.body, type=SignalRaised)) for row in rows]
