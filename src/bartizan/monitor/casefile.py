"""What a case file says: a superset of OpenAI's safety case (developers.openai.com, "Get safety case", read 2026-11), as values.

``id``, ``object``, ``created_at``, ``entity_identifier``, ``reason`` and ``notice`` are as there; the rest is what its users miss.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from bartizan.monitor.evidence import Quote

State = Literal["in_force", "expired", "lifted", "closed"]
AppealState = Literal["none", "open", "reversed", "upheld"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What was issued."""

    type: Literal["warning", "deactivation"]


class RuleRef(msgspec.Struct, frozen=True, kw_only=True):
    """What decided: a monitor's rule, a control, or a person."""

    id: str
    version: str
    criteria: str = ""


class ScoreShown(msgspec.Struct, frozen=True, kw_only=True):
    """A score and the threshold that it passed."""

    name: str
    value: float
    threshold: float


class MeasureShown(msgspec.Struct, frozen=True, kw_only=True):
    """One step: what it is, what was said, what it took, from when until when."""

    id: str
    step: str
    title: str
    says: str
    criteria: str
    started_at: float
    until: float
    state: Literal["in_force", "expired", "lifted"]
    automatic: bool
    rule: RuleRef


class NoticeShown(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that was issued to the subject."""

    type: Literal["warning", "deactivation", "reversal"]
    at: float
    text: str


class AppealShown(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the case can be appealed, how, and how an appeal stands."""

    can: bool
    url: str
    how: str
    state: AppealState = "none"
    id: str = ""
    filed_at: float = 0.0
    due_at: float = 0.0
    decided_at: float = 0.0
    reason: str = ""


class CaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """One case, whole."""

    id: str
    created_at: int
    entity_identifier: str
    reason: str | None
    notice: Notice
    object: Literal["safety.case"] = "safety.case"
    kind: Literal["enforcement", "block", "refusal", "standing"] = "enforcement"
    state: State = "closed"
    decided_by: Literal["rule", "control", "person"] = "rule"
    rule: RuleRef
    events: tuple[str, ...]
    """Ids of the facts on record that this rests on."""
    exchanges: tuple[str, ...] = ()
    scores: tuple[ScoreShown, ...] = ()
    evidence: tuple[Quote, ...] = ()
    measures: tuple[MeasureShown, ...] = ()
    notices: tuple[NoticeShown, ...] = ()
    standing: str = "good"
    """How the account stands now, from the same fold that admits its requests."""
    tier: str = ""
    next: str = ""
    """What it would take to go one step further."""
    appeal: AppealShown


def appeal_path(case: str) -> str:
    """Return where an appeal against a case is posted."""
    return f"/v1/safety/cases/{case}/appeal"


def case_of_exchange(exchange: str) -> str:
    """Return the id of the case that every stopped exchange has, without anything written for it."""
    return f"case_{exchange.removeprefix('ex_')}"
