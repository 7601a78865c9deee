"""Triage: alerts taken in, incidents raised, merged, split and decided, suppressed groups sampled."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import RetentionClass

IncidentVerdict = Literal["malicious", "suspicious", "benign", "not evaluable"]
Ground = Literal["evidence", "person", "rule"]
"""What a verdict rests on. A model is none of them: it may only propose."""


class _Triage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class AlertReceived(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="alert_received.v1"):
    """Alerts of one source were taken in and correlated: a summary, not one event an alert. Content: the suppressed groups, packed."""

    run: str
    source: str
    """SHA-256 of what the alerts came from."""
    alerts: int
    incidents: int
    groups: int
    suppressed: int
    since: float
    until: float


class IncidentRaised(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="incident_raised.v1"):
    """An incident was raised. Content: the incident with its statements, timeline and cited alerts, packed."""

    incident: str
    run: str
    verdict: IncidentVerdict
    p: float
    severity: str
    alerts: int
    first_at: float
    raised_at: float
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()


class IncidentMerged(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="incident_merged.v1"):
    """Incidents are looked at as one from now on; each keeps what it holds, so it can be undone."""

    act: str
    into: str
    merged: tuple[str, ...]
    reason: str


class IncidentSplit(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="incident_split.v1"):
    """Steps of an incident's timeline are looked at as an incident of their own from now on."""

    act: str
    incident: str
    made: str
    steps: tuple[int, ...]
    """Numbers in the timeline, from 0."""
    reason: str


class IncidentPutBack(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="incident_put_back.v1"):
    """A merge or a split was undone."""

    act: str
    """Of the merge or split."""
    reason: str


class TriageDecided(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="triage_decided.v1"):
    """Somebody's word on an incident, in place of the verdict that its evidence had."""

    incident: str
    verdict: IncidentVerdict
    ground: Ground
    reason: str
    rule: str = ""
    """Of a ground ``rule``: which."""
    cites: tuple[str, ...] = ()


class TriageProposed(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="triage_proposed.v1"):
    """What a model says about an incident; it changes nothing by itself but may raise. Content: its words, with the ids they cite."""

    incident: str
    model: str
    verdict: IncidentVerdict
    """What it would say; below the verdict in force it is a proposal and no more."""
    raised: bool = False
    """Whether the verdict in force went up with it."""


class SuppressedSampled(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="suppressed_sampled.v1"):
    """Suppressed groups and benign incidents were drawn for a look: ``drawn`` of ``size`` of each stratum, by secret lots."""

    sample: str
    run: str
    strata: tuple[tuple[str, int, int], ...]
    """Name, size, drawn."""
    items: tuple[tuple[str, str], ...]
    """Id of the group or incident, stratum."""


class SuppressedReviewed(_Triage, frozen=True, kw_only=True, omit_defaults=True, tag="suppressed_reviewed.v1"):
    """One look at a sampled group: was an attack missed?"""

    sample: str
    item: str
    missed: bool
    reason: str = ""
