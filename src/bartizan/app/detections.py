"""Rules in force over records: those a person names, bartizan's own, filters that are live; matches and correlations become alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bartizan.workbench.triage.incident.matching import About, alert_of, alert_of_several
from bartizan.workbench.triage.record import Alert, LogRecord
from bartizan.workbench.triage.rules import FOLDER

if TYPE_CHECKING:
    from bartizan.workbench.triage.sigma import Engine
    from bartizan.workbench.triage.sigma.correlate import Correlator


def in_force(rules: Sequence[Path], data: Path, *, own: bool) -> tuple[tuple[Path, ...], int]:
    """Return what the engine reads, rules with the live filters of a data directory, and how many filters those are.

    ``own`` adds the rules about bartizan's record. Without any rule there is nothing to filter.
    """
    chosen = (*rules, *((FOLDER,) if own else ()))
    folder = data / "triage" / "filters"
    filters = len(list(folder.glob("*.yml"))) if chosen and folder.is_dir() else 0
    return ((*chosen, folder) if filters else chosen), filters


class Rules:
    """A compiled pack of Sigma rules; without one, only alerts that other tools made count."""

    def __init__(self, paths: Sequence[Path], cache: Path, say: Callable[[str], None]) -> None:
        self._engine: Engine | None = None
        self._correlator: Correlator | None = None
        self._ids: tuple[str, ...] = ()
        self._about: Mapping[str, About] = {}
        if not paths:
            return
        from bartizan.workbench.triage.sigma import Engine  # noqa: PLC0415 - pySigma waits until there are rules
        from bartizan.workbench.triage.sigma.correlate import Correlator, names_of  # noqa: PLC0415 - with the engine

        engine = self._engine = Engine.compile(list(paths), cache, progress=lambda count: say(f"{count} new rule files parsed"))
        left = f", {len(engine.not_evaluated)} not evaluated (bartizan triage rules says why)" if engine.not_evaluated else ""
        say(f"{len(engine.rules) + len(engine.correlations)} rules{left}")
        abouts = (*engine.rules, *(one.about for one in engine.correlations))
        self._ids = tuple(rule.id for rule in engine.rules)
        self._about = {about.id: about for about in abouts}
        # Files come in any order of time, so nothing is judged before all were read.
        self._correlator = Correlator(engine.correlations, lateness_s=float("inf"), names=names_of(abouts))

    def alerts(self, items: Iterable[object]) -> Iterator[Alert]:
        """Yield the alerts among items, and one for each rule that a record among them matches."""
        for item in items:
            if isinstance(item, Alert):
                yield item
            elif isinstance(item, LogRecord) and self._engine is not None:
                yield from self._matched(self._engine, item)

    def _matched(self, engine: Engine, record: LogRecord) -> Iterator[Alert]:
        hits = engine.hits(record.fields, record.logsource)
        if not hits:
            return
        for rule in engine.reported(hits):
            yield alert_of(record, self._about[rule])
        if self._correlator is not None and record.at is not None:
            self._correlator.feed(record.at, record.id, [self._ids[number] for number in hits], record.fields)

    def correlated(self) -> Iterator[Alert]:
        """Yield an alert for each correlation that began to hold over all that was read."""
        if self._engine is None or self._correlator is None:
            return
        for match in self._correlator.finish():
            if match.rule not in self._engine.silent_correlations:
                yield alert_of_several(match.at, match.group, match.records, self._about[match.rule])
