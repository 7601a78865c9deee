"""Everything found in several reports, each thing once with the reports it stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from bartizan.workbench.intel.document import Quote
from bartizan.workbench.intel.found import EntitySeen, IndicatorSeen, RelationSeen, Report, TechniqueSeen

STRONG: Final = frozenset({"declared", "indicator section", "defanged", "network verb"})
BENIGN: Final = frozenset({"reference link", "vendor contact", "warning list"})
CONFIDENCE: Final = {"declared": 90, "indicator section": 85, "defanged": 80, "network verb": 75, "plain": 50}
_T = TypeVar("_T", IndicatorSeen, TechniqueSeen, EntitySeen, RelationSeen)


class In(msgspec.Struct, frozen=True):
    """A report in which a thing stands, and where."""

    report: Report
    quote: Quote

    @property
    def words(self) -> str:
        """The quote."""
        return self.report.document.text[self.quote.start : self.quote.end]


class Merged(msgspec.Struct, frozen=True):
    """Each thing with where it stands, in a stable order."""

    indicators: tuple[tuple[IndicatorSeen, tuple[In, ...]], ...]
    techniques: tuple[tuple[TechniqueSeen, tuple[In, ...]], ...]
    entities: tuple[tuple[EntitySeen, tuple[In, ...]], ...]
    relations: tuple[tuple[RelationSeen, tuple[In, ...]], ...]


def merge(reports: Sequence[Report]) -> Merged:
    """Return what some reports hold together."""
    best = [*CONFIDENCE, *sorted(BENIGN)]
    return Merged(
        indicators=_once(
            reports,
            lambda it: it.analysis.indicators,
            lambda it: (it.kind, it.value),
            lambda it: -best.index(it.tier) if it.tier in best else -99,
        ),
        techniques=_once(reports, lambda it: it.analysis.techniques, lambda it: (it.id,), lambda it: it.p),
        entities=_once(reports, lambda it: it.analysis.entities, lambda it: (it.key,), lambda it: it.count),
        relations=_once(reports, lambda it: it.analysis.relations, lambda it: (it.subject, it.verb, it.object), lambda _: 0),
    )


def _once(
    reports: Sequence[Report], things: Callable[[Report], Iterable[_T]], key: Callable[[_T], tuple[str, ...]], rank: Callable[[_T], float]
) -> tuple[tuple[_T, tuple[In, ...]], ...]:
    groups: dict[tuple[str, ...], list[tuple[_T, Report]]] = {}
    for report in reports:
        for thing in things(report):
            groups.setdefault(key(thing), []).append((thing, report))
    made = []
    for _, members in sorted(groups.items(), key=lambda item: item[0]):
        best = max((thing for thing, _ in members), key=rank)
        made.append((best, tuple(In(report, thing.evidence[0]) for thing, report in members if thing.evidence)))
    return tuple(made)
