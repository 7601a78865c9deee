"""Carrying plans out: wave by wave, each action on record before and after it, taken over where a worker died, undone in reverse."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, Protocol

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import (
    ActionFailed,
    ActionIntended,
    ActionTaken,
    Deed,
    DoubtSettled,
    Ending,
    Envelope,
    Event,
    ResponseEnded,
    ResponseOrdered,
    ResponsePlanned,
    ResponseReviewed,
    envelope,
    new_id,
)
from bartizan.identity import Principal
from bartizan.workbench.respond.acting import Begun, Outcome, act_all, begin_state, check_guards
from bartizan.workbench.respond.assets import Protected
from bartizan.workbench.respond.book import Book, Mark, Standing
from bartizan.workbench.respond.consent import Consents
from bartizan.workbench.respond.contract import Connector
from bartizan.workbench.respond.plan import Action, Plan, decode, encode, subject_sha256

ACTOR: Final = "respond"


class Ledger(Protocol):
    """What the engine needs of a ledger."""

    @property
    def writer(self) -> str:
        """The id under which this process writes."""
        ...

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content."""
        ...


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn came to: ``more`` is to do at once, ``waiting`` for persons, ``busy`` elsewhere, or ``ended``."""

    state: Literal["more", "waiting", "busy", "ended"]
    why: str = ""


class Engine:
    """Carries responses out, one wave a turn. Any number of processes may; ``alive`` says whether another writer still runs."""

    def __init__(
        self,
        ledger: Ledger,
        book: Book,
        consents: Consents,
        connectors: Mapping[str, Connector],
        protected: Protected,
        *,
        alive: Callable[[str], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._book = book
        self._connectors = connectors
        self._protected = protected
        self._alive = alive
        self._clock = clock
        self._worker = f"{ledger.writer}:{new_id('engine')}"
        self._turning = threading.RLock()
        self.consents = consents

    def keep(self, plan: Plan, *, actor: Principal | None) -> str:
        """Put a plan on record; nothing is done yet. Returns the response's id."""
        data = encode(plan)
        fact = ResponsePlanned(
            response=plan.response,
            incident=plan.incident.id,
            playbook=plan.playbook,
            playbook_sha256=plan.playbook_sha256,
            plan_sha256=hashlib.sha256(data).hexdigest(),
            actions=len(plan.actions),
            destructive=sum(action.effect == "destructive" for action in plan.actions),
            reach=plan.reach,
            began_at=plan.incident.began_at,
            raised_at=plan.incident.raised_at,
        )
        self._write((fact, data), response=plan.response, actor=actor)
        return plan.response

    def order(self, response: str, deed: Deed, *, actor: Principal | None, reason: str = "") -> None:
        """Have a plan carried out or what was done undone; raises RefusedError 409 where that makes no sense now."""
        standing = self.standing(response)
        if deed == "do" and standing.ordered == "undo":
            raise RefusedError("this response was taken back", code="undone", status=409, hint="plan again")
        if deed == "undo" and not standing.ordered:
            raise RefusedError("nothing of this response was done", code="not_run", status=409)
        plan = self.plan(standing)
        self._write((ResponseOrdered(response=standing.response, deed=deed, reason=reason), None), response=standing.response, actor=actor)
        if deed == "do":
            self.consents.ask(plan, actor=actor)

    def settle(self, response: str, action: str, *, happened: bool, actor: Principal, reason: str) -> None:
        """Take a person's word on an action in doubt; raises RefusedError 409 ``not_in_doubt``."""
        standing = self.standing(response)
        deed: Deed = "undo" if standing.ordered == "undo" else "do"
        if standing.mark(action, deed).state != "doubt":
            raise RefusedError(f"{action} is not in doubt", code="not_in_doubt", status=409, hint="bartizan respond show")
        fact = DoubtSettled(response=standing.response, action=action, deed=deed, happened=happened, reason=reason)
        again = ResponseOrdered(response=standing.response, deed=deed, reason="doubt settled")
        self._write((fact, None), (again, None), response=standing.response, actor=actor)

    def review(self, standing: Standing, lesson: ResponseReviewed, *, words: str, actor: Principal) -> None:
        """Close a response with what was learnt; raises RefusedError 409 while it runs, or a second time."""
        if not standing.ended or standing.reviewed is not None:
            what = "it still runs" if not standing.ended else "it is closed"
            raise RefusedError(f"{standing.response}: {what}", code="not_to_close", status=409)
        self._write((lesson, words.encode()), response=standing.response, actor=actor)

    def standing(self, response: str) -> Standing:
        """Return how a response stands now; raises RefusedError 404."""
        with self._turning:
            self._ledger.catch_up()
            return self._book.get(response)

    def under_way(self) -> list[Standing]:
        """Return the responses that somebody ordered and that have not ended."""
        with self._turning:
            self._ledger.catch_up()
            return self._book.under_way()

    def plan(self, standing: Standing) -> Plan:
        """Return a response's plan; raises RefusedError 409 where it was erased or is not the one on record."""
        data = self._ledger.content(standing.seq)
        if data is None:
            raise RefusedError("the plan has been erased", code="erased", status=409, hint="plan again")
        return decode(data, standing.planned.plan_sha256)

    def turn(self, response: str) -> Turn:
        """Do the next thing that is to be done for a response. Raises nothing for an action that fails: that is on record."""
        with self._turning:
            standing = self.standing(response)
            if standing.ended or not standing.ordered:
                return Turn(state="ended", why=standing.ended or "nobody ordered it")
            plan = self.plan(standing)
            return self._undo(standing, plan) if standing.ordered == "undo" else self._do(standing, plan)

    def _do(self, standing: Standing, plan: Plan) -> Turn:
        for wave in sorted({action.wave for action in plan.actions}):
            actions = [action for action in plan.actions if action.wave == wave]
            if stopped := self._stopped(standing, actions):
                return stopped
            left = [action for action in actions if not _is_over(standing.mark(action.id), action)]
            if left:
                return self._wave(standing, plan, left)
        return self._end(standing, "contained")

    def _stopped(self, standing: Standing, actions: Iterable[Action]) -> Turn | None:
        """Say what a failure since the last order comes to."""
        for action in actions:
            mark = standing.mark(action.id)
            if mark.state == "doubt" and action.on_failure != "continue":
                return self._end(standing, "stopped", "in_doubt")
            if mark.state != "failed" or mark.order != standing.orders or action.on_failure == "continue":
                continue
            if action.on_failure == "stop":
                return self._end(standing, "stopped", mark.code)
            fact = ResponseOrdered(response=standing.response, deed="undo", reason=f"{action.id} failed: {mark.code}")
            self._write((fact, None), response=standing.response)
            return Turn(state="more", why="undoing")
        return None

    def _wave(self, standing: Standing, plan: Plan, actions: list[Action]) -> Turn:
        ready, waiting = [], []
        for action in actions:
            match self.consents.of(plan, action, excluding=(standing.planned_by,)):
                case "refused":
                    return self._end(standing, "refused", action.id)
                case "waiting":
                    waiting.append(action)
                case approval:
                    ready.append((action, approval))
        begun = [one for action, approval in ready if (one := self._begin(standing, plan, action, approval)) is not None]
        self._finish(plan, begun)
        if begun or self._moved(standing):
            return Turn(state="more")
        return Turn(state="busy") if ready else Turn(state="waiting", why=", ".join(action.id for action in waiting))

    def _moved(self, before: Standing) -> bool:
        return self.standing(before.response).marks != before.marks

    def _begin(self, standing: Standing, plan: Plan, action: Action, approval: str) -> Begun | None:
        """Claim an action: its intent, with the state before, is on record before anything happens. None where it is not ours to do."""
        mark = standing.mark(action.id)
        if mark.state == "intended" and self._is_held(mark):
            return None
        try:
            self._check(standing, plan, action)
            before = self._before(mark) if mark.tried else begin_state(self._connectors, action)
        except RefusedError as error:
            self._failed(standing, action, "do", mark.attempt, Outcome.of(error))
            return None
        begun = Begun(action=action, deed="do", attempt=mark.attempt + 1, before=before, resumed=mark.tried)
        return self._claim(standing, plan, begun, approval)

    def _claim(self, standing: Standing, plan: Plan, begun: Begun, approval: str = "") -> Begun | None:
        action = begun.action
        fact = ActionIntended(
            response=standing.response,
            action=action.id,
            deed=begun.deed,
            attempt=begun.attempt,
            worker=self._worker,
            sha256=subject_sha256(plan, action),
            approval=approval,
        )
        self._write((fact, msgspec.json.encode(begun.before)), response=standing.response)
        held = self._book.get(standing.response).mark(action.id, begun.deed)
        return begun if held.worker == self._worker and held.attempt == begun.attempt else None

    def _finish(self, plan: Plan, begun: list[Begun]) -> None:
        for one, outcome in act_all(self._connectors, begun):
            standing = self._book.get(plan.response)
            if outcome.code:
                self._failed(standing, one.action, one.deed, one.attempt, outcome)
                continue
            fact = ActionTaken(
                response=plan.response,
                action=one.action.id,
                deed=one.deed,
                attempt=one.attempt,
                changed=bool(outcome.changes) or outcome.settled,
                settled=outcome.settled,
            )
            content = msgspec.json.encode({"result": outcome.result, "changes": outcome.changes})
            self._write((fact, content), response=plan.response)

    def _failed(self, standing: Standing, action: Action, deed: Deed, attempt: int, outcome: Outcome) -> None:
        fact = ActionFailed(
            response=standing.response, action=action.id, deed=deed, attempt=attempt, code=outcome.code, in_doubt=outcome.in_doubt
        )
        self._write((fact, outcome.message.encode()), response=standing.response)

    def _undo(self, standing: Standing, plan: Plan) -> Turn:
        for wave in sorted({action.wave for action in plan.actions}, reverse=True):
            actions = [action for action in plan.actions if action.wave == wave and self._is_to_undo(standing, action)]
            if not actions:
                continue
            if any(standing.mark(action.id).state == "intended" and self._is_held(standing.mark(action.id)) for action in actions):
                return Turn(state="busy")
            begun = [one for action in actions if (one := self._begin_undo(standing, plan, action)) is not None]
            self._finish(plan, begun)
            return Turn(state="more" if begun or self._moved(standing) else "busy")
        incomplete = [action.id for action in plan.actions if standing.mark(action.id, "undo").state in {"failed", "doubt"}]
        return self._end(standing, "undo_incomplete", incomplete[0]) if incomplete else self._end(standing, "undone")

    def _is_to_undo(self, standing: Standing, action: Action) -> bool:
        done, undone = standing.mark(action.id), standing.mark(action.id, "undo")
        if action.effect == "read" or not done.tried or (done.state == "done" and not done.changed):
            return False
        if undone.state == "failed":
            return undone.order != standing.orders
        return undone.state not in {"done", "doubt"}

    def _begin_undo(self, standing: Standing, plan: Plan, action: Action) -> Begun | None:
        mark, done = standing.mark(action.id, "undo"), standing.mark(action.id)
        if mark.state == "intended" and self._is_held(mark):
            return None
        if not action.compensation:
            self._failed(standing, action, "undo", mark.attempt, Outcome(code="not_undoable", message="nothing takes this back"))
            return None
        begun = Begun(
            action=action,
            deed="undo",
            attempt=mark.attempt + 1,
            before=self._before(done),
            resumed=mark.tried,
            certain=done.state == "done",
        )
        return self._claim(standing, plan, begun)

    def _check(self, standing: Standing, plan: Plan, action: Action) -> None:
        """Check again, at the last moment, what was checked when the plan was made."""
        connector = self._connectors.get(action.connector)
        verb = connector.verbs.get(action.call.verb) if connector is not None else None
        if verb is None or verb.effect != action.effect:
            raise RefusedError(f"{action.do} is not what it was when planned", code="connector_changed", status=409, hint="plan again")
        if action.effect != "read":
            self._protected.check(action.targets, where=action.id)
        check_guards(plan, action, self._results(standing, plan))

    def _results(self, standing: Standing, plan: Plan) -> dict[str, dict[str, object]]:
        """Return what reads found, by scope and step."""
        found: dict[str, dict[str, object]] = {}
        for action in plan.actions:
            mark = standing.mark(action.id)
            if action.effect == "read" and mark.state == "done" and (data := self._ledger.content(mark.result_seq)) is not None:
                found.setdefault(action.scope, {})[action.step] = msgspec.json.decode(data)["result"]
        return found

    def _before(self, mark: Mark) -> dict[str, object]:
        data = self._ledger.content(mark.seq)
        return msgspec.json.decode(data, type=dict[str, object]) if data is not None else {}

    def _is_held(self, mark: Mark) -> bool:
        return mark.worker != self._worker and self._alive(mark.worker.partition(":")[0])

    def _end(self, standing: Standing, ending: Ending, code: str = "") -> Turn:
        self._write((ResponseEnded(response=standing.response, ending=ending, code=code), None), response=standing.response)
        return Turn(state="ended", why=ending)

    def _write(self, *facts: tuple[Event, bytes | None], response: str, actor: Principal | None = None) -> None:
        who, tenant = (actor.id, actor.tenant) if actor is not None else (ACTOR, "default")
        items = [(envelope(fact, tenant=tenant, actor=who, correlation=response, at=self._clock()), content) for fact, content in facts]
        with self._turning:
            self._ledger.append_now(*items)
            self._ledger.catch_up()


def _is_over(mark: Mark, action: Action) -> bool:
    """Say whether nothing is left to do for an action."""
    return mark.state == "done" or (mark.state in {"failed", "doubt"} and action.on_failure == "continue")
