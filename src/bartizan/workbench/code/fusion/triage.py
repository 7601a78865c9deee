"""From many tellings to an order in which to look: merged, with a probability, weighed by how exposed the place is, the rest dropped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import msgspec
import re2

from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.fusion.judged import Judgements
from bartizan.workbench.code.fusion.kept import Baseline, Suppressions
from bartizan.workbench.code.fusion.merge import Where, cwe_class, merge
from bartizan.workbench.code.fusion.prior import Priors, together

_WEIGHTS: Final = {"critical": 1.0, "high": 0.75, "medium": 0.4, "low": 0.15}
_test: Final = re2.compile(
    r"(?i)(?:^|/)(?:tests?|testing|spec|specs|__tests__|e2e|fixtures?|mocks?)/|(?:^|/)(?:test_[^/]*|[^/]*_test|[^/]*[.-](?:test|spec)|conftest)\.[a-z]+$"
)
_QUALITY: Final = frozenset({"quality"})
Why = Literal["double", "test", "quality", "judged-false", "baseline", "suppressed", "unlikely"]


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """A finding to look at. ``score`` is probability times weight of severity times exposure, from 0 to 1."""

    finding: Finding
    score: float
    exposure: float
    tools: tuple[str, ...]


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that nobody needs to look at, and why."""

    finding: Finding
    why: Why
    reason: str


class Triage(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, in order, and what is not."""

    kept: tuple[Ranked, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...] = ()


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a triage may go by besides the findings."""

    priors: Priors
    today: dt.date
    judgements: Judgements = Judgements()
    baseline: Baseline = Baseline()
    suppressions: Suppressions = Suppressions()
    least: float = 0.1
    tests: bool = False
    """Keep findings in tests too."""


def triage(
    findings: Iterable[Finding], known: Known, where: Where | None = None, exposure: Callable[[Finding], float] | None = None
) -> Triage:
    """Merge, judge, weigh and order findings; nothing leaves without a reason."""
    learnt = known.judgements.learnt()
    kept: list[Ranked] = []
    dropped: list[Dropped] = []
    for merged in merge(findings, where):
        tools = tuple(dict.fromkeys(each.tool for each in merged.all))
        chance = round(together(_rates(merged.all, known.priors, learnt)), 3)
        said = [f"also found by {each.tool}: {each.rule}" for each in merged.others if each.tool != merged.best.tool]
        best = msgspec.structs.replace(merged.best, p=chance, evidence=(*merged.best.evidence, *dict.fromkeys(said)))
        dropped += [Dropped(finding=each, why="double", reason=f"one flaw with {best.rule} on line {best.line}") for each in merged.others]
        if (out := _out(best, known)) is not None:
            dropped.append(out)
            continue
        exposed = exposure(best) if exposure is not None else 1.0
        kept.append(Ranked(finding=best, score=round(chance * _WEIGHTS[best.severity] * exposed, 4), exposure=exposed, tools=tools))
    kept.sort(key=lambda ranked: (-ranked.score, ranked.finding.file, ranked.finding.line))
    ended = tuple(
        f"the suppression of {each.id or each.rule or each.path} ended on {each.until}" for each in known.suppressions.ended(known.today)
    )
    return Triage(kept=tuple(kept), dropped=tuple(dropped), notes=ended)


def _rates(findings: tuple[Finding, ...], priors: Priors, learnt: Mapping[tuple[str, str], tuple[int, int]]) -> list[float]:
    """Return one rate a tool: its best."""
    best: dict[str, float] = {}
    for finding in findings:
        best[finding.tool] = max(best.get(finding.tool, 0.0), priors.rate(finding, learnt))
    return list(best.values())


def _out(finding: Finding, known: Known) -> Dropped | None:  # noqa: PLR0911 - one a reason
    """Return why a finding is dropped, or None."""
    word = known.judgements.of(finding.id)
    if word is not None and not word.true:
        return Dropped(finding=finding, why="judged-false", reason=f"{word.by}: {word.reason}" if word.reason else f"{word.by} said so")
    if finding.id in known.baseline.ids:
        return Dropped(finding=finding, why="baseline", reason=f"in the baseline of {known.baseline.made}")
    if (held := known.suppressions.of(finding, known.today)) is not None:
        return Dropped(finding=finding, why="suppressed", reason=f"{held.reason} (until {held.until})")
    if word is not None:
        return None
    if not known.tests and is_test(finding.file) and finding.sink_kind != "secret":
        return Dropped(finding=finding, why="test", reason="only in tests")
    if cwe_class(finding.cwe) in _QUALITY:
        return Dropped(finding=finding, why="quality", reason="a remark on quality, no weakness")
    if finding.p < known.least:
        return Dropped(finding=finding, why="unlikely", reason=f"right in {finding.p:.0%} of such cases")
    return None


def is_test(path: str) -> bool:
    """Say whether a file is a test by its place or name."""
    return bool(_test.search(path))
