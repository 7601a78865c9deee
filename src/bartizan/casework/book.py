"""The read side: which cases wait, and who agreed to what. A fold that no order of events can talk into a false consent."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

import msgspec

from bartizan.casework.model import Approval, Case, Vote
from bartizan.event import ApprovalGiven, ApprovalRequested, CaseDecided, CaseOpened, Envelope, PrincipalRegistered, kind_of

KINDS: Final = tuple(kind_of(fact) for fact in (PrincipalRegistered, CaseOpened, CaseDecided, ApprovalRequested, ApprovalGiven))


class Followed(Protocol):
    """What casework needs of a ledger to read."""

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...


class Casebook:
    """Folds casework events. Only registered persons count; an agent that asks, asks for its person."""

    def __init__(self, ledger: Followed) -> None:
        self.position = 0
        self._approvals: dict[str, Approval] = {}
        self._cases: dict[str, Case] = {}
        self._persons: set[str] = set()
        self._behind: dict[str, str] = {}
        ledger.subscribe(KINDS, self._fold)

    def consents(self, approval: str, subject_sha256: str, *, persons: int, at: float, excluding: Collection[str] = ()) -> bool:
        """Say whether so many distinct persons, none the proposer nor one of ``excluding``, agreed in time to these bytes."""
        known = self._approvals.get(approval)
        if known is None or not subject_sha256.isascii():
            return False
        counted = set(known.approved_by(at)).difference(excluding, (known.proposer,))
        return hmac.compare_digest(known.subject_sha256, subject_sha256) and len(counted) >= max(persons, known.needed, 1)

    def asked_at(self, approval: str) -> float | None:
        """Return when the consent was asked for, None if it never was."""
        known = self._approvals.get(approval)
        return known.asked_at if known is not None else None

    def approval(self, approval: str) -> Approval | None:
        """Return an approval, None if it was never asked for."""
        return self._approvals.get(approval)

    def approvals(self) -> list[Approval]:
        """Return all approvals, oldest first."""
        return list(self._approvals.values())

    def case(self, case: str) -> Case | None:
        """Return a case, None if it was never opened."""
        return self._cases.get(case)

    def cases(self, *, waiting: bool = False) -> list[Case]:
        """Return all cases, or only those nobody has decided, oldest first."""
        return [case for case in self._cases.values() if not (waiting and case.decided_by)]

    def why_not(self, approval: str, person: str, *, at: float) -> str:
        """Return why a person's word on an approval would not count now, or an empty string."""
        known = self._approvals.get(approval)
        if known is None:
            return "it was never asked for"
        if person not in self._persons:
            return "only registered persons approve"
        if person == known.proposer:
            return "nobody approves what they proposed"
        if any(vote.person == person for vote in known.votes):
            return "each person answers once"
        return "" if known.asked_at <= at < known.expires_at else "it has expired"

    def person_behind(self, principal: str) -> str:
        """Return who answers for a principal: an agent's person, else itself."""
        return self._behind.get(principal, principal)

    def _fold(self, seq: int, entry: Envelope) -> None:
        match entry.body:
            case PrincipalRegistered() as fact:
                self._registered(fact)
            case CaseOpened() as fact:
                self._opened(seq, entry, fact)
            case CaseDecided() as fact:
                self._decided(entry, fact)
            case ApprovalRequested() as fact:
                self._requested(seq, entry, fact)
            case ApprovalGiven() as fact:
                self._given(entry, fact)
            case _:
                pass
        self.position = seq + 1

    def _registered(self, fact: PrincipalRegistered) -> None:
        if fact.principal in self._persons or fact.principal in self._behind:
            return
        if fact.kind == "person":
            self._persons.add(fact.principal)
        else:
            self._behind[fact.principal] = fact.on_behalf_of or fact.principal

    def _opened(self, seq: int, entry: Envelope, fact: CaseOpened) -> None:
        if fact.case not in self._cases:
            self._cases[fact.case] = Case(
                id=fact.case,
                kind=fact.kind,
                subject=fact.subject,
                opened_at=entry.at,
                opened_by=self.person_behind(entry.actor),
                due_at=fact.due_at,
                evidence=fact.evidence,
                seq=seq,
            )

    def _decided(self, entry: Envelope, fact: CaseDecided) -> None:
        known = self._cases.get(fact.case)
        if known is None or known.decided_by or self.decided_below(known, entry.actor):
            return
        self._cases[fact.case] = msgspec.structs.replace(
            known, decision=fact.decision, reason=fact.reason, decided_by=entry.actor, decided_at=entry.at
        )

    def decided_below(self, appeal: Case, person: str) -> bool:
        """Say whether an appeal is against this person's own decision: then another one decides."""
        below = (self._cases.get(item) for item in appeal.evidence) if appeal.kind == "appeal" else ()
        return any(case is not None and case.decided_by == person for case in below)

    def _requested(self, seq: int, entry: Envelope, fact: ApprovalRequested) -> None:
        if fact.approval not in self._approvals:
            self._approvals[fact.approval] = Approval(
                id=fact.approval,
                action=fact.action,
                subject_sha256=fact.subject_sha256,
                needed=max(fact.needed, 1),
                proposer=self.person_behind(entry.actor),
                asked_at=entry.at,
                expires_at=fact.expires_at,
                summary=fact.summary,
                case=fact.case,
                seq=seq,
            )

    def _given(self, entry: Envelope, fact: ApprovalGiven) -> None:
        known = self._approvals.get(fact.approval)
        if known is None or self.why_not(fact.approval, entry.actor, at=entry.at):
            return
        vote = Vote(person=entry.actor, verdict=fact.verdict, at=entry.at)
        self._approvals[known.id] = msgspec.structs.replace(known, votes=(*known.votes, vote))
