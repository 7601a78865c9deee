"""Over all reports a person may read: the brief, indicators with their reasons, the ATT&CK matrix, campaigns as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

import msgspec

from bartizan.console.intel import desk_of
from bartizan.console.parts import Ask, Page, Parts
from bartizan.workbench.intel.across import Campaign, Contradiction, Duplicate
from bartizan.workbench.intel.across import campaigns as find_campaigns
from bartizan.workbench.intel.across import contradictions as find_contradictions
from bartizan.workbench.intel.across import duplicates as find_duplicates
from bartizan.workbench.intel.brief import TACTICS, Brief, TechniqueRow, technique_rows
from bartizan.workbench.intel.brief import brief as make_brief
from bartizan.workbench.intel.export.merged import merge
from bartizan.workbench.intel.found import Report

_MOST = 200
_ROWS = 500
_SIZE = 640
_NODES = 60


class IndicatorRow(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator over all reports; ``report``, ``page`` and ``start`` are where it stands first."""

    kind: str
    value: str
    tier: str
    reason: str
    reports: int
    report: str
    name: str
    page: int
    start: int


class Indicators(msgspec.Struct, frozen=True, kw_only=True):
    """The table as JSON; ``total`` counts all, of which at most 500 are listed."""

    kind: str
    tier: str
    total: int
    rows: tuple[IndicatorRow, ...]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A tactic and its techniques."""

    tactic: str
    rows: tuple[TechniqueRow, ...]


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Techniques by tactic, in the order of an intrusion."""

    columns: tuple[Column, ...]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A report or a shared thing, and where it is drawn."""

    name: str
    kind: str
    report: str
    x: float
    y: float


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn of a campaign."""

    nodes: tuple[Node, ...]
    lines: tuple[tuple[Node, Node], ...]


class Campaigns(msgspec.Struct, frozen=True, kw_only=True):
    """What only several reports together show."""

    campaigns: tuple[Campaign, ...]
    contradictions: tuple[Contradiction, ...]
    duplicates: tuple[Duplicate, ...]
    names: dict[str, str]


def brief(parts: Parts, ask: Ask) -> Page:
    """Show what the newest two hundred reports say, in their own words."""
    found = _reports(parts, ask)
    made: Brief = make_brief(found, unmarked=parts.settings.intel.unmarked_tlp)
    return Page(template="intel_brief.html", title="Brief", body=made)


def indicators(parts: Parts, ask: Ask) -> Page:
    """Show indicators with the reason to believe in each."""
    kind, tier = ask.query.get("kind", "")[:40], ask.query.get("tier", "")[:40]
    everything = merge(_reports(parts, ask)).indicators
    wanted = [(item, places) for item, places in everything if kind in {"", item.kind} and tier in {"", item.tier}]
    rows = tuple(
        IndicatorRow(
            kind=item.kind,
            value=item.value,
            tier=item.tier,
            reason=item.reason,
            reports=len(places),
            report=places[0].report.document.id,
            name=places[0].report.document.title or places[0].report.document.name,
            page=places[0].quote.page,
            start=places[0].quote.start,
        )
        for item, places in wanted[:_ROWS]
        if places
    )
    kinds, tiers = sorted({item.kind for item, _ in everything}), sorted({item.tier for item, _ in everything})
    body = Indicators(kind=kind, tier=tier, total=len(wanted), rows=rows)
    return Page(template="intel_indicators.html", title="Indicators", body=body, extra={"kinds": kinds, "tiers": tiers})


def matrix(parts: Parts, ask: Ask) -> Page:
    """Show techniques as the ATT&CK matrix orders them."""
    rows = list(technique_rows(_reports(parts, ask)))
    named = [*TACTICS, *sorted({tactic for row in rows for tactic in row.tactics} - set(TACTICS))]
    columns = [Column(tactic=tactic, rows=tuple(row for row in rows if tactic in row.tactics)) for tactic in named]
    loose = tuple(row for row in rows if not row.tactics)
    if loose:
        columns.append(Column(tactic="no tactic", rows=loose))
    return Page(template="intel_matrix.html", title="ATT&CK", body=Matrix(columns=tuple(column for column in columns if column.rows)))


def campaigns(parts: Parts, ask: Ask) -> Page:
    """Show which reports belong together and where they differ."""
    found = _reports(parts, ask)
    names = {report.document.id: report.document.title or report.document.name for report in found}
    body = Campaigns(
        campaigns=find_campaigns(found), contradictions=find_contradictions(found), duplicates=find_duplicates(found), names=names
    )
    graphs = {campaign.name: _graph(campaign, names) for campaign in body.campaigns[:10]}
    return Page(template="intel_campaigns.html", title="Campaigns", body=body, extra={"graphs": graphs, "size": _SIZE})


def _reports(parts: Parts, ask: Ask) -> list[Report]:
    desk = desk_of(parts, ask)
    return [desk.report(head.id) for head in desk.heads()[-_MOST:]]


def _graph(campaign: Campaign, names: dict[str, str]) -> Graph:
    """Return reports on an outer ring, what they share on an inner one, and a line wherever a report holds a thing."""
    outer = _ring([(names[each], "report", each) for each in campaign.documents[:_NODES]], 0.36)
    inner = _ring([(each.partition(":")[2], each.partition(":")[0], "") for each in campaign.shared[:8]], 0.16)
    places = {node.report: node for node in outer} | dict(zip(campaign.shared[:8], inner, strict=True))
    lines = tuple((places[one], places[other]) for one, other in campaign.links if one in places and other in places)
    return Graph(nodes=(*outer, *inner), lines=lines)


def _ring(items: Sequence[tuple[str, str, str]], radius: float) -> tuple[Node, ...]:
    step = 2 * pi / max(len(items), 1)
    return tuple(
        Node(
            name=name,
            kind=kind,
            report=report,
            x=round(_SIZE * (0.5 + radius * cos(step * at)), 1),
            y=round(_SIZE * (0.5 + radius * sin(step * at)), 1),
        )
        for at, (name, kind, report) in enumerate(items)
    )
