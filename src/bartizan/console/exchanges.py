"""The list of exchanges: filtered by the URL, at most 200 rows, walked by ledger entry so that a growing list never shifts a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

import msgspec

from bartizan.console import filters
from bartizan.console.parts import Ask, Page, Parts, twin
from bartizan.event import ACTIONS, LAYERS, Outcome
from bartizan.gateway import projection

OUTCOMES: Final = (*get_args(Outcome), "interrupted", "open")
NAMES: Final = ("outcome", "decision", "layer", "control", "would", "account", "model", "since", "until")
"""The filters of an exchange list, as they stand in the URL."""


class Exchanges(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON. ``count`` is exact up to 10,000; ``more`` says that there are more. The links keep the filters."""

    rows: tuple[projection.ExchangeRow, ...]
    count: int
    more: bool
    filters: dict[str, str]
    older: str
    newer: str
    newest: str
    seen: int
    """The ledger entry that last changed a row; ask with ``seen=`` it to be told only when something has changed since."""


def exchanges(parts: Parts, ask: Ask) -> Page:
    """Show a page of exchanges."""
    which = chosen(ask)
    cursor = filters.cursor(ask.query)
    with parts.projections.read() as connection:
        seen = projection.last_change(connection)
        unchanged = ask.query.get("seen") == str(seen)
        window = projection.exchanges(connection, which, older=cursor.older, newer=cursor.newer, rows=cursor.rows)
    given = kept(ask.query)
    base = given | ({"rows": str(cursor.rows)} if "rows" in ask.query else {})
    body = Exchanges(
        rows=window.rows,
        count=min(window.count, projection.COUNTED),
        more=window.count > projection.COUNTED,
        filters=given,
        older=_beside(base, older=window.older),
        newer=_beside(base, newer=window.newer),
        newest=twin("/exchanges", base),
        seen=seen,
    )
    return Page(
        template="exchanges.html",
        title="Exchanges",
        body=body,
        unchanged=unchanged,
        extra={
            "outcomes": OUTCOMES,
            "layers": LAYERS,
            "decisions": ACTIONS,
            "controls": sorted({_id(loading) for loading in parts.registry.loadings}),
            "live": cursor.older is None and cursor.newer is None and ask.query.get("live") != "off",
            "paused": ask.query.get("live") == "off",
        },
    )


def chosen(ask: Ask) -> projection.ExchangeFilter:
    """Return the filter that a URL describes; raises RefusedError 400 for a value that no row can have."""
    query = ask.query
    return projection.ExchangeFilter(
        tenant=ask.who.tenant,
        outcome=filters.choice(query, "outcome", OUTCOMES),
        decision=filters.choice(query, "decision", ACTIONS),
        layer=filters.choice(query, "layer", LAYERS),
        control=filters.text(query, "control"),
        would=filters.text(query, "would"),
        account=filters.text(query, "account"),
        model=filters.text(query, "model"),
        since=filters.moment(query, "since"),
        until=filters.moment(query, "until"),
    )


def kept(query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters of a URL that are set."""
    return {name: query[name].strip() for name in NAMES if query.get(name, "").strip()}


def _beside(base: Mapping[str, str], **cursor: int | None) -> str:
    return twin("/exchanges", {**base, **cursor}) if any(value is not None for value in cursor.values()) else ""


def _id(loading: object) -> str:
    descriptor = getattr(loading, "descriptor", None)
    return str(descriptor.id if descriptor is not None else getattr(loading, "id", ""))
