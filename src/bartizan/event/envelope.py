"""The envelope around every fact, its id, and the one canonical encoding."""

from __future__ import annotations

import secrets
import time
from typing import Any

import msgspec

from bartizan.event import (
    casework,
    code,
    control,
    enforcement,
    exchange,
    held,
    identity,
    intel,
    monitor,
    record,
    respond,
    retention,
    review,
    tool,
    triage,
    tuning,
)

Event = (
    exchange.ExchangeAdmitted
    | exchange.ExchangeCompleted
    | exchange.ExchangeInterrupted
    | exchange.RequestRefused
    | held.HoldSpent
    | identity.PrincipalRegistered
    | identity.RolesAssigned
    | identity.KeyIssued
    | identity.KeyRevoked
    | identity.AccountStandingChanged
    | identity.GrantGiven
    | identity.GrantEnded
    | identity.SessionOpened
    | identity.SessionClosed
    | control.ControlRegistered
    | control.ControlModeChanged
    | control.ControlSettingsChanged
    | control.PolicyChanged
    | casework.CaseOpened
    | casework.CaseDecided
    | casework.ApprovalRequested
    | casework.ApprovalGiven
    | monitor.SignalRaised
    | enforcement.MeasureTaken
    | enforcement.MeasureEnded
    | enforcement.NoticeAcknowledged
    | enforcement.LessonRecorded
    | enforcement.WebhookTried
    | enforcement.UpstreamNoticeReceived
    | review.ReviewPlanned
    | review.ReviewSampled
    | review.ReviewDecided
    | review.ReviewUnmasked
    | review.LabelSettled
    | intel.ReportIngested
    | intel.ReportRemoved
    | intel.ReportsExported
    | code.CodeScanned
    | code.FixApproved
    | code.FixAttempted
    | respond.ResponsePlanned
    | respond.ResponseOrdered
    | respond.ActionIntended
    | respond.ActionTaken
    | respond.ActionFailed
    | respond.DoubtSettled
    | respond.ResponseEnded
    | respond.ResponseReviewed
    | retention.ErasureChecked
    | record.WriterStarted
    | record.WriterStopped
    | record.ContentErased
    | record.HoldPlaced
    | record.HoldReleased
    | record.ContentRead
    | record.RetentionApplied
    | tool.ToolsPinned
    | tool.ToolsWithdrawn
    | tool.ToolChanged
    | tool.ToolGranted
    | tool.ToolGrantEnded
    | tool.ToolApprovalUsed
    | triage.AlertReceived
    | triage.IncidentRaised
    | triage.IncidentMerged
    | triage.IncidentSplit
    | triage.IncidentPutBack
    | triage.TriageDecided
    | triage.TriageProposed
    | triage.SuppressedSampled
    | triage.SuppressedReviewed
    | tuning.MatchLabelled
    | tuning.FilterProposed
    | tuning.FilterWatched
    | tuning.FilterDeployed
    | tuning.FilterWithdrawn
)
"""Every fact there is. A new one is added here; its tag carries its version and readers accept the older ones."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One fact with who, when and why. ``actor`` and ``account`` are pseudonyms (keyed HMAC), never names."""

    id: str
    at: float
    """UTC seconds. The ledger never lets it run backwards within one log."""
    tenant: str
    actor: str
    account: str
    correlation: str
    """What it belongs to: the exchange, the case, the campaign."""
    causation: str
    """The event that led to it, or empty."""
    body: Event

    @property
    def kind(self) -> str:
        """The body's tag, such as ``exchange_admitted.v1``."""
        return kind_of(self.body)


def envelope(
    body: Event,
    *,
    tenant: str = "default",
    actor: str = "system",
    account: str = "",
    correlation: str = "",
    causation: str = "",
    at: float | None = None,
) -> Envelope:
    """Wrap a fact with a fresh id, now, and who did it."""
    return Envelope(
        id=new_id("ev"),
        at=time.time() if at is None else at,
        tenant=tenant,
        actor=actor,
        account=account,
        correlation=correlation,
        causation=causation,
        body=body,
    )


def kind_of(body: Event | type) -> str:
    """Return the tag of an event or of its class."""
    return str(body.__struct_config__.tag)  # type: ignore[union-attr]  # every member of Event is a tagged Struct


def new_id(prefix: str) -> str:
    """Return ``prefix_`` and 32 hex digits of an RFC 9562 UUIDv7: sortable by time, 74 random bits."""
    stamp = time.time_ns() // 1_000_000
    noise = secrets.randbits(74)
    value = (stamp << 80) | (7 << 76) | ((noise >> 62) << 64) | (2 << 62) | (noise & ((1 << 62) - 1))
    return f"{prefix}_{value:032x}"


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value is meant
    """Encode as JSON with sorted keys and no spaces; equal to RFC 8785 for values without floats, which is all we hash."""
    return msgspec.json.encode(value, order="sorted")


encode_body = msgspec.json.Encoder().encode
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def decode_body(data: bytes) -> Event:
    """Decode a stored body; raises msgspec.ValidationError on a kind or shape that this version does not know."""
    return _DECODER.decode(data)


KINDS: dict[str, type] = {kind_of(member): member for member in Event.__args__}
"""Every event class by its tag."""
