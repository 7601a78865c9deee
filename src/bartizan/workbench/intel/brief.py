"""A brief over reports: sentences of the reports themselves, each with its place, chosen for what they say and not for how often."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from bartizan.workbench.intel.across import Campaign, Contradiction, Duplicate, campaigns, contradictions, duplicates
from bartizan.workbench.intel.document import Flag, Quote, Tlp, strictest
from bartizan.workbench.intel.found import Candidate, Report
from bartizan.workbench.intel.priority import Priority, prioritise
from bartizan.workbench.intel.salience import words

Section = Literal["summary", "report", "entity", "technique", "vulnerability", "indicator"]

_OVERLAP: Final = 0.5
_POOL: Final = 3_000
_SURE: Final = 0.5
_PER_REPORT: Final = 10
_PAGES_EACH: Final = 3.0
_MOST_EACH: Final = 90
_GIST_SHARE: Final = 0.3

TACTICS: Final = (
    *("reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion"),
    *("credential-access", "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration", "impact"),
)
"""The order of an intrusion, as ATT&CK's matrix has it; tactics of other matrices follow."""


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A quote: ``doc`` is the file as it was given; ``[start, end)`` counts characters of its canonical text, ``page`` from 1."""

    doc: str
    page: int
    start: int
    end: int
    quote: str
    sha256: str
    document: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement: the quote's words in one line (or a model's, bound to its quotes), and where they stand."""

    statement: str
    citations: tuple[Citation, ...]
    section: Section
    about: tuple[str, ...] = ()


class TechniqueRow(msgspec.Struct, frozen=True, kw_only=True):
    """A technique over all reports."""

    id: str
    name: str
    tactics: tuple[str, ...]
    p: float
    reports: int
    citations: tuple[Citation, ...]


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """A flag of one of the reports."""

    doc: str
    document: str
    flag: Flag


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a reader gets. ``unknown`` says what the reports do not."""

    statements: tuple[Statement, ...]
    priority: Priority
    techniques: tuple[TechniqueRow, ...]
    campaigns: tuple[Campaign, ...]
    contradictions: tuple[Contradiction, ...]
    duplicates: tuple[Duplicate, ...]
    unknown: tuple[str, ...]
    hostile: tuple[Warned, ...]
    tlp: Tlp
    documents: int


def brief(reports: Sequence[Report], *, unmarked: Tlp = "amber", summary: int = 10) -> Brief:
    """Return the brief of some reports; ``summary`` is how many sentences stand for all of them together."""
    doubles = duplicates(reports)
    dropped = {double.document for double in doubles}
    kept = [report for report in reports if report.document.id not in dropped]
    chosen = _Chosen(kept)
    chosen.summarise(summary)
    chosen.each()
    chosen.things()
    techniques = tuple(technique_rows(kept))
    return Brief(
        statements=tuple(chosen.statements),
        priority=prioritise(kept),
        techniques=techniques,
        campaigns=campaigns(kept),
        contradictions=contradictions(kept),
        duplicates=doubles,
        unknown=tuple(_unknown(kept, techniques)),
        hostile=tuple(
            Warned(doc=each.document.name, document=each.document.id, flag=flag) for each in reports for flag in each.document.flags
        ),
        tlp=strictest(tuple(report.document.tlp for report in reports), unmarked=unmarked),
        documents=len(reports),
    )


def cite(report: Report, quote: Quote) -> Citation:
    """Return a quote with its words."""
    return Citation(
        doc=report.document.name,
        page=quote.page,
        start=quote.start,
        end=quote.end,
        quote=report.document.text[quote.start : quote.end],
        sha256=quote.sha256,
        document=report.document.id,
    )


def one_line(text: str) -> str:
    """Return text with its white space as single spaces: how a quote reads as a statement."""
    return " ".join(text.split())


class _Chosen:
    """Chooses sentences greedily: what says most first, and nothing that says again what is already there."""

    def __init__(self, reports: Sequence[Report]) -> None:
        self._reports = reports
        self.statements: list[Statement] = []
        self._taken: set[tuple[str, int]] = set()
        self._bags: list[frozenset[int]] = []
        self._by_word: dict[int, list[int]] = defaultdict(list)
        self._covered: set[str] = set()
        self._each: Counter[str] = Counter()
        self._shared = Counter(word for report in reports for word in {w for item in report.analysis.candidates for w in item.words})

    def summarise(self, most: int) -> None:
        """Choose for all reports together: known to few reports is worth more, and so is what names something not yet named."""
        pool = [
            (item.score + self._novelty(item), place, item)
            for place, report in enumerate(self._reports)
            for item in report.analysis.candidates[:80]
        ]
        pool.sort(key=lambda entry: -entry[0])
        pool = pool[:_POOL]
        per_report: Counter[int] = Counter()
        most_each = max(2, -(-most // max(len(self._reports), 1)))
        while pool and len(self.statements) < most:
            best = max(pool[:200], key=lambda entry: entry[0] + self._gain(entry[2]) - 1.5 * (per_report[entry[1]] >= most_each))
            pool.remove(best)
            if self._take(self._reports[best[1]], best[2], "summary"):
                per_report[best[1]] += 1

    def each(self) -> None:
        """Choose for each report by itself, more for longer ones."""
        for report in self._reports:
            most = min(int(_PER_REPORT + len(report.document.pages) * _PAGES_EACH), _MOST_EACH)
            for share, key in ((_GIST_SHARE, _by_score), (1.0, _by_fact)):
                self._fill(report, key, int(share * most))

    def _fill(self, report: Report, key: Callable[[Candidate], float], most: int) -> None:
        """Take sentences of one report, best first, until it has so many."""
        for item in sorted(report.analysis.candidates, key=key, reverse=True):
            if self._each[report.document.id] >= most:
                return
            self._each[report.document.id] += self._take(report, item, "report", whatever=key is _by_fact)

    def things(self) -> None:
        """See to it that every actor, malware, tool, CVE, technique and strong indicator has a sentence that says something of it."""
        for report in self._reports:
            wanted = _wanted(report)
            for item in sorted(report.analysis.candidates, key=lambda item: -item.score):
                new = [name for name in item.names if name in wanted and name not in self._covered]
                if new:
                    self._take(report, item, wanted[new[0]], whatever=True)

    def _novelty(self, item: Candidate) -> float:
        if len(self._reports) < 2 or not item.words:
            return 0.0
        rare = sum(1 for word in item.words if self._shared[word] * 4 <= len(self._reports))
        return 0.8 * rare / len(item.words)

    def _gain(self, item: Candidate) -> float:
        return min(0.3 * sum(name not in self._covered for name in item.names), 1.2)

    def _take(self, report: Report, item: Candidate, section: Section, *, whatever: bool = False) -> bool:
        place = (report.document.id, item.start)
        if place in self._taken:
            return False
        bag = frozenset(item.words)
        if self._is_repeated(bag, 0.85 if whatever else _OVERLAP):
            return False
        self._taken.add(place)
        for word in bag:
            self._by_word[word].append(len(self._bags))
        self._bags.append(bag)
        self._covered.update(item.names)
        citation = cite(report, report.document.quote(item.start, item.end))
        self.statements.append(Statement(statement=one_line(citation.quote), citations=(citation,), section=section, about=item.names))
        return True

    def _is_repeated(self, bag: frozenset[int], most: float) -> bool:
        common = Counter(place for word in bag for place in self._by_word.get(word, ()))
        return any(count > most * min(len(bag), len(self._bags[place])) and count > 3 for place, count in common.items())


def _by_score(item: Candidate) -> float:
    return item.score


def _by_fact(item: Candidate) -> float:
    return item.fact


def _wanted(report: Report) -> dict[str, Section]:
    wanted: dict[str, Section] = {}
    for entity in report.analysis.entities:
        if entity.kind in {"actor", "malware", "tool", "cve"}:
            wanted[entity.key] = "vulnerability" if entity.kind == "cve" else "entity"
    for technique in report.analysis.techniques:
        wanted[f"technique:{technique.id}"] = "technique"
    for item in report.analysis.indicators:
        if item.tier in {"indicator section", "defanged", "network verb", "declared"}:
            wanted[f"{item.kind}:{item.value}"] = "indicator"
    return wanted


def technique_rows(reports: Sequence[Report]) -> Iterable[TechniqueRow]:
    """Yield every technique in the order of an intrusion."""
    groups: dict[str, list[tuple[Report, int]]] = defaultdict(list)
    for report in reports:
        for place, technique in enumerate(report.analysis.techniques):
            groups[technique.id].append((report, place))
    rows = []
    for key, members in groups.items():
        seen = [(report, report.analysis.techniques[place]) for report, place in members]
        best = max((technique for _, technique in seen), key=lambda item: item.p)
        rows.append(
            TechniqueRow(
                id=key,
                name=best.name,
                tactics=best.tactics,
                p=best.p,
                reports=len(seen),
                citations=tuple(cite(report, technique.evidence[0]) for report, technique in seen[:5] if technique.evidence),
            )
        )
    yield from sorted(rows, key=lambda row: (_tactic(row.tactics), row.id))


def _tactic(tactics: Sequence[str]) -> int:
    return min((TACTICS.index(tactic) for tactic in tactics if tactic in TACTICS), default=len(TACTICS))


def _unknown(reports: Sequence[Report], techniques: Sequence[TechniqueRow]) -> Iterable[str]:
    kinds = {entity.kind for report in reports for entity in report.analysis.entities}
    tactics = {tactic for row in techniques for tactic in row.tactics}
    if not any(report.analysis.candidates for report in reports):
        yield "no report has a sentence that could be quoted"
    for kind, what in (
        ("actor", "who is behind it"),
        ("malware", "which malware was used"),
        ("sector", "which sectors are targets"),
        ("cve", "which vulnerabilities were used"),
    ):
        if kind not in kinds:
            yield f"no report names {what}"
    for tactic, what in (("initial-access", "how they got in"), ("exfiltration", "how data left"), ("impact", "what the damage is")):
        if tactic not in tactics:
            yield f"nothing was found on {what} ({tactic})"
    if not any(
        item.tier in {"declared", "indicator section", "defanged", "network verb"}
        for report in reports
        for item in report.analysis.indicators
    ):
        yield "no report gives an indicator in a way that vouches for it"


__all__ = [
    "TACTICS",
    "Brief",
    "Citation",
    "Section",
    "Statement",
    "TechniqueRow",
    "Warned",
    "brief",
    "cite",
    "one_line",
    "technique_rows",
    "words",
]
