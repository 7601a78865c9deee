"""Cases and consents: what waits for a person, what was decided and why; and deciding."""

from __future__ import annotations

import msgspec

from bartizan.casework import Approval, Case
from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing
from bartizan.errors import RefusedError
from bartizan.monitor import APPEAL
from bartizan.policy import Resource


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """One case. ``late`` once it waits past its time."""

    id: str
    kind: str
    subject: str
    opened_at: float
    opened_by: str
    due_at: float
    late: bool
    decision: str
    reason: str
    decided_by: str
    decided_at: float
    evidence: tuple[str, ...]


class ConsentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One consent that was asked for: ``state`` is open, approved, refused or expired."""

    id: str
    action: str
    summary: str
    state: str
    needed: int
    given: int
    proposer: str
    asked_at: float
    expires_at: float
    subject_sha256: str
    case: str


class Cases(msgspec.Struct, frozen=True, kw_only=True):
    """The lists as JSON: what waits comes first, oldest first; then the newest hundred that were decided."""

    waiting: tuple[CaseRow, ...]
    decided: tuple[CaseRow, ...]
    consents: tuple[ConsentRow, ...]


class CasePage(msgspec.Struct, frozen=True, kw_only=True):
    """One case as JSON."""

    case: CaseRow
    consents: tuple[ConsentRow, ...]


_MOST = 100


def cases(parts: Parts, ask: Ask) -> Page:
    """Show what waits for a person, and what was decided."""
    rows = [_row(case, ask.at) for case in parts.casebook.cases()]
    decided = [row for row in rows if row.decided_by]
    body = Cases(
        waiting=tuple(row for row in rows if not row.decided_by)[: 2 * _MOST],
        decided=tuple(reversed(decided[-_MOST:])),
        consents=tuple(consent_row(approval, ask.at) for approval in reversed(parts.casebook.approvals()[-_MOST:])),
    )
    return Page(template="cases.html", title="Cases", body=body)


def case(parts: Parts, ask: Ask) -> Page:
    """Show one case."""
    known = _known(parts, ask)
    consents = tuple(consent_row(approval, ask.at) for approval in parts.casebook.approvals() if approval.case == known.id)
    may_decide = not known.decided_by and allowed(parts, ask, "case.decide", _resource(known))
    return Page(
        template="case.html",
        title="Case",
        body=CasePage(case=_row(known, ask.at), consents=consents),
        extra={"may_decide": may_decide, "choices": choices_of(parts, known)},
    )


def decide(parts: Parts, ask: Ask) -> Done:
    """Decide a case, with a reason."""
    decision = ask.form.get("decision", "")
    known = _known(parts, ask)
    choices = choices_of(parts, known)
    if decision not in choices:
        raise RefusedError("there is no such decision", code="bad_field", param="decision", hint=" or ".join(choices))
    reason = ask.field("reason", most=2000)
    if known.kind == APPEAL:
        parts.monitor.appeals.decide(known.id, "reversed" if decision == "reversed" else "upheld", actor=ask.who, reason=reason)
    else:
        parts.desk.decide(known.id, decision, actor=ask.who, reason=reason)
        parts.monitor.enforcer.settle()
    return Done(location=f"/cases/{known.id}", notice="case-decided")


def choices_of(parts: Parts, known: Case) -> tuple[str, ...]:
    """Return the decisions that a case may come to: an appeal's, a step's that a person has to decide, or those of any other."""
    if known.kind == APPEAL:
        return ("reversed", "upheld")
    step = parts.monitor.enforcement.asked(known.id)
    return (step, "dismissed") if step else ("upheld", "dismissed")


def subject(parts: Parts, ask: Ask) -> Resource:
    """Return the case that a route is about."""
    return _resource(_known(parts, ask))


def _known(parts: Parts, ask: Ask) -> Case:
    known = parts.casebook.case(ask.path["id"])
    if known is None:
        raise missing("case", ask.path["id"])
    return known


def _resource(known: Case) -> Resource:
    return Resource(type="Case", id=known.id, attributes={"subject": known.subject, "proposer": known.opened_by})


def _row(known: Case, at: float) -> CaseRow:
    return CaseRow(
        id=known.id,
        kind=known.kind,
        subject=known.subject,
        opened_at=known.opened_at,
        opened_by=known.opened_by,
        due_at=known.due_at,
        late=not known.decided_by and bool(known.due_at) and at > known.due_at,
        decision=known.decision,
        reason=known.reason,
        decided_by=known.decided_by,
        decided_at=known.decided_at,
        evidence=known.evidence,
    )


def consent_row(approval: Approval, at: float) -> ConsentRow:
    """Return a consent as lists show it."""
    return ConsentRow(
        id=approval.id,
        action=approval.action,
        summary=approval.summary,
        state=approval.state(at),
        needed=approval.needed,
        given=len(approval.approved_by(at)),
        proposer=approval.proposer,
        asked_at=approval.asked_at,
        expires_at=approval.expires_at,
        subject_sha256=approval.subject_sha256,
        case=approval.case,
    )
