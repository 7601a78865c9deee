"""From a document to what is known of it. Masked text gives no technique, entity, relation or sentence; its indicators are set aside."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final, TypeVar

import msgspec

from bartizan.workbench.intel.canon import Folding
from bartizan.workbench.intel.document import Document, Quote
from bartizan.workbench.intel.evidence import evidence
from bartizan.workbench.intel.extract import Extraction, Indicator, extract
from bartizan.workbench.intel.found import Analysis, EntitySeen, IndicatorSeen, RelationSeen, Report, TechniqueSeen
from bartizan.workbench.intel.planted import mark
from bartizan.workbench.intel.salience import Named, candidates, sketch, spans_of

_EVIDENCE: Final = 20
_TIERS: Final = (
    *("declared", "indicator section", "defanged", "network verb", "plain", "reference link", "vendor contact", "warning list"),
    *("not an indicator", "planted text", "hidden text"),
)
_WEIGHTS: Final = {"actor": 0.8, "malware": 0.7, "tool": 0.5, "cve": 0.8, "sector": 0.2, "country": 0.15}
_fold: Final = Folding()
_T = TypeVar("_T")


def analyse(document: Document) -> Report:
    """Return the report: the document with what is planted in it marked, and everything found in what is left."""
    document = mark(document)
    read = evidence(document)
    spans = spans_of(document)
    extraction = read.placed(extract(_fold(read.text)))
    analysis = Analysis(
        indicators=(*_declared(document), *_indicators(document, (*extraction.indicators, *_in_heads(document, read.heads)))),
        aside=(*_indicators(document, extraction.set_aside), *_unseen(document)),
        techniques=_techniques(document, extraction),
        entities=_entities(document, extraction),
        relations=_relations(document, extraction),
        candidates=candidates(document, spans, list(_named(extraction))),
        sketch=sketch(document, spans),
    )
    return Report(document=document, analysis=msgspec.structs.replace(analysis, indicators=_once(analysis.indicators)))


def _named(extraction: Extraction) -> Iterable[Named]:
    for technique in extraction.techniques:
        yield Named(technique.start, f"technique:{technique.id}", 0.6 * technique.p)
    for entity in extraction.entities:
        yield Named(entity.start, f"{entity.kind}:{entity.id or entity.name.casefold()}", _WEIGHTS.get(entity.kind, 0.2))
    for indicator in extraction.indicators:
        weight = 0.35 if indicator.tier in {"indicator section", "defanged", "network verb"} else 0.1
        yield Named(indicator.start, f"{indicator.kind}:{indicator.value}", weight)
    for relation in extraction.relations:
        yield Named(relation.start, f"relation:{relation.subject}>{relation.object}", 0.4)


def _grouped(items: Iterable[_T], key: Callable[[_T], Hashable]) -> Iterable[list[_T]]:
    groups: dict[Hashable, list[_T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups.values()


def _indicators(document: Document, found: Iterable[Indicator]) -> tuple[IndicatorSeen, ...]:
    made = []
    for group in _grouped(found, lambda item: (item.kind, item.value)):
        best = min(group, key=lambda item: _TIERS.index(item.tier))
        made.append(
            IndicatorSeen(
                kind=best.kind,
                value=best.value,
                tier=best.tier,
                reason=best.reason,
                shown=best.quote,
                evidence=tuple(document.quote(item.start, item.end) for item in group[:_EVIDENCE]),
                count=len(group),
                notes=best.notes,
            )
        )
    return tuple(made)


def _declared(document: Document) -> tuple[IndicatorSeen, ...]:
    return tuple(
        IndicatorSeen(
            kind=group[0].kind,
            value=group[0].value,
            tier="declared",
            reason="the format itself says that this is an indicator",
            shown=document.text[group[0].start : group[0].end],
            evidence=tuple(document.quote(item.start, item.end) for item in group[:_EVIDENCE]),
            count=len(group),
        )
        for group in _grouped(document.declared, lambda item: (item.kind, item.value))
    )


def _once(items: Iterable[IndicatorSeen]) -> tuple[IndicatorSeen, ...]:
    """Keep the first of equal indicators: what a format declares is also found in its text."""
    return tuple({(item.kind, item.value): item for item in reversed(tuple(items))}.values())[::-1]


def _unseen(document: Document) -> Iterable[IndicatorSeen]:
    """Yield the indicators of masked and of hidden text, which are worth a look and prove nothing."""
    for start, end in document.masked:
        for item in _indicators(document, _shifted(extract(_fold(document.text[start:end])).indicators, start)):
            yield msgspec.structs.replace(item, tier="planted text", reason="stands in text that is planted or hidden")
    for flag in document.flags:
        if flag.kind == "hidden_text" and flag.start < 0 and flag.text:
            for found in extract(_fold(flag.text)).indicators:
                yield IndicatorSeen(
                    kind=found.kind, value=found.value, tier="hidden text", reason=flag.detail, shown=found.quote, evidence=(), count=1
                )


def _in_heads(document: Document, heads: Iterable[tuple[int, int]]) -> Iterable[Indicator]:
    """Yield the indicators of what pages repeat at their edges."""
    for start, end in heads:
        yield from _shifted(extract(_fold(document.text[start:end])).indicators, start)


def _shifted(found: Iterable[Indicator], by: int) -> Iterable[Indicator]:
    return (msgspec.structs.replace(item, start=item.start + by, end=item.end + by) for item in found)


def _techniques(document: Document, extraction: Extraction) -> tuple[TechniqueSeen, ...]:
    made = []
    for group in _grouped(extraction.techniques, lambda item: item.id):
        best = max(group, key=lambda item: item.p)
        ranked = sorted(group, key=lambda item: (-item.p, item.start))[:_EVIDENCE]
        made.append(
            TechniqueSeen(
                id=best.id,
                name=best.name,
                p=best.p,
                how=best.how,
                tactics=best.tactics,
                evidence=tuple(document.quote(item.start, item.end) for item in ranked),
                count=len(group),
            )
        )
    return tuple(made)


def _entities(document: Document, extraction: Extraction) -> tuple[EntitySeen, ...]:
    return tuple(
        EntitySeen(
            name=group[0].name,
            kind=group[0].kind,
            id=group[0].id,
            aliases=tuple(dict.fromkeys(alias for item in group for alias in (*item.aliases, item.quote) if alias != group[0].name))[:20],
            evidence=tuple(_mention(document, item.start, item.end) for item in group[:_EVIDENCE]),
            count=len(group),
            exploited=any(item.exploited for item in group),
            ransomware=any(item.ransomware for item in group),
        )
        for group in _grouped(extraction.entities, lambda item: (item.kind, item.id or item.name.casefold()))
    )


def _mention(document: Document, start: int, end: int) -> Quote:
    return document.quote(start, end)


def _relations(document: Document, extraction: Extraction) -> tuple[RelationSeen, ...]:
    return tuple(
        RelationSeen(
            subject=group[0].subject,
            subject_kind=group[0].subject_kind,
            verb=group[0].verb,
            object=group[0].object,
            object_kind=group[0].object_kind,
            evidence=tuple(document.quote(item.start, item.end) for item in group[:_EVIDENCE]),
        )
        for group in _grouped(extraction.relations, lambda item: (item.subject, item.verb, item.object))
    )
