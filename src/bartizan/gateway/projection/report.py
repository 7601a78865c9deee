"""Named queries over the tallies: what happened in a span of time, which layers stopped it, what shadow controls would have done."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from bartizan.gateway.projection.fold import ms_of
from bartizan.gateway.projection.tables import EXCHANGES, LATENCY_TALLIES, OUTCOME_TALLIES, REFUSAL_TALLIES, VERDICT_TALLIES, VERDICTS

_Count = TypeVar("_Count", bound=msgspec.Struct)
_MEASURES = ("judged", "done")


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Tallies with ``since <= bucket < until`` (UTC seconds) of a tenant; whole buckets of five minutes."""

    tenant: str
    since: float
    until: float


class OutcomeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many exchanges ended one way."""

    outcome: str
    decision: str
    layer: str
    control: str
    n: int
    input_tokens: int
    output_tokens: int


class VerdictCount(msgspec.Struct, frozen=True, kw_only=True):
    """What one control said in one mode."""

    control: str
    layer: str
    mode: str
    would: str
    n: int
    failed: int
    cpu_us: int


class WouldStop(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule of a control in shadow would have stopped: in how many exchanges, and the newest of them."""

    control: str
    layer: str
    category: str
    rule: str
    exchanges: int
    newest: str


class RefusalCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests were refused with one code."""

    code: str
    n: int


class LatencyPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies of one slice of time, milliseconds within 5 %; None where nothing was measured."""

    at: float
    n: int
    done_p50_ms: float | None
    done_p95_ms: float | None
    judged_p95_ms: float | None


class ScoreCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many verdicts of a control that saw something have a score in ``[tenth/10, (tenth+1)/10)``, the last with 1."""

    control: str
    tenth: int
    n: int


def outcomes(connection: sa.Connection, span: Span) -> list[OutcomeCount]:
    """Return how exchanges ended, most frequent first."""
    return _totals(connection, OUTCOME_TALLIES, span, OutcomeCount)


def verdicts(connection: sa.Connection, span: Span) -> list[VerdictCount]:
    """Return what each control said, most frequent first."""
    return _totals(connection, VERDICT_TALLIES, span, VerdictCount)


def would_stop(connection: sa.Connection, span: Span, *, rows: int = 50) -> list[WouldStop]:
    """Return what shadow controls would have stopped, by rule, most frequent first; times are those of admission."""
    what = (VERDICTS.c.control, VERDICTS.c.layer, VERDICTS.c.category, VERDICTS.c.rule)
    query = (
        sa.select(*what, sa.func.count(VERDICTS.c.exchange.distinct()).label("exchanges"), sa.func.max(VERDICTS.c.exchange).label("newest"))
        .join(EXCHANGES, EXCHANGES.c.id == VERDICTS.c.exchange)
        .where(VERDICTS.c.mode == "shadow", VERDICTS.c.would.in_(("block", "hold", "redact", "reroute")))
        .where(EXCHANGES.c.tenant == span.tenant, EXCHANGES.c.at >= span.since, EXCHANGES.c.at < span.until)
        .group_by(*what)
        .order_by(sa.desc("exchanges"))
        .limit(rows)
    )
    return [WouldStop(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's documented name


def scores(connection: sa.Connection, span: Span) -> list[ScoreCount]:
    """Return how the scores on record lie, by control and tenth; times are those of admission. Failures have no score."""
    tenth = sa.case((VERDICTS.c.score >= 1, 9), else_=sa.cast(VERDICTS.c.score * 10, sa.Integer)).label("tenth")
    query = (
        sa.select(VERDICTS.c.control, tenth, sa.func.count().label("n"))
        .join(EXCHANGES, EXCHANGES.c.id == VERDICTS.c.exchange)
        .where(VERDICTS.c.category != "", VERDICTS.c.error == "")
        .where(EXCHANGES.c.tenant == span.tenant, EXCHANGES.c.at >= span.since, EXCHANGES.c.at < span.until)
        .group_by(VERDICTS.c.control, tenth)
        .order_by(VERDICTS.c.control, tenth)
    )
    return [ScoreCount(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's documented name


def refused(connection: sa.Connection, span: Span) -> list[RefusalCount]:
    """Return how many requests were refused, by code, most frequent first."""
    return _totals(connection, REFUSAL_TALLIES, span, RefusalCount)


def latencies(connection: sa.Connection, span: Span, *, slice_s: int) -> list[LatencyPoint]:
    """Return latency quantiles for each slice of time that has any."""
    table = LATENCY_TALLIES
    at = (table.c.bucket - table.c.bucket % slice_s).label("at")
    query = (
        sa.select(at, table.c.measure, table.c.step, sa.func.sum(table.c.n).label("n"))
        .where(*_within(table, span), table.c.measure.in_(_MEASURES))
        .group_by(at, table.c.measure, table.c.step)
        .order_by(at, table.c.measure, table.c.step)
    )
    slices: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(query):
        slices[row.at][row.measure].append((row.step, int(row.n)))
    return [_point(at, measured) for at, measured in slices.items()]


def quantile(steps: list[tuple[int, int]], q: float) -> float | None:
    """Return the ``q`` quantile of latencies counted by step, in milliseconds; None for none."""
    wanted = q * sum(n for _, n in steps)
    seen = 0
    for step, n in steps:
        seen += n
        if seen >= wanted:
            return round(ms_of(step), 2)
    return None


def _point(at: int, measured: dict[str, list[tuple[int, int]]]) -> LatencyPoint:
    judged, done = (measured.get(name, []) for name in _MEASURES)
    return LatencyPoint(
        at=float(at),
        n=sum(n for _, n in done),
        done_p50_ms=quantile(done, 0.5),
        done_p95_ms=quantile(done, 0.95),
        judged_p95_ms=quantile(judged, 0.95),
    )


def _within(table: sa.Table, span: Span) -> list[sa.ColumnElement[bool]]:
    return [table.c.tenant == span.tenant, table.c.bucket >= span.since, table.c.bucket < span.until]


def _totals(connection: sa.Connection, table: sa.Table, span: Span, kind: type[_Count]) -> list[_Count]:
    amounts = {column.name for column in table.columns} - {column.name for column in table.primary_key}
    names = kind.__struct_fields__
    labels = [table.c[name] for name in names if name not in amounts]
    sums = {name: sa.func.sum(table.c[name]).label(name) for name in names if name in amounts}
    query = sa.select(*labels, *sums.values()).where(*_within(table, span)).group_by(*labels).order_by(sums["n"].desc(), *labels)
    return [kind(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it
