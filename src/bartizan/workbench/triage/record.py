"""What flows through triage: a log record, an alert about it, and the entities that both name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

EntityKind = Literal["host", "user", "ip", "domain", "process", "file", "hash", "account"]
Severity = Literal["informational", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("informational", "low", "medium", "high", "critical")
"""In ascending order; the words of Sigma's ``level``."""


class LogSource(msgspec.Struct, frozen=True):
    """Where a record comes from, in Sigma's three words; an empty one is not known."""

    product: str = ""
    category: str = ""
    service: str = ""


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One log record under Sigma's field names.

    ``id`` names it for ever: the source's short hash and the record's number in it. ``at`` is UTC seconds, None when the record
    has no time. ``form`` is the format it was read as. ``fields`` are flat: strings, numbers, booleans, None, or tuples of them.
    """

    id: str
    at: float | None
    form: str
    source: str
    logsource: LogSource
    fields: Mapping[str, object]


class Entity(msgspec.Struct, frozen=True, order=True):
    """Somebody or something that records name; ``value`` is lower-cased where its kind has no case."""

    kind: EntityKind
    value: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's claim that records matter: a Sigma match, or an alert of another tool.

    ``rule`` is the signature's stable id within ``tool``, ``title`` its words. ``records`` are the ids of the records that it rests
    on, never empty. ``techniques`` are ATT&CK ids.
    """

    id: str
    at: float
    tool: str
    rule: str
    title: str
    severity: Severity
    host: str = ""
    entities: tuple[Entity, ...] = ()
    techniques: tuple[str, ...] = ()
    records: tuple[str, ...]
