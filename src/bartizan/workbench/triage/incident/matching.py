"""Records into alerts: what a rule engine says about a record becomes an alert that rests on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from bartizan.workbench.triage.ingest.foreign import entities
from bartizan.workbench.triage.record import SEVERITIES, Alert, LogRecord, Severity

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


def alert_of(record: LogRecord, about: About) -> Alert:
    """Return the alert that a rule's match of a record is."""
    return _alert(f"{record.id}/{about.id}", record.at or 0.0, record.fields, (record.id,), about)


def alert_of_several(at: float, group: Mapping[str, object], records: tuple[str, ...], about: About) -> Alert:
    """Return the alert that a correlation is which began to hold over these records; ``group`` are the fields they have in common."""
    return _alert(f"{records[-1]}/{about.id}", at, group, records, about)


def _alert(name: str, at: float, fields: Mapping[str, object], records: tuple[str, ...], about: About) -> Alert:
    host = next((str(value) for field in _HOST if (value := fields.get(field))), "")
    level: Severity = next((severity for severity in SEVERITIES if severity == about.level), "medium")
    named = (tag.lower().removeprefix("attack.") for tag in about.tags)
    return Alert(
        id=name,
        at=at,
        tool="Sigma",
        rule=about.id,
        title=about.title,
        severity=level,
        host=host,
        entities=entities(fields)[:_MOST],
        techniques=tuple(each.upper() for each in named if each[:1] == "t" and each[1:5].isdigit()),
        records=records,
    )
