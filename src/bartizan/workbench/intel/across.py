"""What only several reports together show: the same text twice, campaigns, and reports that contradict each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final

import msgspec
import re2

from bartizan.workbench.intel.document import Quote
from bartizan.workbench.intel.found import EntitySeen, Report
from bartizan.workbench.intel.salience import likeness

_SAME: Final = 0.75
_BAND: Final = 4
_STRONG: Final = frozenset({"declared", "indicator section", "defanged", "network verb"})
_LINK: Final = 2.0
_SHARED_BY: Final = 12
"""An indicator or name in more reports than this, or in half of them, tells no campaign from another."""
_SHOWN: Final = 20
_SINCE: Final = re2.compile(
    r"(?i)\b(?:active|operating|operational|in operation|in use|used|observed|seen|tracked|known|around|existed|targeting)\b[^.;]{0,40}?"
    r"\bsince (?:at least |as early as |about |around |early |late |mid-?|the (?:beginning|end|start) of |(?:january|february|march|april"
    r"|may|june|july|august|september|october|november|december) )*((?:19|20)\d\d)\b"
)
_OWNS: Final = ("attributed", "operated", "developed", "authored", "created", "linked")


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """A report that says again what another one says; it adds nothing to a brief."""

    document: str
    of: str
    likeness: float


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """Reports that belong together, and what they share (``kind:value``)."""

    name: str
    documents: tuple[str, ...]
    shared: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()
    """(document, shared thing) wherever the one holds the other."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one report says on a matter."""

    says: str
    document: str
    quote: Quote


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """A matter on which reports differ."""

    about: str
    sides: tuple[Side, ...]


def duplicates(reports: Sequence[Report]) -> tuple[Duplicate, ...]:
    """Return the reports that repeat another; the longest of those alike stays."""
    buckets: dict[tuple[int, ...], list[int]] = defaultdict(list)
    order = sorted(range(len(reports)), key=lambda place: (-len(reports[place].document.text), reports[place].document.id))
    found: dict[int, Duplicate] = {}
    for place in order:
        mine = reports[place].analysis.sketch
        bands = [(at, *mine[at : at + _BAND]) for at in range(0, len(mine), _BAND) if max(mine[at : at + _BAND]) >= 0]
        rivals = {other for band in bands for other in buckets[band]}
        best = max(((likeness(mine, reports[other].analysis.sketch), -other) for other in rivals), default=(0.0, 0))
        if best[0] >= _SAME:
            kept = reports[-best[1]].document.id
            found[place] = Duplicate(document=reports[place].document.id, of=kept, likeness=round(best[0], 3))
            continue
        for band in bands:
            buckets[band].append(place)
    return tuple(found[place] for place in sorted(found))


def campaigns(reports: Sequence[Report]) -> tuple[Campaign, ...]:
    """Return groups of two or more reports that share indicators, names and techniques beyond chance."""
    holders: dict[str, list[int]] = defaultdict(list)
    for place, report in enumerate(reports):
        for feature in set(_features(report)):
            holders[feature].append(place)
    most = min(_SHARED_BY, max(2, len(reports) // 2))
    weights: Counter[tuple[int, int]] = Counter()
    shared: dict[tuple[int, int], list[str]] = defaultdict(list)
    for feature, places in holders.items():
        if 2 <= len(places) <= most:
            for pair in combinations(places, 2):
                weights[pair] += _weight(feature)  # type: ignore[assignment]  # a Counter of floats adds as well
                shared[pair].append(feature)
    leader = list(range(len(reports)))
    for (one, other), weight in weights.items():
        if weight >= _LINK:
            _join(leader, one, other)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(reports)):
        groups[_root(leader, place)].append(place)
    return tuple(_campaign(reports, group, shared) for group in groups.values() if len(group) > 1)


def contradictions(reports: Sequence[Report]) -> tuple[Contradiction, ...]:
    """Return matters on which reports differ: since when, whose, and which malware a file is."""
    claims: dict[str, dict[str, Side]] = defaultdict(dict)
    for report in reports:
        for about, says, quote in (*_since(report), *_owners(report), *_families(report)):
            claims[about].setdefault(says, Side(says=says, document=report.document.id, quote=quote))
    return tuple(
        Contradiction(about=about, sides=tuple(sides.values()))
        for about, sides in sorted(claims.items())
        if len(sides) > 1 and len({side.document for side in sides.values()}) > 1
    )


def _features(report: Report) -> Iterable[str]:
    for item in report.analysis.indicators:
        if item.tier in _STRONG and item.kind != "cve":
            yield f"{item.kind}:{item.value}"
    for entity in report.analysis.entities:
        if entity.kind in {"actor", "malware", "cve"}:
            yield entity.key
    for technique in report.analysis.techniques:
        yield f"technique:{technique.id}"


def _weight(feature: str) -> float:
    kind = feature.partition(":")[0]
    return {"technique": 0.1, "actor": 1.2, "malware": 1.0, "cve": 0.7, "filename": 0.3}.get(kind, 1.0)


def _root(leader: list[int], place: int) -> int:
    while leader[place] != place:
        leader[place] = leader[leader[place]]
        place = leader[place]
    return place


def _join(leader: list[int], one: int, other: int) -> None:
    leader[_root(leader, one)] = _root(leader, other)


def _campaign(reports: Sequence[Report], group: Sequence[int], shared: dict[tuple[int, int], list[str]]) -> Campaign:
    counts = Counter(feature for pair in combinations(group, 2) for feature in shared.get(pair, ()))
    ranked = sorted(counts, key=lambda feature: (-counts[feature] * _weight(feature), feature))
    names = {entity.key: entity.name for place in group for entity in reports[place].analysis.entities}
    title = next((names[feature] for feature in ranked if feature in names), ranked[0].partition(":")[2] if ranked else "")
    kept = tuple(ranked[:_SHOWN])
    links = tuple((reports[place].document.id, feature) for place in group for feature in kept if feature in set(_features(reports[place])))
    return Campaign(name=title, documents=tuple(reports[place].document.id for place in group), shared=kept, links=links)


def _since(report: Report) -> Iterable[tuple[str, str, Quote]]:
    document = report.document
    named = {entity.key: entity for entity in report.analysis.entities if entity.kind in {"actor", "malware"}}
    for candidate in report.analysis.candidates:
        subjects = [named[name] for name in candidate.names if name in named]
        if len(subjects) != 1:
            continue
        found = _SINCE.search(document.text[candidate.start : candidate.end].replace("\n", " "))
        if found:
            quote = document.quote(candidate.start, candidate.end)
            yield f"{subjects[0].name}: active since", found.group(1), quote


def _owners(report: Report) -> Iterable[tuple[str, str, Quote]]:
    for relation in report.analysis.relations:
        pair = {relation.subject_kind: relation.subject, relation.object_kind: relation.object}
        if set(pair) == {"actor", "malware"} and relation.verb.startswith(_OWNS):
            yield f"{pair['malware']}: whose it is", pair["actor"], relation.evidence[0]


def _families(report: Report) -> Iterable[tuple[str, str, Quote]]:
    """Yield (hash, malware) where a sentence or table row names exactly one of each."""
    malware: dict[str, EntitySeen] = {entity.key: entity for entity in report.analysis.entities if entity.kind == "malware"}
    text = report.document.text
    mentions = [(quote.start, entity) for entity in malware.values() for quote in entity.evidence]
    for item in report.analysis.indicators:
        if item.kind not in {"md5", "sha1", "sha256"} or not item.evidence:
            continue
        quote = item.evidence[0]
        begin = text.rfind("\n", 0, quote.start) + 1
        end = text.find("\n", quote.end)
        end = len(text) if end < 0 else end
        on_line = {entity.name for start, entity in mentions if begin <= start < end}
        if len(on_line) == 1:
            yield f"{item.kind} {item.value}: which malware it is", on_line.pop(), report.document.quote(begin, end)
