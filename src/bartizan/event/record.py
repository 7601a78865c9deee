"""Facts about the record itself: who writes, what was erased, what is held, who looked."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import RetentionClass


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "ledger"


class WriterStarted(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="writer_started.v1"):
    """A process begins to append; its own entries count up from this one without a gap."""

    writer: str
    role: str
    version: str


class WriterStopped(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="writer_stopped.v1"):
    """A process ended in good order; absent after a crash."""

    writer: str


class ContentErased(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="content_erased.v1"):
    """Keys were destroyed, so the text under them can't be read again; proofs stay valid."""

    keys: tuple[str, ...]
    """``purpose/subject/class/period/id`` of every key destroyed."""
    reason: str
    requested_by: str = ""


class HoldPlaced(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="hold_placed.v1"):
    """Nothing of these subjects may be erased until the hold is released; needs two approvers."""

    hold: str
    subjects: tuple[str, ...]
    reason: str
    approvals: tuple[str, ...] = ()


class HoldReleased(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="hold_released.v1"):
    """A hold ended."""

    hold: str
    reason: str
    approvals: tuple[str, ...] = ()


class ContentRead(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="content_read.v1"):
    """A person read personal text; written before the text is shown."""

    entries: tuple[int, ...]
    purpose: str


class RetentionApplied(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="retention_applied.v1"):
    """The retention schedule ran."""

    until: float
    keys: int
    held: int
