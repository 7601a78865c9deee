"""From facts to rows: what admitted, completed, interrupted exchanges and refusals mean for the tables.

Facts come in batches in ledger order and the caller holds the transaction, so rows and position move together. Rows that a
batch both begins and ends are written once, which is what makes a rebuild fast. Everything about an exchange is dated by its
admission, so that forgetting a period of facts forgets the same rows as a rebuild, which can't read them, leaves out.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bartizan.event import (
    ContentErased,
    Envelope,
    ExchangeAdmitted,
    ExchangeCompleted,
    ExchangeInterrupted,
    RequestRefused,
    Timings,
    kind_of,
)
from bartizan.gateway.projection.tables import (
    BUCKET_S,
    EXCHANGES,
    LATENCY_TALLIES,
    OUTCOME_TALLIES,
    REFUSAL_TALLIES,
    REFUSALS,
    VERDICT_TALLIES,
    VERDICTS,
)

KINDS: Final = tuple(kind_of(fact) for fact in (ExchangeAdmitted, ExchangeCompleted, ExchangeInterrupted, RequestRefused, ContentErased))
"""The kinds of event that these tables are made of."""

STEPS: Final = 8
"""Latency steps in an octave."""

_MAX_TEXT: Final = 256
_VARIABLES: Final = 500
_FASTEST_MS: Final = 2.0**-10
_LATENCIES: Final = ("judged_ms", "first_release_ms", "done_ms")

_Row = dict[str, Any]
_Tally = Counter[tuple[Any, ...]]


class Batch:
    """One batch of facts, turned into rows and tallies by ``write``.

    An exchange begins once and ends once: a second beginning or end, which only a faulty writer makes, changes nothing.
    """

    def __init__(self) -> None:
        self._begun: dict[str, _Row] = {}
        self._ended: dict[str, tuple[int, Envelope]] = {}
        self._ended_early: dict[str, tuple[int, Envelope]] = {}
        """Ends of exchanges that did not begin in this batch, so of earlier ones or of none."""
        self._refused: list[tuple[int, Envelope]] = []
        self._forgotten: list[tuple[str, float, float]] = []
        self._tallies: dict[sa.Table, dict[str, _Tally]] = {}

    def add(self, seq: int, entry: Envelope) -> None:
        """Take in one fact."""
        match entry.body:
            case ExchangeAdmitted() as fact:
                self._begun.setdefault(entry.correlation, _begun(seq, entry, fact))
            case ExchangeCompleted() | ExchangeInterrupted():
                ended = self._ended if entry.correlation in self._begun else self._ended_early
                ended.setdefault(entry.correlation, (seq, entry))
            case RequestRefused():
                self._refused.append((seq, entry))
            case ContentErased() as fact:
                self._forgotten += filter(None, map(_period, fact.keys))
            case _:
                pass

    def write(self, connection: sa.Connection) -> None:
        """Write everything taken in, in the caller's transaction."""
        known = _known(connection, self._begun.keys() | self._ended_early.keys())
        begun = {exchange: row for exchange, row in self._begun.items() if exchange not in known}
        ends: list[_Row] = []
        verdicts: list[_Row] = []
        for exchange in self._ended.keys() | self._ended_early.keys():
            row = known.get(exchange) or begun.get(exchange)
            found = (self._ended_early.get(exchange) if exchange in known else None) or self._ended.get(exchange)
            if row is None or found is None or row["outcome"] != "open":
                continue
            seq, entry = found
            end = {**_ended(entry), "completed_seq": seq, "changed_seq": seq}
            if exchange in begun:
                row.update(end)
            else:
                ends.append({"of": row["seq"], **end})
            verdicts += _saw(row["seq"], entry)
            self._count_end(entry, row["at"])
        _insert(connection, EXCHANGES, list(begun.values()))
        _update(connection, ends)
        _insert(connection, VERDICTS, verdicts)
        _insert(connection, REFUSALS, [self._refusal(seq, entry) for seq, entry in self._refused])
        for table, tallies in self._tallies.items():
            _add(connection, table, tallies)
        for tenant, since, until in self._forgotten:
            _forget(connection, tenant, since, until)

    def _refusal(self, seq: int, entry: Envelope) -> _Row:
        row = _refused(seq, entry)
        self._count(REFUSAL_TALLIES, row["at"], row["tenant"], row["code"], n=1)
        return row

    def _count_end(self, entry: Envelope, at: float) -> None:
        fact = entry.body
        if not isinstance(fact, ExchangeCompleted):
            self._count(OUTCOME_TALLIES, at, entry.tenant, "interrupted", "", "", "", n=1)
            return
        labels = (fact.outcome, fact.decision, fact.layer, fact.control)
        self._count(OUTCOME_TALLIES, at, entry.tenant, *labels, n=1, input_tokens=fact.input_tokens, output_tokens=fact.output_tokens)
        for verdict in fact.verdicts:
            key = (verdict.control, verdict.layer, verdict.mode, verdict.would)
            self._count(VERDICT_TALLIES, at, entry.tenant, *key, n=1, failed=int(bool(verdict.error)), cpu_us=verdict.cpu_us)
        for measure, value in _latencies(fact.outcome, fact.timings):
            self._count(LATENCY_TALLIES, at, entry.tenant, measure, step_of(value), n=1)

    def _count(self, table: sa.Table, at: float, *labels: str | int, **amounts: int) -> None:
        key = (int(at // BUCKET_S) * BUCKET_S, *labels)
        tallies = self._tallies.setdefault(table, {})
        for name, amount in amounts.items():
            tallies.setdefault(name, Counter())[key] += amount


def fold(connection: sa.Connection, facts: Iterable[tuple[int, Envelope]]) -> None:
    """Fold facts in ledger order into the tables, in the caller's transaction."""
    batch = Batch()
    for seq, entry in facts:
        batch.add(seq, entry)
    batch.write(connection)


def step_of(ms: float) -> int:
    """Return the tally step of a latency."""
    return math.floor(STEPS * math.log2(max(ms, _FASTEST_MS)))


def ms_of(step: int) -> float:
    """Return the latency in the middle of a tally step."""
    return float(2.0 ** ((step + 0.5) / STEPS))


def _begun(seq: int, entry: Envelope, fact: ExchangeAdmitted) -> _Row:
    empty = dict.fromkeys(("decision", "layer", "control", "reason"), "") | dict.fromkeys(("status", "input_tokens", "output_tokens"), 0)
    return {
        **empty,
        **dict.fromkeys(Timings.__struct_fields__, 0.0),
        "seq": seq,
        "id": entry.correlation,
        "completed_seq": None,
        "changed_seq": seq,
        "at": entry.at,
        "tenant": entry.tenant,
        "account": entry.account,
        "principal": entry.actor,
        "key_id": fact.key_id,
        "tier": fact.tier.value,
        "model": fact.model[:_MAX_TEXT],
        "dialect": fact.dialect,
        "stream": fact.stream,
        "outcome": "open",
    }


def _ended(entry: Envelope) -> _Row:
    fact = entry.body
    if not isinstance(fact, ExchangeCompleted):
        fact = ExchangeCompleted(outcome="failed", decision="allow", status=0, reason="its process ended before it did")
        return {**_completed(fact), "outcome": "interrupted", "decision": ""}
    return _completed(fact)


def _completed(fact: ExchangeCompleted) -> _Row:
    return {
        "outcome": fact.outcome,
        "decision": fact.decision,
        "layer": fact.layer,
        "control": fact.control,
        "reason": fact.reason[:_MAX_TEXT],
        "status": fact.status,
        "input_tokens": fact.input_tokens,
        "output_tokens": fact.output_tokens,
        **{name: getattr(fact.timings, name) for name in Timings.__struct_fields__},
    }


def _saw(seq: int, entry: Envelope) -> list[_Row]:
    verdicts = entry.body.verdicts if isinstance(entry.body, ExchangeCompleted) else ()
    names = ("control", "version", "layer", "mode", "category", "rule", "score", "would", "cpu_us", "error")
    return [
        {"seq": seq, "exchange": entry.correlation, "n": n, **{name: getattr(verdict, name) for name in names}}
        for n, verdict in enumerate(verdicts)
        if verdict.would != "allow" or verdict.category or verdict.error
    ]


def _refused(seq: int, entry: Envelope) -> _Row:
    fact = cast("RequestRefused", entry.body)
    return {
        "seq": seq,
        "at": entry.at,
        "request": entry.correlation,
        "tenant": entry.tenant,
        "account": entry.account,
        "principal": entry.actor,
        "key_id": fact.key_id,
        "code": fact.code,
        "status": fact.status,
        "path": fact.path[:_MAX_TEXT],
        "dialect": fact.dialect,
        "request_bytes": fact.request_bytes,
    }


def _latencies(outcome: str, timings: Timings) -> list[tuple[str, float]]:
    wanted = _LATENCIES if outcome == "answered" else _LATENCIES[:1]
    return [(name.removesuffix("_ms"), getattr(timings, name)) for name in wanted if getattr(timings, name) > 0]


def _known(connection: sa.Connection, exchanges: Collection[str]) -> dict[str, _Row]:
    wanted = list(exchanges)
    columns = (EXCHANGES.c.id, EXCHANGES.c.seq, EXCHANGES.c.outcome, EXCHANGES.c.at)
    known: dict[str, _Row] = {}
    for at in range(0, len(wanted), _VARIABLES):
        found = connection.execute(sa.select(*columns).where(EXCHANGES.c.id.in_(wanted[at : at + _VARIABLES])))
        known.update((row.id, {"seq": row.seq, "outcome": row.outcome, "at": row.at}) for row in found)
    return known


def _update(connection: sa.Connection, rows: list[_Row]) -> None:
    if rows:
        columns: dict[str, Any] = {name: sa.bindparam(name) for name in rows[0] if name != "of"}
        connection.execute(sa.update(EXCHANGES).where(EXCHANGES.c.seq == sa.bindparam("of")).values(columns), rows)


def _period(key: str) -> tuple[str, float, float] | None:
    """Return tenant, begin and end (UTC seconds) of a key of exchange facts, named ``facts/tenant/exchange/period/id``; None for others."""
    purpose, _, rest = key.partition("/")
    parts = rest.rsplit("/", 3)
    if purpose != "facts" or len(parts) != 4 or parts[1] != "exchange":
        return None
    period = parts[2]
    first = dt.datetime.fromisoformat(period if len(period) > 7 else f"{period}-01").replace(tzinfo=dt.UTC)
    after = first + dt.timedelta(days=1) if len(period) > 7 else (first + dt.timedelta(days=31)).replace(day=1)
    return parts[0], first.timestamp(), after.timestamp()


def _forget(connection: sa.Connection, tenant: str, since: float, until: float) -> None:
    gone = [EXCHANGES.c.tenant == tenant, EXCHANGES.c.at >= since, EXCHANGES.c.at < until]
    connection.execute(sa.delete(VERDICTS).where(VERDICTS.c.seq.in_(sa.select(EXCHANGES.c.seq).where(*gone))))
    connection.execute(sa.delete(EXCHANGES).where(*gone))
    connection.execute(sa.delete(REFUSALS).where(REFUSALS.c.tenant == tenant, REFUSALS.c.at >= since, REFUSALS.c.at < until))
    for table in (OUTCOME_TALLIES, VERDICT_TALLIES, LATENCY_TALLIES, REFUSAL_TALLIES):
        connection.execute(sa.delete(table).where(table.c.tenant == tenant, table.c.bucket >= since, table.c.bucket < until))


def _insert(connection: sa.Connection, table: sa.Table, rows: list[_Row]) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)


def _add(connection: sa.Connection, table: sa.Table, tallies: Mapping[str, _Tally]) -> None:
    keys = [column.name for column in table.primary_key]
    rows = [{**dict(zip(keys, key, strict=True)), **{name: tallies[name][key] for name in tallies}} for key in tallies["n"]]
    insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    added = {name: table.c[name] + insert.excluded[name] for name in tallies}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=added), rows)
