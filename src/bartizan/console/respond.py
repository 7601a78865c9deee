"""Responses to incidents: what was planned, each step as it goes, the consents it waits for, taking it back, and the report."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing, record
from bartizan.errors import RefusedError
from bartizan.event import ContentRead, envelope
from bartizan.policy import Resource
from bartizan.workbench.respond.author import variables
from bartizan.workbench.respond.book import Standing
from bartizan.workbench.respond.consent import ACTION
from bartizan.workbench.respond.incident import read_incident
from bartizan.workbench.respond.plan import Plan
from bartizan.workbench.respond.report import Report, lasted, report_of
from bartizan.workbench.respond.responding import Responding
from bartizan.workbench.respond.shown import shown_of

_MOST = 200
_LONGEST = 12_000


class ResponseRow(msgspec.Struct, frozen=True, kw_only=True):
    """One response in the list."""

    response: str
    incident: str
    playbook: str
    state: str
    actions: int
    done: int
    destructive: int
    reach: int
    planned_at: float
    waiting: int
    lasted_s: float
    """From the order to containment; 0 while it is not contained."""


class PlaybookRow(msgspec.Struct, frozen=True, kw_only=True):
    """One playbook."""

    id: str
    name: str
    description: str
    techniques: tuple[str, ...]
    most: int
    variables: tuple[str, ...]


class Responses(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON, newest first."""

    rows: tuple[ResponseRow, ...]
    playbooks: tuple[str, ...]


class Playbooks(msgspec.Struct, frozen=True, kw_only=True):
    """The playbooks as JSON."""

    rows: tuple[PlaybookRow, ...]


def responses(parts: Parts, ask: Ask) -> Page:
    """Show every response."""
    if parts.responding is None:
        return Page(template="respond.html", title="Response", body=Responses(rows=(), playbooks=()), extra={"may_plan": False})
    ours = parts.responding
    rows = tuple(_row(parts, each, ask.at) for each in reversed(ours.book.all()[-_MOST:]))
    may_plan = allowed(parts, ask, "response.plan", record(parts, ask))
    return Page(
        template="respond.html",
        title="Response",
        body=Responses(rows=rows, playbooks=tuple(ours.library)),
        extra={"may_plan": may_plan, "busy": any(row.state in {"running", "undoing"} and not row.waiting for row in rows)},
    )


def playbooks(parts: Parts, _ask: Ask) -> Page:
    """Show the playbooks that there are."""
    library = _ours(parts).library
    rows = tuple(
        PlaybookRow(
            id=each.id,
            name=each.name,
            description=each.description,
            techniques=each.fits.techniques,
            most=each.most,
            variables=tuple(each.vars),
        )
        for each in library.values()
    )
    return Page(template="respond_playbooks.html", title="Playbooks", body=Playbooks(rows=rows))


def response(parts: Parts, ask: Ask) -> Page:
    """Show one response, step by step; that its plan was read is on record first."""
    standing, plan = _plan(parts, ask)
    shown = shown_of(_ours(parts).engine, standing, plan, at=ask.at)
    whole = record(parts, ask)
    mine = standing.planned_by == ask.who.id
    extra = {
        "may_run": allowed(parts, ask, "response.run", whole) and shown.state in {"planned", "stopped", "refused"},
        "may_undo": allowed(parts, ask, "response.undo", whole) and bool(standing.ordered) and shown.state not in {"undone", "undoing"},
        "may_agree": {step.approval for step in shown.steps if step.approval and not mine and _may_answer(parts, ask, step.approval)},
        "busy": shown.state in {"running", "undoing"} and not shown.waiting,  # a page that renews itself would wipe what is typed
        "sha": {step.approval: known.subject_sha256 for step in shown.steps if (known := parts.casebook.approval(step.approval))},
    }
    return Page(template="respond_one.html", title="Response", body=shown, extra=extra)


def report(parts: Parts, ask: Ask) -> Page:
    """Show the post-incident report."""
    standing, plan = _plan(parts, ask)
    made: Report = report_of(parts.ledger, parts.casebook, standing, plan)
    return Page(template="respond_report.html", title="Report", body=made, extra={"lasted": lasted})


def plan(parts: Parts, ask: Ask) -> Done:
    """Plan a playbook against an incident; nothing is done yet."""
    ours = _ours(parts)
    incident = read_incident(ask.field("incident", most=_LONGEST).encode())
    name = ask.form.get("playbook", "")
    offers = [] if name else ours.library.offers(incident)
    if not name and not offers:
        raise RefusedError("no playbook fits this incident", code="unknown_playbook", status=404, hint="choose one")
    chosen = ours.library.find(name) if name else offers[0]
    made = ours.planner.plan(chosen, incident, variables(chosen, ask.form.get("variables", "")[:_LONGEST].split()))
    ours.engine.keep(made, actor=ask.who)
    return Done(location=f"/response/{made.response}", notice="planned")


def run(parts: Parts, ask: Ask) -> Done:
    """Have a plan carried out."""
    standing = _standing(parts, ask)
    _ours(parts).engine.order(standing.response, "do", actor=ask.who)
    return Done(location=f"/response/{standing.response}", notice="ordered")


def undo(parts: Parts, ask: Ask) -> Done:
    """Have what was done taken back."""
    standing = _standing(parts, ask)
    _ours(parts).engine.order(standing.response, "undo", actor=ask.who, reason=ask.field("reason"))
    return Done(location=f"/response/{standing.response}", notice="ordered")


def answer(parts: Parts, ask: Ask) -> Done:
    """Give one's word on exactly what a step would do."""
    verdict = ask.form.get("decision", "")
    known = parts.casebook.approval(ask.path["id"])
    if known is None or known.action != ACTION:
        raise missing("consent", ask.path["id"])
    if verdict not in {"approved", "refused"}:
        raise RefusedError("there is no such decision", code="bad_field", param="decision", hint="approved or refused")
    if ask.form.get("sha256", "") != known.subject_sha256:
        raise RefusedError("this is not what was asked for", code="wrong_subject", status=409, hint="open the page again")
    standing = _ours(parts).book.get(known.case)
    if standing.planned_by == ask.who.id and verdict == "approved":
        raise RefusedError("nobody approves what they planned", code="approval_not_yours", status=403)
    parts.desk.answer(known.id, cast("Literal['approved', 'refused']", verdict), actor=ask.who, reason=ask.form.get("reason", "")[:500])
    return Done(location=f"/response/{known.case}", notice="word-taken")


def consent_subject(parts: Parts, ask: Ask) -> Resource:
    """Return the consent that a route is about, as policy decides cases."""
    known = parts.casebook.approval(ask.path["id"])
    if known is None or known.action != ACTION:
        raise missing("consent", ask.path["id"])
    return Resource(type="Case", id=known.id, attributes={"proposer": known.proposer, "subject": known.action})


def _may_answer(parts: Parts, ask: Ask, approval: str) -> bool:
    known = parts.casebook.approval(approval)
    if known is None or parts.casebook.why_not(approval, ask.who.id, at=ask.at):
        return False
    resource = Resource(type="Case", id=approval, attributes={"proposer": known.proposer, "subject": known.action})
    return allowed(parts, ask, "case.decide", resource)


def _ours(parts: Parts) -> Responding:
    if parts.responding is None:
        raise RefusedError("there is no response here", code="not_found", status=404, hint="bartizan respond")
    return parts.responding


def _standing(parts: Parts, ask: Ask) -> Standing:
    return _ours(parts).engine.standing(ask.path["id"])


def _plan(parts: Parts, ask: Ask) -> tuple[Standing, Plan]:
    standing = _standing(parts, ask)
    fact = ContentRead(entries=(standing.seq,), purpose=f"response {standing.response}")
    if not ask.query.get("watching"):  # a page that renews itself is one look
        parts.ledger.append_now(envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, correlation=standing.response, at=ask.at))
    return standing, _ours(parts).engine.plan(standing)


def _row(parts: Parts, standing: Standing, at: float) -> ResponseRow:
    fact = standing.planned
    mine = [each for each in parts.casebook.approvals() if each.case == standing.response]
    return ResponseRow(
        response=standing.response,
        incident=fact.incident,
        playbook=fact.playbook,
        state=standing.state,
        actions=fact.actions,
        done=sum(mark.state == "done" for (_, deed), mark in standing.marks.items() if deed == "do"),
        destructive=fact.destructive,
        reach=fact.reach,
        planned_at=standing.planned_at,
        waiting=sum(each.state(at) == "open" for each in mine),
        lasted_s=max(standing.contained_at - standing.ordered_at, 0.0) if standing.contained_at else 0.0,
    )
