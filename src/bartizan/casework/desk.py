"""The write side: open and decide cases, ask for consent and give it. Who may is policy's to say, before."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from bartizan.casework.book import Casebook
from bartizan.casework.model import Approval
from bartizan.errors import RefusedError
from bartizan.event import ApprovalGiven, ApprovalRequested, CaseDecided, CaseOpened, Envelope, Event, envelope, new_id
from bartizan.identity import Principal

_APPROVAL_S = 14 * 86_400.0
_DUE_S = 2 * 86_400.0


class Appended(Protocol):
    """What casework needs of a ledger to write."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...


class Desk:
    """Writes casework events in the name of who acts; None is bartizan itself."""

    def __init__(self, ledger: Appended, book: Casebook, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._book = book
        self._clock = clock

    def open(
        self,
        kind: str,
        subject: str,
        *,
        actor: Principal | None,
        details: Mapping[str, str] | None = None,
        evidence: tuple[str, ...] = (),
        due_in_s: float = _DUE_S,
    ) -> str:
        """Open a case and return its id; ``details`` (text that may name people) become content.

        Where one of this kind about this subject and evidence is there already, that is the case: a job may be repeated.
        """
        self._ledger.catch_up()
        for known in self._book.cases() if evidence else ():
            if (known.kind, known.subject, known.evidence) == (kind, subject, evidence):
                return known.id
        case = new_id("case")
        fact = CaseOpened(case=case, kind=kind, subject=subject, evidence=evidence, due_at=self._clock() + due_in_s)
        self._write(fact, actor=actor, case=case, content=msgspec.json.encode(details) if details else None)
        return case

    def decide(self, case: str, decision: str, *, actor: Principal, reason: str) -> None:
        """Decide a case; raises RefusedError 404 ``unknown_case``, 409 ``case_decided``, 403 ``own_decision`` or ``not_a_person``."""
        self._ledger.catch_up()
        known = self._book.case(case)
        if known is None:
            raise RefusedError(f"there is no case {case}", code="unknown_case", status=404, hint="bartizan case list")
        if known.decided_by:
            raise RefusedError(f"the case {case} is decided", code="case_decided", status=409, hint="open an appeal")
        if actor.kind != "person":
            raise RefusedError("only persons decide cases", code="not_a_person", status=403)
        if self._book.decided_below(known, actor.id):
            raise RefusedError("an appeal is decided by another person", code="own_decision", status=403)
        self._write(CaseDecided(case=case, decision=decision, reason=reason), actor=actor, case=case)

    def ask(
        self,
        action: str,
        subject: bytes,
        *,
        actor: Principal | None,
        needed: int,
        summary: str = "",
        case: str = "",
        lifetime_s: float = _APPROVAL_S,
    ) -> str:
        """Ask so many persons to agree to exactly these bytes, which become content. Returns the approval's id."""
        approval = new_id("approval")
        fact = ApprovalRequested(
            approval=approval,
            action=action,
            subject_sha256=hashlib.sha256(subject).hexdigest(),
            needed=needed,
            expires_at=self._clock() + lifetime_s,
            summary=summary,
            case=case,
        )
        self._write(fact, actor=actor, case=case or approval, content=subject)
        return approval

    def answer(self, approval: str, verdict: Literal["approved", "refused"], *, actor: Principal, reason: str = "") -> Approval:
        """Give one person's word; raises RefusedError 403 ``approval_not_yours`` where it would not count, saying why."""
        self._ledger.catch_up()
        if actor.kind != "person":
            raise RefusedError("only persons approve", code="approval_not_yours", status=403)
        if why := self._book.why_not(approval, actor.id, at=self._clock()):
            raise RefusedError(f"your word on {approval} does not count: {why}", code="approval_not_yours", status=403)
        known = self._book.approval(approval)
        self._write(
            ApprovalGiven(approval=approval, verdict=verdict, reason=reason),
            actor=actor,
            case=known.case if known is not None else approval,
        )
        now = self._book.approval(approval)
        if now is None or all(vote.person != actor.id for vote in now.votes):
            raise RefusedError(f"your word on {approval} came too late", code="approval_not_yours", status=409)
        return now

    def _write(self, fact: Event, *, actor: Principal | None, case: str, content: bytes | None = None) -> None:
        entry = envelope(
            fact,
            tenant=actor.tenant if actor is not None else "default",
            actor=actor.id if actor is not None else "system",
            account=actor.account if actor is not None else "",
            correlation=case,
            at=self._clock(),
        )
        self._ledger.append_now((entry, content))
        self._ledger.catch_up()
