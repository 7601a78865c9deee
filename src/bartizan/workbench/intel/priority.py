"""How urgent reports are, by plain rules over what was found, each reason with its place.

Nothing that a report says of its own urgency counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from bartizan.workbench.intel.document import Quote
from bartizan.workbench.intel.found import Report

Level = Literal["critical", "high", "medium", "low"]
_LEVELS: Final[tuple[Level, ...]] = ("low", "medium", "high", "critical")
_STRONG: Final = frozenset({"declared", "indicator section", "defanged", "network verb"})
_DESTRUCTIVE: Final = frozenset({"T1485", "T1486", "T1490", "T1495", "T1561"})
_SURE: Final = 0.5


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why: in words, with the report and the place that give the reason."""

    level: Level
    what: str
    document: str
    doc: str
    quote: Quote


class Priority(msgspec.Struct, frozen=True, kw_only=True):
    """The strictest of the reasons; ``low`` without any. ``actions`` are what follows, in order."""

    level: Level
    reasons: tuple[Reason, ...]
    actions: tuple[str, ...]


def prioritise(reports: Sequence[Report]) -> Priority:
    """Return how urgent some reports are together."""
    reasons = sorted((reason for report in reports for reason in _reasons(report)), key=lambda reason: -_LEVELS.index(reason.level))
    first = {reason.what: reason for reason in reversed(reasons)}
    kept = tuple(reason for reason in reasons if first[reason.what] is reason)
    level: Level = kept[0].level if kept else "low"
    return Priority(level=level, reasons=kept[:40], actions=tuple(_actions(reports)))


def _reasons(report: Report) -> Iterable[Reason]:
    found = report.analysis
    for entity in found.entities:
        if entity.kind == "cve" and entity.exploited and entity.ransomware:
            yield _reason(report, "critical", f"{entity.name} is known to be exploited, also by ransomware", entity.evidence)
        elif entity.kind == "cve" and entity.exploited:
            yield _reason(report, "high", f"{entity.name} is known to be exploited", entity.evidence)
    for technique in found.techniques:
        if technique.id.partition(".")[0] in _DESTRUCTIVE and technique.p >= _SURE:
            yield _reason(
                report, "high", f"{technique.id} {technique.name}: data or systems are destroyed or held to ransom", technique.evidence
            )
    strong = [item for item in found.indicators if item.tier in _STRONG]
    actors = [entity for entity in found.entities if entity.kind == "actor"]
    if strong and actors:
        yield _reason(report, "high", f"{actors[0].name} is named beside indicators to look for", actors[0].evidence)
    elif strong:
        yield _reason(report, "medium", "there are indicators to look for", strong[0].evidence)
    elif found.techniques:
        yield _reason(report, "medium", "there is behaviour to look for", found.techniques[0].evidence)


def _reason(report: Report, level: Level, what: str, evidence: Sequence[Quote]) -> Reason:
    return Reason(level=level, what=what, document=report.document.id, doc=report.document.name, quote=evidence[0])


def _actions(reports: Sequence[Report]) -> Iterable[str]:
    cves = sorted({entity.name for report in reports for entity in report.analysis.entities if entity.kind == "cve" and entity.exploited})
    if cves:
        yield f"patch or mitigate what is known to be exploited: {', '.join(cves[:20])}"
    strong = {(item.kind, item.value) for report in reports for item in report.analysis.indicators if item.tier in _STRONG}
    if strong:
        yield f"look back for {len(strong)} indicators, then watch for them"
    techniques = sorted({item.id for report in reports for item in report.analysis.techniques if item.p >= _SURE})
    if techniques:
        yield f"check that detection covers {', '.join(techniques[:20])}"
