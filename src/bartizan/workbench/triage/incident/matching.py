"""Records into alerts: what a rule engine says about a record becomes an alert that rests on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from bartizan.workbench.triage.ingest.foreign import entities
from bartizan.workbench.triage.record import SEVERITIES, Alert, LogRecord, LogSource, Severity

_MOST: Final = 12
_HOST: Final = ("Computer", "host", "hostname", "Hostname", "host.name", "HostName", "agent.name", "device")


class About(Protocol):
    """What is known about a rule."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def title(self) -> str:
        """Its words."""
        ...

    @property
    def level(self) -> str:
        """Its severity."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """Its tags, ``attack.t1059.001`` among them."""
        ...


class Matcher(Protocol):
    """A rule engine."""

    def match(self, event: Mapping[str, object], source: LogSource | None = None) -> tuple[str, ...]:
        """Return the ids of the rules that match."""
        ...


def alerts_of(items: Iterable[object], engine: Matcher | None, rules: Mapping[str, About]) -> Iterator[Alert]:
    """Yield the alerts among items, and those that the engine makes of the records among them."""
    for item in items:
        if isinstance(item, Alert):
            yield item
        elif isinstance(item, LogRecord) and engine is not None:
            for rule in engine.match(item.fields, item.logsource):
                about = rules.get(rule)
                if about is not None:
                    yield alert_of(item, about)


def alert_of(record: LogRecord, about: About) -> Alert:
    """Return the alert that a rule's match of a record is."""
    host = next((str(value) for name in _HOST if (value := record.fields.get(name))), "")
    level: Severity = next((name for name in SEVERITIES if name == about.level), "medium")
    named = (tag.lower().removeprefix("attack.") for tag in about.tags)
    return Alert(
        id=f"{record.id}/{about.id}",
        at=record.at or 0.0,
        tool="Sigma",
        rule=about.id,
        title=about.title,
        severity=level,
        host=host,
        entities=entities(record.fields)[:_MOST],
        techniques=tuple(name.upper() for name in named if name[:1] == "t" and name[1:5].isdigit()),
        records=(record.id,),
    )
