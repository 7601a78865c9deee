"""Consent: approvals bound to one response, one step, one action with its arguments and changes, and a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final

from bartizan.casework import Approval, Casebook, Desk
from bartizan.identity import Principal
from bartizan.workbench.respond.plan import Action, Plan, subject, subject_sha256

ACTION: Final = "response.step"


class Consents:
    """Asks for and checks consent. Which approval belongs to an action is found by the hash alone, never by a place in a list."""

    def __init__(self, casebook: Casebook, desk: Desk, *, lifetime_s: float, clock: Callable[[], float] = time.time) -> None:
        self._casebook = casebook
        self._desk = desk
        self._lifetime_s = lifetime_s
        self._clock = clock

    def ask(self, plan: Plan, *, actor: Principal | None) -> list[str]:
        """Ask for every consent that a plan needs and that neither stands nor waits; return the new approvals."""
        asked = []
        for action in plan.actions:
            known = self.latest(plan, action)
            if not action.persons or (known is not None and known.state(self._clock()) != "expired"):
                continue
            asked.append(
                self._desk.ask(
                    ACTION,
                    subject(plan, action),
                    actor=actor,
                    needed=action.persons,
                    summary=f"{action.id}: {action.do} ({action.effect}, reaches {action.reach})",
                    case=plan.response,
                    lifetime_s=self._lifetime_s,
                )
            )
        return asked

    def latest(self, plan: Plan, action: Action) -> Approval | None:
        """Return the newest approval asked for exactly this action, None if there is none."""
        digest = subject_sha256(plan, action)
        found = [
            each
            for each in self._casebook.approvals()
            if each.action == ACTION and each.case == plan.response and each.subject_sha256 == digest
        ]
        return found[-1] if found else None

    def of(self, plan: Plan, action: Action, *, excluding: Collection[str] = ()) -> str:
        """Return the approval under which an action may run now, ``"-"`` where it needs none; ``"waiting"`` or ``"refused"``."""
        if not action.persons:
            return "-"
        known = self.latest(plan, action)
        if known is None:
            return "waiting"
        now = self._clock()
        if known.state(now) == "refused":
            return "refused"
        held = self._casebook.consents(known.id, subject_sha256(plan, action), persons=action.persons, at=now, excluding=excluding)
        return known.id if held else "waiting"

    def waiting(self, plan: Plan, *, excluding: Collection[str] = ()) -> list[tuple[Action, Approval]]:
        """Return the actions that wait for somebody's word, with the approval: words of ``excluding`` do not count."""
        now = self._clock()
        pairs = ((action, self.latest(plan, action)) for action in plan.actions if action.persons)
        return [
            (action, known)
            for action, known in pairs
            if known is not None and known.state(now) in {"open", "approved"} and self.of(plan, action, excluding=excluding) == "waiting"
        ]
