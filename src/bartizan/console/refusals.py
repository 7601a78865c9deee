"""The list of refused requests: those that never became an exchange, with the reason in one word."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.console import filters
from bartizan.console.parts import Ask, Page, Parts, twin
from bartizan.gateway import projection

_NAMES: Final = ("code", "account", "since", "until")


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON; as for exchanges."""

    rows: tuple[projection.RefusalRow, ...]
    count: int
    more: bool
    filters: dict[str, str]
    older: str
    newer: str
    newest: str


def refusals(parts: Parts, ask: Ask) -> Page:
    """Show a page of refusals."""
    which = projection.RefusalFilter(
        tenant=ask.who.tenant,
        code=filters.text(ask.query, "code"),
        account=filters.text(ask.query, "account"),
        since=filters.moment(ask.query, "since"),
        until=filters.moment(ask.query, "until"),
    )
    cursor = filters.cursor(ask.query)
    with parts.projections.read() as connection:
        window = projection.refusals(connection, which, older=cursor.older, newer=cursor.newer, rows=cursor.rows)
    given = {name: ask.query[name].strip() for name in _NAMES if ask.query.get(name, "").strip()}
    base = given | ({"rows": str(cursor.rows)} if "rows" in ask.query else {})
    body = Refusals(
        rows=window.rows,
        count=min(window.count, projection.COUNTED),
        more=window.count > projection.COUNTED,
        filters=given,
        older=twin("/refusals", {**base, "older": window.older}) if window.older is not None else "",
        newer=twin("/refusals", {**base, "newer": window.newer}) if window.newer is not None else "",
        newest=twin("/refusals", base),
    )
    return Page(template="refusals.html", title="Refusals", body=body)
