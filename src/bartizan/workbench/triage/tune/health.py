"""How rules do: fired when and how often, never, too often, or not evaluated at all; kept as one small file of a data directory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from bartizan.errors import StoreError
from bartizan.workbench.triage.record import LogRecord, LogSource
from bartizan.workbench.triage.sigma import About, Engine, Limits, cache
from bartizan.workbench.triage.sigma.ir import Rule

State = Literal["fires", "noisy", "silent", "blind"]
"""``silent``: its log source was seen and it never fired. ``blind``: its log source was never seen."""
_NOISY_SHARE: Final = 0.2
_NOISY_LEAST: Final = 100
_MOST_FILE: Final = 256 << 20


class RuleHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One rule over all runs that were counted."""

    id: str
    title: str
    level: str
    author: str
    licence: str
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    source: LogSource
    matches: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    seen: int = 0
    """Records of its log source."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that takes no part, and why."""

    rule: str
    title: str
    file: str
    reason: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of the packs that were loaded last, over all runs since they were loaded first."""

    rules: tuple[RuleHealth, ...] = ()
    left: tuple[Left, ...] = ()
    records: int = 0
    matches: int = 0
    runs: int = 0
    since: float = 0.0
    until: float = 0.0

    def state(self, rule: RuleHealth) -> State:
        """Say how a rule does: noisy is a fifth of all matches, and a hundred at least."""
        if not rule.matches:
            return "silent" if rule.seen else "blind"
        return "noisy" if rule.matches >= _NOISY_LEAST and rule.matches >= _NOISY_SHARE * self.matches else "fires"


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
        return {
            one: sum(count for (source, _, _), count in self._sources.items() if covers(one, source))
            for one in wanted
        }


def covers(rule: LogSource, record: LogSource) -> bool:
    """Say whether records of a log source are what a rule's log source asks for."""
    family = {"registry_event": ("registry_event", "registry_set", "registry_add", "registry_delete", "registry_rename")}
    categories = family.get(rule.category, (rule.category,))
    return (
        rule.product in {"", record.product}
        and (not rule.category or record.category in categories)
        and rule.service in {"", record.service}
    )


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


def load(path: Path) -> Health:
    """Return what is known; an empty one where nothing was counted yet. Raises StoreError for a damaged file."""
    try:
        data = path.read_bytes() if path.exists() and path.stat().st_size <= _MOST_FILE else b""
        return msgspec.json.decode(data, type=Health) if data else Health()
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(f"the counts of rules can't be read: {error}", hint=f"remove {path}; they are counted anew") from error


def keep(path: Path, health: Health) -> None:
    """Replace what is known in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(msgspec.json.encode(health))
    os.replace(file.name, path)  # noqa: PTH105 - in one step


def _about(engine: Engine) -> tuple[About, ...]:
    return tuple(one.about for one in engine.correlations)
