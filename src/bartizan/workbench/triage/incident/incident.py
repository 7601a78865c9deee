"""An incident as it is shown, stored and handed on: chain, evidence, verdict, and what is missing."""

from __future__ import annotations

from typing import Literal

import msgspec

from bartizan.workbench.triage.incident.health import Silence
from bartizan.workbench.triage.record import Entity, Severity

Verdict = Literal["malicious", "suspicious", "benign", "not evaluable"]
Role = Literal["evidence", "support", "context"]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One reason of a verdict. ``cites`` are ids of records, never empty; ``weight`` the log odds that it adds."""

    text: str
    weight: float
    tactic: str = ""
    technique: str = ""
    cites: tuple[str, ...]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of one signature on one host, in the timeline of an incident."""

    at: float
    until: float
    host: str
    tool: str
    title: str
    severity: Severity
    family: str
    tactic: str
    technique: str
    role: Role
    count: int
    cites: tuple[str, ...]


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What an analyst gets. Times are UTC seconds; ``p`` is the calibrated probability that it is an attack."""

    id: str
    title: str
    verdict: Verdict
    p: float
    severity: Severity
    first_at: float
    """Of the first sign; context may be earlier."""
    raised_at: float
    start: float
    end: float
    hosts: tuple[str, ...]
    entities: tuple[Entity, ...] = ()
    tactics: tuple[str, ...] = ()
    """In ATT&CK's order."""
    techniques: tuple[str, ...] = ()
    """In the order in which they were first seen."""
    alerts: int
    statements: tuple[Statement, ...]
    timeline: tuple[Step, ...]
    missing: tuple[Silence, ...] = ()
    follows: str = ""
    """The incident that this one continues, where one condition lasts longer than a day."""


class Grave(msgspec.Struct, frozen=True, kw_only=True):
    """A signature of high or critical severity that was suppressed, with the reason: none of them vanishes unseen."""

    title: str
    host: str
    severity: Severity
    count: int
    first_at: float
    reason: str
    cites: tuple[str, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that were suppressed together: one host, one UTC day."""

    id: str
    host: str
    day: str
    verdict: Verdict
    p: float
    start: float
    end: float
    alerts: int
    reason: str
    signatures: tuple[tuple[str, int], ...]
    missing: tuple[Silence, ...] = ()
    grave: tuple[Grave, ...] = ()
