"""Work for people, and what they approved."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import RetentionClass


class _Casework(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class CaseOpened(_Casework, frozen=True, kw_only=True, omit_defaults=True, tag="case_opened.v1"):
    """Something needs a person. Content: JSON with the details that name people or quote text."""

    case: str
    kind: str
    """``access``, ``enforcement``, ``review``, ``appeal``, ``hold`` ...; the room that opened it owns the meaning."""
    subject: str
    evidence: tuple[str, ...] = ()
    due_at: float = 0.0


class CaseDecided(_Casework, frozen=True, kw_only=True, omit_defaults=True, tag="case_decided.v1"):
    """A person (or a rule, said so) decided a case."""

    case: str
    decision: str
    reason: str


class ApprovalRequested(_Casework, frozen=True, kw_only=True, omit_defaults=True, tag="approval_requested.v1"):
    """Consent is asked for exactly one thing: the bytes whose SHA-256 is ``subject_sha256``."""

    approval: str
    action: str
    subject_sha256: str
    needed: int
    expires_at: float
    summary: str = ""
    case: str = ""


class ApprovalGiven(_Casework, frozen=True, kw_only=True, omit_defaults=True, tag="approval_given.v1"):
    """One person's yes or no; the envelope's actor is that person and differs from the proposer."""

    approval: str
    verdict: Literal["approved", "refused"]
    reason: str = ""
