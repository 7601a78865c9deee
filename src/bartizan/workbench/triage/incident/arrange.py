"""Incidents laid together and taken apart: pure functions over what is on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from bartizan.event import IncidentRaised, IncidentVerdict
from bartizan.workbench.triage.incident.families import TACTICS
from bartizan.workbench.triage.incident.fold import Entry
from bartizan.workbench.triage.incident.incident import Incident

_HANDED: Final = 60
"""Entities and records that are handed over at most: they go through a form."""


def narrowed(found: Incident, entry: Entry) -> Incident:
    """Return an incident with the steps that are its own after splits, under the verdict in force."""
    steps = tuple(
        step
        for number, step in enumerate(found.timeline)
        if (number in entry.steps if entry.steps is not None else number not in entry.left)
    )
    cites = {cite for step in steps for cite in step.cites}
    families = {(step.tactic, step.technique) for step in steps}
    said = tuple(
        part
        for part in found.statements
        if len(steps) == len(found.timeline) or (part.tactic, part.technique) in families or set(part.cites) & cites
    )
    return msgspec.structs.replace(
        found,
        id=entry.id,
        timeline=steps,
        statements=said,
        verdict=entry.verdict,
        alerts=found.alerts if len(steps) == len(found.timeline) else sum(step.count for step in steps),
        hosts=found.hosts if len(steps) == len(found.timeline) else tuple(dict.fromkeys(step.host for step in steps)),
    )


def together(one: Incident, others: Sequence[Incident], verdict: IncidentVerdict) -> Incident:
    """Return several incidents as one."""
    every = (one, *others)
    tactics = {tactic for each in every for tactic in each.tactics}
    return msgspec.structs.replace(
        one,
        verdict=verdict,
        p=max(each.p for each in every),
        first_at=min(each.first_at for each in every),
        raised_at=min(each.raised_at for each in every),
        start=min(each.start for each in every),
        end=max(each.end for each in every),
        hosts=tuple(dict.fromkeys(host for each in every for host in each.hosts)),
        entities=tuple(sorted({entity for each in every for entity in each.entities})),
        tactics=tuple(tactic for tactic in TACTICS if tactic in tactics),
        techniques=tuple(dict.fromkeys(technique for each in every for technique in each.techniques)),
        alerts=sum(each.alerts for each in every),
        statements=tuple(statement for each in every for statement in each.statements),
        timeline=tuple(sorted((step for each in every for step in each.timeline), key=lambda step: (step.at, step.host, step.title))),
        missing=tuple(dict.fromkeys(silence for each in every for silence in each.missing)),
    )


def raised(incident: Incident, run: str) -> IncidentRaised:
    """Return the fact that an incident was raised; its content is the incident itself."""
    return IncidentRaised(
        incident=incident.id,
        run=run,
        verdict=incident.verdict,
        p=incident.p,
        severity=incident.severity,
        alerts=incident.alerts,
        first_at=incident.first_at,
        raised_at=incident.raised_at,
        tactics=incident.tactics,
        techniques=incident.techniques,
    )


def handover(found: Incident) -> bytes:
    """Return an incident as the plain JSON that responses are planned against: ids, entities, techniques, evidence, times."""
    named = [{"kind": entity.kind, "value": entity.value} for entity in found.entities]
    known = {(each["kind"], each["value"]) for each in named}
    named += [{"kind": "host", "value": host} for host in found.hosts if ("host", host.lower()) not in known and host]
    evidence = dict.fromkeys(cite for part in found.statements for cite in part.cites)
    return msgspec.json.encode(
        {
            "id": found.id,
            "title": found.title[:400],
            "severity": found.severity,
            "entities": named[:_HANDED],
            "techniques": found.techniques[:_HANDED],
            "evidence": [cite[:100] for cite in evidence][:_HANDED],
            "began_at": found.first_at,
            "raised_at": found.raised_at,
        }
    )
