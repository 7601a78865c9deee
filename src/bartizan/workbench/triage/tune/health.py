"""Counting a run: every record with the rules that matched, added to what was known of the rules' health."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from bartizan.workbench.triage.coverage.health import Health, Left, RuleHealth, covers
from bartizan.workbench.triage.record import LogRecord, LogSource
from bartizan.workbench.triage.sigma import About, Engine, Limits, cache
from bartizan.workbench.triage.sigma.ir import Rule


class Tally:
    """Counts one run: tell it every record with the rules that matched, then add it to what was known."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._matches: dict[str, list[float]] = {}
        self._sources: dict[tuple[LogSource, str, str], int] = {}
        self.records = 0
        self.matches = 0
        self._since, self._until = 0.0, 0.0

    def saw(self, record: LogRecord, matched: Iterable[str] = ()) -> None:
        """Count a record and what matched it."""
        self.records += 1
        fields = record.fields
        key = (record.logsource, str(fields.get("Channel", "")), str(fields.get("EventID", "")))
        self._sources[key] = self._sources.get(key, 0) + 1
        at = record.at or 0.0
        if at:
            self._since, self._until = min(self._since or at, at), max(self._until, at)
        for rule in matched:
            self.matches += 1
            held = self._matches.setdefault(rule, [0.0, at, at])
            held[0] += 1
            held[1], held[2] = min(held[1] or at, at), max(held[2], at)

    def added_to(self, before: Health, sources: Mapping[str, LogSource]) -> Health:
        """Return the health after this run; ``sources`` are the rules' log sources by id. Rules that are no longer loaded fall out."""
        known = {rule.id: rule for rule in before.rules}
        seen = self._seen(set(sources.values()))
        rules = tuple(self._rule(about, known.get(about.id), sources, seen) for about in (*self._engine.rules, *_about(self._engine)))
        left = tuple(Left(rule=one.rule, title=one.title, file=one.file, reason=one.reason) for one in self._engine.not_evaluated)
        return Health(
            rules=rules,
            left=left,
            records=before.records + self.records,
            matches=sum(rule.matches for rule in rules),
            runs=before.runs + 1,
            since=min(filter(None, (before.since, self._since)), default=0.0),
            until=max(before.until, self._until),
        )

    def _rule(self, about: About, old: RuleHealth | None, sources: Mapping[str, LogSource], seen: Mapping[LogSource, int]) -> RuleHealth:
        count, first, last = self._matches.get(about.id, (0.0, 0.0, 0.0))
        source = sources.get(about.id, LogSource())
        return RuleHealth(
            id=about.id,
            title=about.title,
            level=about.level,
            author=about.author,
            licence=about.licence,
            techniques=about.techniques,
            tactics=about.tactics,
            source=source,
            matches=int(count) + (old.matches if old else 0),
            first_at=min(filter(None, (first, old.first_at if old else 0.0)), default=0.0),
            last_at=max(last, old.last_at if old else 0.0),
            seen=seen.get(source, 0) + (old.seen if old else 0),
        )

    def _seen(self, wanted: set[LogSource]) -> dict[LogSource, int]:
        """Return how many records each log source of a rule covers."""
        return {one: sum(count for (source, _, _), count in self._sources.items() if covers(one, source)) for one in wanted}


class Pack(msgspec.Struct, frozen=True):
    """An engine, and the log source of each of its rules by id."""

    engine: Engine
    sources: dict[str, LogSource]


def pack(paths: Sequence[Path], cache_dir: Path | None) -> Pack:
    """Compile rules, and keep what each of them looks at; raises ConfigError."""
    items = cache.items(list(paths), cache_dir, Limits())
    sources = {
        item.about.id: LogSource(item.source.product, item.source.category, item.source.service) for item in items if isinstance(item, Rule)
    }
    return Pack(Engine.of(items), sources)


def _about(engine: Engine) -> tuple[About, ...]:
    return tuple(one.about for one in engine.correlations)
