"""Trends as a page: what many accounts do, by week; nothing about a few. Held to the policy of texts, and reading it is on record."""

from __future__ import annotations

from bartizan.console.parts import Ask, Page, Parts
from bartizan.event import ContentRead, envelope
from bartizan.gateway.projection.trends import seen
from bartizan.monitor.trends import trends, window


def shown(parts: Parts, ask: Ask) -> Page:
    """Show the last half year, newest first."""
    least = parts.settings.monitor.trend_accounts
    first, this = window(ask.at)
    fact = ContentRead(entries=(), purpose="trends")
    parts.ledger.append_now(envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, account=ask.who.account, at=ask.at))
    with parts.projections.read() as connection:
        rows = seen(connection, ask.who.tenant, first=first, this=this)
    return Page(template="trends.html", title="Trends", body=trends(rows, least=least, first=first, this=this))
