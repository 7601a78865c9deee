"""The engine's own word on a filter: over labelled matches as a proof, over a stream of records as a shadow run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.triage.record import LogRecord
from bartizan.workbench.triage.sigma import Engine, Limits, cache, parse
from bartizan.workbench.triage.sigma.files import RuleFile
from bartizan.workbench.triage.sigma.ir import NotEvaluated, Rule


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a filter does to labelled matches. ``unfired``: records that the rule does not match even without it, named and not counted."""

    true_kept: int
    true_lost: tuple[str, ...]
    false_silenced: int
    false_left: tuple[str, ...]
    unfired: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every true positive still fires and something is silenced."""
        return not self.true_lost and self.false_silenced > 0


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A shadow run: ``silenced`` of ``matches`` in ``records``; ``examples`` are ids of what was silenced."""

    records: int
    matches: int
    silenced: int
    lost: tuple[str, ...]
    examples: tuple[str, ...]
    machine_s: float


def rule_of(rule: str, paths: Sequence[Path], directory: Path | None) -> Rule:
    """Return one rule by id or name out of a pack; raises ConfigError."""
    for item in cache.items(list(paths), directory, Limits()):
        if isinstance(item, Rule) and rule in {item.about.id, item.about.name}:
            return item
    raise ConfigError(f"there is no rule {rule} in these packs", hint="bartizan triage rules PATH lists what is evaluated")


def engines(rule: Rule, text: str) -> tuple[Engine, Engine]:
    """Return engines of the rule without and with a filter; raises ConfigError when the filter is none, or not for this rule."""
    parsed = parse.items(RuleFile(name="filter.yml", content=text.encode()), Limits())
    refused = next((item for item in parsed if isinstance(item, NotEvaluated)), None)
    if refused is not None:
        raise ConfigError(f"the filter is not understood: {refused.reason}", hint="see docs/triage.md")
    tuned = Engine.of([rule, *parsed])
    if tuned.not_evaluated:
        raise ConfigError(f"the filter does not fit the rule: {tuned.not_evaluated[0].reason}", hint="see docs/triage.md")
    return Engine.of([rule]), tuned


def prove(rule: Rule, text: str, *, true: Iterable[LogRecord], false: Iterable[LogRecord]) -> Proof:
    """Run labelled records through the rule without and with the filter."""
    plain, tuned = engines(rule, text)
    unfired: list[str] = []
    fates: dict[bool, list[tuple[str, bool]]] = {True: [], False: []}
    for label, records in ((True, true), (False, false)):
        for record in records:
            if not plain.match(record.fields, record.logsource):
                unfired.append(record.id)
                continue
            fates[label].append((record.id, bool(tuned.match(record.fields, record.logsource))))
    return Proof(
        true_kept=sum(fires for _, fires in fates[True]),
        true_lost=tuple(name for name, fires in fates[True] if not fires),
        false_silenced=sum(not fires for _, fires in fates[False]),
        false_left=tuple(name for name, fires in fates[False] if fires),
        unfired=tuple(unfired),
    )


def watch(rule: Rule, text: str, records: Iterable[LogRecord], *, true: frozenset[str] = frozenset()) -> Watched:
    """Run records through both; the rule fires as before while the filter is only watched. ``true``: ids known to be true positives."""
    begun = time.process_time()
    plain, tuned = engines(rule, text)
    count = matches = silenced = 0
    lost: list[str] = []
    examples: list[str] = []
    for record in records:
        count += 1
        if not plain.match(record.fields, record.logsource):
            continue
        matches += 1
        if tuned.match(record.fields, record.logsource):
            continue
        silenced += 1
        if record.id in true:
            lost.append(record.id)
        if len(examples) < 20:
            examples.append(record.id)
    return Watched(
        records=count, matches=matches, silenced=silenced, lost=tuple(lost), examples=tuple(examples), machine_s=time.process_time() - begun
    )
