"""Named queries over exchanges and refusals: one filtered page, one row, its neighbours in the same filtered set."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import sqlalchemy as sa

from bartizan.gateway.projection.tables import EXCHANGES, REFUSALS, VERDICTS

COUNTED: Final = 10_000
"""A count stops here: beyond it a page says "more than"."""

_RARE: Final = 5000


class ExchangeRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One exchange as lists show it; times are UTC seconds and milliseconds since the request was read."""

    seq: int
    id: str
    completed_seq: int | None
    at: float
    account: str
    principal: str
    key_id: str
    tier: str
    model: str
    dialect: str
    stream: bool
    outcome: str
    decision: str
    layer: str
    control: str
    reason: str
    status: int
    admitted_ms: float
    judged_ms: float
    first_byte_ms: float
    first_release_ms: float
    done_ms: float
    input_tokens: int
    output_tokens: int


class RefusalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One refused request as lists show it."""

    seq: int
    request: str
    at: float
    account: str
    principal: str
    key_id: str
    code: str
    status: int
    path: str
    dialect: str
    request_bytes: int


class ExchangeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which exchanges; an empty field does not filter. ``would`` is a control that would have acted, had it been in force."""

    tenant: str = "default"
    outcome: str = ""
    decision: str = ""
    layer: str = ""
    control: str = ""
    would: str = ""
    account: str = ""
    model: str = ""
    since: float | None = None
    until: float | None = None


class RefusalFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which refusals; an empty field does not filter."""

    tenant: str = "default"
    code: str = ""
    account: str = ""
    since: float | None = None
    until: float | None = None


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One page, newest first. ``older`` and ``newer`` are the cursors of the pages next to it, None where there is none."""

    rows: tuple[Any, ...]
    older: int | None
    newer: int | None
    count: int
    """How many match, up to ``COUNTED`` + 1."""


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """The exchanges before and after one in a filtered set."""

    older: str
    newer: str


def exchanges(connection: sa.Connection, which: ExchangeFilter, *, older: int | None, newer: int | None, rows: int) -> Window:
    """Return a page of exchanges: those admitted before entry ``older``, or after entry ``newer``, or the newest."""
    return _window(connection, EXCHANGES, ExchangeRow, _matches(connection, which), older=older, newer=newer, rows=rows)


def refusals(connection: sa.Connection, which: RefusalFilter, *, older: int | None, newer: int | None, rows: int) -> Window:
    """Return a page of refusals, as ``exchanges`` does."""
    conditions = _common(connection, REFUSALS, which, ("code", "account"))
    return _window(connection, REFUSALS, RefusalRow, conditions, older=older, newer=newer, rows=rows)


def exchange(connection: sa.Connection, exchange_id: str, *, tenant: str) -> ExchangeRow | None:
    """Return one exchange."""
    query = _select(EXCHANGES, ExchangeRow).where(EXCHANGES.c.id == exchange_id, EXCHANGES.c.tenant == tenant)
    row = connection.execute(query).first()
    return None if row is None else ExchangeRow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def neighbours(connection: sa.Connection, which: ExchangeFilter, seq: int) -> Neighbours:
    """Return the exchanges next to entry ``seq`` in the filtered set, whether or not it is itself in the set."""
    query = sa.select(EXCHANGES.c.id).where(*_matches(connection, which)).limit(1)
    column = EXCHANGES.c.seq
    older = connection.execute(query.where(column < seq).order_by(column.desc())).scalar()
    newer = connection.execute(query.where(column > seq).order_by(column)).scalar()
    return Neighbours(older=older or "", newer=newer or "")


def last_change(connection: sa.Connection) -> int:
    """Return the ledger entry that last changed an exchange, -1 for none; a list that has seen it is up to date."""
    found = connection.execute(sa.select(sa.func.max(EXCHANGES.c.changed_seq))).scalar()
    return -1 if found is None else int(found)


def _matches(connection: sa.Connection, which: ExchangeFilter) -> list[sa.ColumnElement[bool]]:
    names = ("outcome", "decision", "layer", "control", "account", "model")
    conditions = _common(connection, EXCHANGES, which, names)
    if which.would:
        would = sa.select(VERDICTS.c.seq).where(
            VERDICTS.c.control == which.would, VERDICTS.c.mode == "shadow", VERDICTS.c.would.in_(("redact", "reroute", "hold", "block"))
        )
        conditions.append(EXCHANGES.c.seq.in_(would))
    return conditions


def _common(
    connection: sa.Connection, table: sa.Table, which: ExchangeFilter | RefusalFilter, names: tuple[str, ...]
) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [table.c.tenant == which.tenant]
    # The ledger never lets time run backwards, so a span of time is a span of entries, and the order of the list finds it.
    ordered = sa.select(table.c.seq).order_by(table.c.at, table.c.seq).limit(1)
    if which.since is not None:
        first = connection.execute(ordered.where(table.c.at >= which.since)).scalar()
        conditions.append(table.c.seq >= first if first is not None else sa.false())
    if which.until is not None:
        end = connection.execute(ordered.where(table.c.at >= which.until)).scalar()
        conditions += [table.c.seq < end] if end is not None else []
    return conditions + _equal(connection, table, which, names)


def _equal(
    connection: sa.Connection, table: sa.Table, which: ExchangeFilter | RefusalFilter, names: tuple[str, ...]
) -> list[sa.ColumnElement[bool]]:
    """Return the filters by value, only the rarest of which may use its index.

    Planners know how common a column's values are on average, but it is the rare one that people look for among the common.
    """
    given = {name: str(value) for name in names if (value := getattr(which, name))}
    if len(given) < 2:
        return [table.c[name] == value for name, value in given.items()]
    same = {name: [table.c.tenant == which.tenant, table.c[name] == value] for name, value in given.items()}
    rarest = min(same, key=lambda name: _count(connection, table, same[name], most=_RARE))
    return [table.c[name] == value if name == rarest else table.c[name].concat("") == value for name, value in given.items()]


def _window(
    connection: sa.Connection,
    table: sa.Table,
    kind: type[msgspec.Struct],
    conditions: list[sa.ColumnElement[bool]],
    *,
    older: int | None,
    newer: int | None,
    rows: int,
) -> Window:
    column = table.c.seq
    query = _select(table, kind).where(*conditions).limit(rows + 1)
    if newer is not None:
        query = query.where(column > newer).order_by(column)
    else:
        query = query.order_by(column.desc())
        query = query if older is None else query.where(column < older)
    found = [kind(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it
    more = len(found) > rows
    page: list[Any] = found[:rows]
    if newer is not None:
        page.reverse()
    beyond_older = more if newer is None else True
    beyond_newer = more if newer is not None else older is not None
    return Window(
        rows=tuple(page),
        older=page[-1].seq if page and beyond_older else None,
        newer=page[0].seq if page and beyond_newer else None,
        count=_count(connection, table, conditions),
    )


def _select(table: sa.Table, kind: type[msgspec.Struct]) -> sa.Select[Any]:
    return sa.select(*(table.c[name] for name in kind.__struct_fields__))


def _count(connection: sa.Connection, table: sa.Table, conditions: list[sa.ColumnElement[bool]], *, most: int = COUNTED) -> int:
    some = sa.select(sa.literal(1)).select_from(table).where(*conditions).limit(most + 1).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())
