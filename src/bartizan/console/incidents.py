"""Incidents: the list, gravest first; one with its chain, timeline, verdict with reasons, and what is missing; what was suppressed."""

from __future__ import annotations

from typing import Final, cast, get_args

import msgspec

from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing, record
from bartizan.errors import RefusedError
from bartizan.event import IncidentVerdict
from bartizan.workbench.triage.incident import Incident
from bartizan.workbench.triage.incident.arrange import handover
from bartizan.workbench.triage.incident.book import Book
from bartizan.workbench.triage.incident.families import TACTICS
from bartizan.workbench.triage.incident.fold import Entry, Word
from bartizan.workbench.triage.incident.incident import Group
from bartizan.workbench.triage.incident.sample import Missed
from bartizan.workbench.triage.incident.sample import missed as missed_of

VERDICTS: Final = get_args(IncidentVerdict)
_MOST: Final = 200
_HOSTS: Final = 9
_ROW: Final = 34
_WIDE: Final = 640


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One incident in the list."""

    id: str
    verdict: IncidentVerdict
    evidence: IncidentVerdict
    p: float
    severity: str
    first_at: float
    delay_s: float
    alerts: int
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    parts: int


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run: how many alerts came to how many incidents."""

    id: str
    alerts: int
    incidents: int
    suppressed: int
    groups: int
    since: float
    until: float
    missed: Missed | None


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON."""

    incidents: tuple[Row, ...]
    runs: tuple[RunRow, ...]


class Dot(msgspec.Struct, frozen=True, kw_only=True):
    """A host or a tactic in the graph."""

    name: str
    kind: str
    x: float
    y: float
    count: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts about a host that speak of a tactic; ``width`` grows with the logarithm of their number."""

    x1: float
    y1: float
    x2: float
    y2: float
    count: int
    width: float


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Hosts on the left, tactics in ATT&CK's order on the right."""

    dots: tuple[Dot, ...]
    lines: tuple[Line, ...]
    height: int


class One(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as JSON: the evidence, and what was laid over it."""

    incident: Incident
    verdict: IncidentVerdict
    words: tuple[Word, ...]
    proposals: tuple[Word, ...]
    within: str
    parts: tuple[str, ...]
    acts: tuple[tuple[str, str], ...]
    graph: Graph


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """One run's suppressed groups as JSON, and which of them were drawn for a look."""

    run: str
    groups: tuple[Group, ...]
    drawn: dict[str, str]
    said: dict[str, bool]
    sample: str


def incidents(parts: Parts, ask: Ask) -> Page:
    """Show the incidents that stand for themselves."""
    del ask
    book = _book(parts)
    rows = tuple(_row(book, entry) for entry in book.listed()[:_MOST])
    runs = tuple(_run(book, name) for name in reversed(book.runs))[:20]
    return Page(template="incidents.html", title="Incidents", body=Incidents(incidents=rows, runs=runs))


def incident(parts: Parts, ask: Ask) -> Page:
    """Show one incident."""
    book = _book(parts)
    entry = book.entry(ask.path["id"])
    found = book.incident(entry)
    if found is None:
        raise missing("incident whose evidence was not erased:", entry.id)
    whole = record(parts, ask)
    body = One(
        incident=found,
        verdict=book.standing(entry),
        words=tuple(entry.words),
        proposals=tuple(entry.proposals),
        within=entry.within,
        parts=tuple(entry.parts),
        acts=tuple((act.act, "merge" if hasattr(act, "into") else "split") for act in book.acts(entry.id)),
        graph=graph_of(found),
    )
    others = [other for other in book.listed() if other.id != entry.id and not other.parts][:50]
    extra = {
        "may_decide": allowed(parts, ask, "incident.decide", whole),
        "may_plan": allowed(parts, ask, "response.plan", whole),
        "verdicts": VERDICTS,
        "others": others,
        "handover": handover(found).decode(),
        "evidence": entry.evidence,
    }
    return Page(template="incident.html", title="Incident", body=body, extra=extra)


def suppressed(parts: Parts, ask: Ask) -> Page:
    """Show what a run suppressed, the last one's without an id."""
    book = _book(parts)
    runs = list(book.runs)
    run = ask.query.get("run", "") or (runs[-1] if runs else "")
    if runs and run not in book.runs:
        raise missing("run", run[:60])
    sample = next((each for each in reversed(book.samples.values()) if each.run == run), None)
    body = Suppressed(
        run=run,
        groups=tuple(sorted(book.groups(run), key=lambda group: -group.alerts)) if run else (),
        drawn=sample.items if sample else {},
        said=sample.said if sample else {},
        sample=sample.id if sample else "",
    )
    may = allowed(parts, ask, "incident.decide", record(parts, ask))
    return Page(template="suppressed.html", title="Suppressed", body=body, extra={"may_decide": may})


def decide(parts: Parts, ask: Ask) -> Done:
    """Take a person's verdict on an incident."""
    verdict = ask.field("verdict")
    if verdict not in VERDICTS:
        raise RefusedError("there is no such verdict", code="bad_field", param="verdict", hint=" or ".join(VERDICTS))
    entry = _book(parts).decide(ask.path["id"], cast("IncidentVerdict", verdict), ask.who, reason=ask.field("reason", most=2000))
    return Done(location=f"/incidents/{entry.id}", notice="case-decided")


def merge(parts: Parts, ask: Ask) -> Done:
    """Look at another incident together with this one."""
    book = _book(parts)
    entry = book.entry(ask.path["id"])
    book.merge(entry.id, [ask.field("other")], ask.who, reason=ask.field("reason", most=2000))
    return Done(location=f"/incidents/{entry.id}", notice="case-decided")


def put_back(parts: Parts, ask: Ask) -> Done:
    """Undo a merge or a split."""
    book = _book(parts)
    entry = book.entry(ask.path["id"])
    book.put_back(ask.field("act"), ask.who, reason=ask.field("reason", most=2000))
    return Done(location=f"/incidents/{entry.split_from or entry.id}", notice="case-decided")


def look(parts: Parts, ask: Ask) -> Done:
    """Take what a look at a drawn group showed; the path names the sample."""
    said = ask.field("said")
    if said not in {"fine", "missed"}:
        raise RefusedError("a look says fine or missed", code="bad_field", param="said", hint="choose one")
    book = _book(parts)
    book.reviewed(ask.path["id"], ask.field("item"), ask.who, missed=said == "missed", reason=ask.form.get("reason", "")[:2000])
    return Done(location="/incidents/suppressed", notice="case-decided")


def graph_of(found: Incident) -> Graph:
    """Place hosts and tactics and draw what ties them."""
    counts: dict[tuple[str, str], int] = {}
    for step in found.timeline:
        if step.role == "evidence" and step.tactic:
            counts[step.host, step.tactic] = counts.get((step.host, step.tactic), 0) + step.count
    hosts = sorted({host for host, _ in counts}, key=lambda host: -sum(n for (h, _), n in counts.items() if h == host))[:_HOSTS]
    tactics = [tactic for tactic in TACTICS if any(t == tactic for h, t in counts if h in hosts)]
    height = _ROW * (max(len(hosts), len(tactics), 1) + 1)
    left = {name: _dot(name, "host", 190, place, len(hosts), height, counts) for place, name in enumerate(hosts)}
    right = {name: _dot(name, "tactic", _WIDE - 190, place, len(tactics), height, counts) for place, name in enumerate(tactics)}
    lines = tuple(
        Line(x1=left[h].x, y1=left[h].y, x2=right[t].x, y2=right[t].y, count=n, width=round(1 + len(str(n)) * 0.8, 1))
        for (h, t), n in sorted(counts.items())
        if h in left
    )
    return Graph(dots=(*left.values(), *right.values()), lines=lines, height=height)


def _dot(name: str, kind: str, x: int, place: int, of: int, height: int, counts: dict[tuple[str, str], int]) -> Dot:
    count = sum(n for pair, n in counts.items() if name in pair)
    return Dot(name=name, kind=kind, x=x, y=round(height * (place + 1) / (of + 1), 1), count=count)


def _book(parts: Parts) -> Book:
    parts.book.catch_up()
    return parts.book


def _row(book: Book, entry: Entry) -> Row:
    return Row(
        id=entry.id,
        verdict=book.standing(entry),
        evidence=entry.evidence,
        p=entry.p,
        severity=entry.severity,
        first_at=entry.first_at,
        delay_s=max(0.0, entry.raised_at - entry.first_at),
        alerts=entry.alerts,
        tactics=entry.tactics,
        techniques=entry.techniques,
        parts=len(entry.parts),
    )


def _run(book: Book, name: str) -> RunRow:
    received = book.runs[name][1]
    sample = next((each for each in reversed(book.samples.values()) if each.run == name), None)
    return RunRow(
        id=name,
        alerts=received.alerts,
        incidents=received.incidents,
        suppressed=received.suppressed,
        groups=received.groups,
        since=received.since,
        until=received.until,
        missed=missed_of(sample) if sample is not None and sample.said else None,
    )
