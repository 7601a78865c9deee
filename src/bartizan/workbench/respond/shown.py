"""A response as people see it, in the console and on a terminal: each step with its state and what it needs."""

from __future__ import annotations

import msgspec

from bartizan.workbench.respond.book import Standing
from bartizan.workbench.respond.contract import Change, Effect
from bartizan.workbench.respond.engine import Engine
from bartizan.workbench.respond.plan import Action, Left, Plan


class StepShown(msgspec.Struct, frozen=True, kw_only=True):
    """One step. ``state``: planned, waits, running, done, so already, failed, in doubt, undone, not undone."""

    id: str
    do: str
    effect: Effect
    state: str
    reach: int
    persons: int
    why: str
    given: int
    """How many persons agreed so far."""
    approval: str
    approval_state: str
    expires_at: float
    changes: tuple[Change, ...]
    compensation: str
    note: str
    ended_at: float
    wave: int


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One response."""

    response: str
    state: str
    code: str
    incident: str
    title: str
    severity: str
    techniques: tuple[str, ...]
    playbook: str
    playbook_name: str
    planned_at: float
    planned_by: str
    ordered_at: float
    ended_at: float
    reach: int
    steps: tuple[StepShown, ...]
    left: tuple[Left, ...]
    waiting: int


def shown_of(engine: Engine, standing: Standing, plan: Plan, *, at: float) -> Shown:
    """Return a response as it stands at a time."""
    steps = tuple(_step(engine, standing, plan, action, at) for action in plan.actions)
    return Shown(
        response=standing.response,
        state=standing.state,
        code=standing.code,
        incident=plan.incident.id,
        title=plan.incident.title,
        severity=plan.incident.severity,
        techniques=plan.incident.techniques,
        playbook=plan.playbook,
        playbook_name=plan.playbook_name,
        planned_at=standing.planned_at,
        planned_by=standing.planned_by,
        ordered_at=standing.ordered_at,
        ended_at=standing.ended_at,
        reach=plan.reach,
        steps=steps,
        left=plan.left,
        waiting=sum(step.approval_state == "open" for step in steps),
    )


def _step(engine: Engine, standing: Standing, plan: Plan, action: Action, at: float) -> StepShown:
    known = engine.consents.latest(plan, action) if action.persons else None
    consent = known.state(at) if known is not None else ""
    if consent == "approved" and engine.consents.of(plan, action, excluding=(standing.planned_by,)) == "waiting":
        consent = "open"  # the one who planned it agreed, which does not count
    state, note = _state(standing, action, consent if consent == "open" else "")
    mark = standing.mark(action.id)
    return StepShown(
        id=action.id,
        do=action.do,
        effect=action.effect,
        state=state,
        reach=action.reach,
        persons=action.persons,
        why=action.why,
        given=len(set(known.approved_by(at)) - {standing.planned_by}) if known is not None else 0,
        approval=known.id if known is not None else "",
        approval_state=consent,
        expires_at=known.expires_at if known is not None else 0.0,
        changes=action.changes,
        compensation=action.compensation,
        note=note,
        ended_at=mark.ended_at,
        wave=action.wave,
    )


def _state(standing: Standing, action: Action, consent: str) -> tuple[str, str]:  # noqa: PLR0911 - one a state
    mark, undone = standing.mark(action.id), standing.mark(action.id, "undo")
    if undone.state == "done":
        return "undone", ""
    if undone.state in {"failed", "doubt"}:
        return "not undone", undone.code
    match mark.state:
        case "done":
            return ("done" if mark.changed or action.effect == "read" else "so already"), "found done after a crash" if mark.settled else ""
        case "doubt":
            return "in doubt", "look whether it happened: bartizan respond settle"
        case "failed":
            return "failed", mark.code
        case "intended":
            return "running", ""
        case _:
            return ("waits" if consent else "planned"), ""
