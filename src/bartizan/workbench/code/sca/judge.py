"""Judge each dependency against the snapshot; every verdict says how old the snapshot is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from bartizan.workbench.code.finding import Finding, Note, Severity, Step, fingerprint
from bartizan.workbench.code.repo import Tree
from bartizan.workbench.code.sca.advisories import Advisory, Affected, Snapshot, normal
from bartizan.workbench.code.sca.locks import Dependency, dependencies
from bartizan.workbench.code.sca.rank import Urgency
from bartizan.workbench.code.sca.reach import Found, Imports
from bartizan.workbench.code.sca.versions import hits


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One advisory that speaks of one dependency."""

    dependency: Dependency
    advisory: str
    aliases: tuple[str, ...]
    summary: str
    severity: str
    reach: Found
    fixed: tuple[str, ...]
    """Versions in which the advisory says it is fixed, in its order."""
    score: float
    exploited: bool
    snapshot: str
    """The day the advisories were gathered."""
    age_days: int

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the advisory."""
        return (self.advisory, *self.aliases)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the dependencies gives."""

    verdicts: tuple[Verdict, ...]
    dependencies: tuple[Dependency, ...]
    unpinned: tuple[Dependency, ...]
    """Named without a version by any file, so nothing can be said of them."""
    notes: tuple[Note, ...]
    snapshot: str
    age_days: int
    signed: bool


def judge(tree: Tree, snapshot: Snapshot, today: dt.date, urgency: Urgency | None = None) -> Report:
    """Return the verdicts on a tree's dependencies, most urgent first."""
    notes: list[Note] = []
    found = dependencies(tree, notes)
    imports = Imports(tree)
    verdicts = tuple(_verdicts(found, snapshot, imports, urgency or Urgency(), today))
    pinned = {(each.ecosystem, each.name) for each in found if each.version}
    return Report(
        verdicts=tuple(sorted(verdicts, key=lambda each: (-each.score, each.dependency.name, each.advisory, each.dependency.file))),
        dependencies=found,
        unpinned=tuple(each for each in found if not each.version and (each.ecosystem, each.name) not in pinned),
        notes=tuple(notes),
        snapshot=snapshot.manifest.made.isoformat(),
        age_days=snapshot.age_days(today),
        signed=snapshot.signed,
    )


def _verdicts(found: Iterable[Dependency], snapshot: Snapshot, imports: Imports, urgency: Urgency, today: dt.date) -> Iterable[Verdict]:
    seen: set[tuple[str, str, str, str]] = set()
    for dependency in found:
        if not dependency.version:
            continue
        for advisory in _one_each(snapshot.of(dependency.ecosystem, dependency.name)):
            own = _own(advisory, dependency)
            place = (dependency.file, dependency.name, dependency.version, advisory.id)
            if place in seen or not any(hits(each, dependency.version) for each in own):
                continue
            seen.add(place)
            symbols = tuple(symbol for each in own for symbol in each.symbols)
            reach = imports.of(dependency.name, symbols) if dependency.ecosystem == "PyPI" else Found(reach="unknown")
            names = (advisory.id, *advisory.aliases)
            yield Verdict(
                dependency=dependency,
                advisory=advisory.id,
                aliases=advisory.aliases,
                summary=advisory.summary,
                severity=advisory.severity,
                reach=reach,
                fixed=tuple(dict.fromkeys(each.fixed for one in own for each in one.ranges if each.fixed)),
                score=urgency.score(names, reach.reach, advisory.severity),
                exploited=any(name in urgency.kev for name in names),
                snapshot=snapshot.manifest.made.isoformat(),
                age_days=snapshot.age_days(today),
            )


def _own(advisory: Advisory, dependency: Dependency) -> tuple[Affected, ...]:
    name = normal(dependency.ecosystem, dependency.name)
    return tuple(each for each in advisory.affected if (each.ecosystem, each.package) == (dependency.ecosystem, name))


def _one_each(advisories: Iterable[Advisory]) -> Iterable[Advisory]:
    """Leave out entries that another entry is an alias of: registries tell of one flaw twice."""
    told: set[str] = set()
    for advisory in advisories:
        if advisory.id not in told:
            told |= {advisory.id, *advisory.aliases}
            yield advisory


def findings(report: Report) -> tuple[Finding, ...]:
    """Return the verdicts in the common model."""
    severity: dict[str, Severity] = {"critical": "critical", "high": "high", "moderate": "medium", "medium": "medium", "low": "low"}
    made: list[Finding] = []
    for each in report.verdicts:
        at = each.dependency
        reach = f"{each.reach.reach}; advisories of {each.snapshot}, {each.age_days} days old"
        made.append(
            Finding(
                id=fingerprint(f"sca/{each.advisory}", at.file, "", f"{at.name}@{at.version}"),
                rule=f"sca/{each.advisory}",
                cwe=1395,
                file=at.file,
                line=at.line,
                severity=severity.get(each.severity, "high"),
                p={"used": 0.95, "imported": 0.7, "unknown": 0.6}.get(each.reach.reach, 0.15),
                message=f"{at.name} {at.version}: {each.summary[:200]}",
                flow=(Step(file=at.file, line=at.line, text=f"{at.name} {at.version}", why=reach),),
                sink_kind="dependency",
                evidence=(reach,),
            )
        )
    return tuple(made)
