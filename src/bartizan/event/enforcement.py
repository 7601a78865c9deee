"""What is done about an account, why, and how it came to be undone. Evidence in words is content, never a fact."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import RetentionClass

Step = Literal["notice", "friction", "throttle", "suspend_feature", "suspend_account", "revoke_grant"]
"""The rungs of the enforcement ladder, mildest first."""


class _Enforcement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class NamedScore(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One score and the threshold that it passed."""

    name: str
    value: float
    threshold: float = 0.0


class MeasureTaken(_Enforcement, frozen=True, kw_only=True, omit_defaults=True, tag="measure_taken.v1"):
    """A step of the ladder against one account, in force until ``until`` or until it is ended. Content: the redacted evidence, as JSON.

    Identity folds it, so that what the case says and what the gateway does come from one fact. It expires by the clock alone: no
    event says so, and a clock that jumped and came back has ended nothing.
    """

    measure: str
    """Id, derived from (case, step, cause), so that taking it twice is seen."""
    case: str
    account: str
    step: Step
    rule: str
    rule_version: str
    ladder: str
    """Version of the ladder that it follows."""
    signals: tuple[str, ...]
    events: tuple[str, ...]
    """Ids of the exchanges that are the evidence."""
    scores: tuple[NamedScore, ...] = ()
    category: str = ""
    until: float = 0.0
    """UTC seconds; 0 only for ``revoke_grant``, which lasts as long as the grants do."""
    features: tuple[str, ...] = ()
    """What is suspended: ``tools``, ``stream``, ``tier`` (anything above public)."""
    delay_ms: int = 0
    safer_model: bool = False
    step_up: bool = False
    grants: tuple[str, ...] = ()
    """Grants that do not count while this is in force."""
    decided_in: str = ""
    """The case in which a person decided it; empty for an automatic step."""
    decided_by: str = ""


class MeasureEnded(_Enforcement, frozen=True, kw_only=True, omit_defaults=True, tag="measure_ended.v1"):
    """A measure was lifted before it expired."""

    measure: str
    case: str
    account: str
    reason: str
    appeal: str = ""


class NoticeAcknowledged(_Enforcement, frozen=True, kw_only=True, omit_defaults=True, tag="notice_acknowledged.v1"):
    """The person signed in afresh and confirmed that they read the notice; it answers a step-up for a time."""

    case: str
    account: str


class LessonRecorded(_Enforcement, frozen=True, kw_only=True, omit_defaults=True, tag="lesson_recorded.v1"):
    """A person decided that a control or a rule was wrong or right about these exchanges: evidence for whoever adapts it."""

    lesson: str
    case: str
    appeal: str
    rule: str
    rule_version: str
    label: Literal["benign", "harmful"]
    exchanges: tuple[str, ...]
    signals: tuple[str, ...] = ()
    category: str = ""


class WebhookTried(_Enforcement, frozen=True, kw_only=True, omit_defaults=True, tag="webhook_tried.v1"):
    """A notice was offered to an endpoint. ``delivered`` or ``dropped`` (after a day of tries) ends it, else it is tried again."""

    endpoint: str
    event: str
    case: str
    attempt: int
    outcome: Literal["delivered", "failed", "dropped"]
    status: int = 0


class UpstreamNoticeReceived(_Enforcement, frozen=True, kw_only=True, omit_defaults=True, tag="upstream_notice_received.v1"):
    """A model provider's own safety webhook, its signature checked. Content: its bytes."""

    upstream: str
    notice: str
    """The webhook's id, by which a repeat is seen."""
    kind: str
    upstream_case: str
    created_at: float
