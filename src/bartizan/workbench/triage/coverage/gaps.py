"""Techniques by what looks for them, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from bartizan.workbench.triage.coverage.health import Health, RuleHealth
from bartizan.workbench.triage.record import LogSource

State = Literal["fired", "watched", "blind", "uncovered"]
"""A rule fired; rules look and their log source is there; rules exist and their log source was never seen; there is no rule."""


class Technique(msgspec.Struct, frozen=True, kw_only=True):
    """One technique (or sub-technique) and the rules that name it."""

    id: str
    name: str = ""
    tactics: tuple[str, ...] = ()
    rules: int = 0
    awake: int = 0
    """Rules whose log source was seen."""
    matches: int = 0
    missing: tuple[LogSource, ...] = ()
    """Log sources that were never seen and that rules for it ask for."""

    @property
    def state(self) -> State:
        """The best that can be said of it."""
        if not self.rules:
            return "uncovered"
        if self.matches:
            return "fired"
        return "watched" if self.awake else "blind"


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """All techniques that rules name, and those that were asked for."""

    techniques: tuple[Technique, ...]
    untagged: int
    """Rules that name no technique."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A log source that was never seen, and what it would wake: worth the most first."""

    source: LogSource
    rules: int
    techniques: tuple[str, ...]
    """Techniques that nothing else looks for."""


def coverage(health: Health, asked: Mapping[str, str] | None = None) -> Coverage:
    """Return techniques with their rules. ``asked``: names by id of the techniques that matter to the user, covered or not."""
    asked = asked or {}
    found: dict[str, list[RuleHealth]] = {}
    for rule in health.rules:
        for technique in rule.techniques:
            found.setdefault(technique, []).append(rule)
    rows = [_technique(name, found.get(name, []), asked.get(name, "")) for name in sorted({*found, *asked})]
    return Coverage(techniques=tuple(rows), untagged=sum(not rule.techniques for rule in health.rules))


def _technique(name: str, rules: list[RuleHealth], title: str) -> Technique:
    return Technique(
        id=name,
        name=title,
        tactics=_common(rules),
        rules=len(rules),
        awake=sum(rule.seen > 0 for rule in rules),
        matches=sum(rule.matches for rule in rules),
        missing=tuple(sorted({rule.source for rule in rules if not rule.seen}, key=_order)),
    )


def _common(rules: list[RuleHealth]) -> tuple[str, ...]:
    """Return the tactics that most rules name with this technique: those of rules about it alone count first."""
    counts: dict[str, int] = {}
    for rule in [rule for rule in rules if len(rule.techniques) == 1] or rules:
        for tactic in rule.tactics:
            counts[tactic] = counts.get(tactic, 0) + 1
    most = max(counts.values(), default=0)
    return tuple(sorted(tactic for tactic, count in counts.items() if 2 * count >= most))


def gaps(health: Health) -> tuple[Gap, ...]:
    """Return the log sources that were never seen, by how many techniques they alone would open."""
    rows = coverage(health).techniques
    blind = {row.id for row in rows if row.state == "blind"}
    sources: dict[LogSource, list[RuleHealth]] = {}
    for rule in health.rules:
        if not rule.seen and rule.source != LogSource():
            sources.setdefault(rule.source, []).append(rule)
    found = [
        Gap(source=source, rules=len(rules), techniques=tuple(sorted(_techniques(rules) & blind))) for source, rules in sources.items()
    ]
    return tuple(sorted(found, key=lambda gap: (-len(gap.techniques), -gap.rules, _order(gap.source))))


def _techniques(rules: Iterable[RuleHealth]) -> set[str]:
    return {technique for rule in rules for technique in rule.techniques}


def _order(source: LogSource) -> tuple[str, str, str]:
    return source.product, source.category, source.service
