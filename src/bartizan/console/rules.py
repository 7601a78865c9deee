"""Rules over logs: how each of them does, the filters that analysts' words led to, and what the techniques are watched by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from bartizan.console.parts import Ask, Page, Parts
from bartizan.workbench.triage.coverage import Gap, Health, RuleHealth, Technique, gaps, load
from bartizan.workbench.triage.coverage import coverage as covered
from bartizan.workbench.triage.record import SEVERITIES
from bartizan.workbench.triage.tune import KINDS, Advice, Filters, FilterState, Labels, advise

_ROWS = 300
_STATES = ("noisy", "fires", "silent", "blind", "left out")
_TACTICS = (
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation", "stealth",
    "defense-evasion", "defense-impairment",
    "credential-access", "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
)  # fmt: skip
"""In the order of an intrusion."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. ``because`` is why it takes no part, or what the labels say."""

    id: str
    title: str
    state: str
    level: str
    author: str
    licence: str
    matches: int
    seen: int
    last_at: float
    source: str
    advice: Advice | None = None
    because: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The page as JSON; ``total`` counts all that were asked for, of which at most 300 are listed."""

    state: str
    level: str
    counts: dict[str, int]
    records: int
    matches: int
    runs: int
    since: float
    until: float
    total: int
    rows: tuple[Row, ...]
    filters: tuple[FilterState, ...]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A tactic and its techniques."""

    tactic: str
    rows: tuple[Technique, ...]


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Techniques by tactic, and the log sources that rules wait for."""

    counts: dict[str, int]
    untagged: int
    columns: tuple[Column, ...]
    gaps: tuple[Gap, ...]


def rules(parts: Parts, ask: Ask) -> Page:
    """Show how rules do, the ones that need somebody first."""
    state, level = ask.query.get("state", "")[:20], ask.query.get("level", "")[:20]
    health, labels, filters = _known(parts), Labels(), Filters()
    for seq, entry in parts.ledger.events(kinds=KINDS):
        labels.fold(seq, entry)
        filters.fold(seq, entry)
    rows = [_row(health, rule, labels) for rule in health.rules] + _left(health)
    wanted = [row for row in rows if state in {"", row.state} and level in {"", row.level}]
    wanted.sort(key=lambda row: (_STATES.index(row.state), -row.matches, -_severity(row.level), row.title))
    body = Rules(
        state=state,
        level=level,
        counts={name: sum(row.state == name for row in rows) for name in _STATES},
        records=health.records,
        matches=health.matches,
        runs=health.runs,
        since=health.since,
        until=health.until,
        total=len(wanted),
        rows=tuple(wanted[:_ROWS]),
        filters=tuple(sorted(filters.filters.values(), key=lambda one: -one.proposed_at)),
    )
    return Page(template="alerts_rules.html", title="Rule health", body=body, extra={"states": _STATES, "levels": SEVERITIES[::-1]})


def coverage(parts: Parts, _ask: Ask) -> Page:
    """Show techniques by tactic with what looks for them, and what the blind ones wait for."""
    health = _known(parts)
    found = covered(health)
    counts = Counter(row.state for row in found.techniques)
    body = Matrix(
        counts={name: counts[name] for name in ("fired", "watched", "blind")},
        untagged=found.untagged,
        columns=_columns(found.techniques),
        gaps=gaps(health)[:40],
    )
    return Page(template="alerts_coverage.html", title="Coverage", body=body)


def _known(parts: Parts) -> Health:
    return load(parts.ledger.data / "triage" / "health.json")


def _columns(techniques: Sequence[Technique]) -> tuple[Column, ...]:
    named = [*_TACTICS, *sorted({tactic for row in techniques for tactic in row.tactics} - set(_TACTICS))]
    made = [Column(tactic=tactic, rows=tuple(row for row in techniques if tactic in row.tactics)) for tactic in named]
    loose = tuple(row for row in techniques if not row.tactics)
    return tuple(column for column in (*made, Column(tactic="no tactic", rows=loose)) if column.rows)


def _row(health: Health, rule: RuleHealth, labels: Labels) -> Row:
    true, false = labels.counts(rule.id)
    advice = advise(true, false) if true or false else None
    source = " ".join(filter(None, (rule.source.product, rule.source.category, rule.source.service)))
    return Row(
        id=rule.id,
        title=rule.title,
        state=health.state(rule),
        level=rule.level,
        author=rule.author,
        licence=rule.licence,
        matches=rule.matches,
        seen=rule.seen,
        last_at=rule.last_at,
        source=source,
        advice=advice,
        because=advice.reason if advice else "",
    )


def _left(health: Health) -> list[Row]:
    return [
        Row(id=one.rule, title=one.title or one.file, state="left out", level="", author="", licence="", matches=0, seen=0, last_at=0.0,
            source=one.file, because=one.reason)
        for one in health.left
    ]  # fmt: skip


def _severity(level: str) -> int:
    return SEVERITIES.index(level) if level in SEVERITIES else -1
