"""Cases and approvals as they stand."""

from __future__ import annotations

from typing import Literal

import msgspec

ApprovalState = Literal["open", "approved", "refused", "expired"]


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One person's yes or no, and when."""

    person: str
    verdict: Literal["approved", "refused"]
    at: float


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Consent asked for exactly the bytes of one SHA-256, until ``expires_at``; ``proposer`` is the person behind who asked."""

    id: str
    action: str
    subject_sha256: str
    needed: int
    proposer: str
    asked_at: float
    expires_at: float
    summary: str
    case: str
    seq: int
    """The ledger entry whose content is the bytes asked about."""
    votes: tuple[Vote, ...] = ()

    def approved_by(self, at: float) -> tuple[str, ...]:
        """Return the persons who had agreed at a time; none once anybody has refused or it has expired."""
        cast = [vote for vote in self.votes if vote.at <= at]
        if not self.asked_at <= at < self.expires_at or any(vote.verdict == "refused" for vote in cast):
            return ()
        return tuple(vote.person for vote in cast)

    def state(self, at: float) -> ApprovalState:
        """Return how it stands at a time. Consent is for use in time: what was approved expires like what was not."""
        if any(vote.verdict == "refused" and vote.at <= at for vote in self.votes):
            return "refused"
        if at >= self.expires_at:
            return "expired"
        return "approved" if len(self.approved_by(at)) >= self.needed else "open"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Work for a person. ``decided_by`` is empty while it waits."""

    id: str
    kind: str
    subject: str
    opened_at: float
    opened_by: str
    due_at: float
    evidence: tuple[str, ...]
    seq: int
    """The ledger entry whose content holds the details."""
    decision: str = ""
    reason: str = ""
    decided_by: str = ""
    decided_at: float = 0.0
