"""What a plan is: every action with its exact changes, what it needs, and what was left out, as bytes that are hashed."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import canonical
from bartizan.workbench.respond.assets import Target
from bartizan.workbench.respond.contract import Call, Change, Effect
from bartizan.workbench.respond.incident import Incident
from bartizan.workbench.respond.playbook import OnFailure


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """A condition over what steps found, and what it came to when the plan was made; it must come to that again."""

    when: str
    expected: bool
    each: Any = None


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One planned action. Actions of one ``wave`` do not wait for one another; undoing goes through the waves backwards."""

    id: str
    step: str
    scope: str
    """Prefix of the playbook within a playbook that it comes from."""
    connector: str
    call: Call
    effect: Effect
    targets: tuple[Target, ...]
    reach: int
    changes: tuple[Change, ...]
    """Exactly what it will do; nothing where all is so already."""
    compensation: str
    persons: int
    """How many must agree before it may run."""
    why: str
    """Why so many."""
    guards: tuple[Guard, ...] = ()
    wave: int = 0
    on_failure: OnFailure = "stop"

    @property
    def do(self) -> str:
        """``connector.verb``."""
        return f"{self.connector}.{self.call.verb}"


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the playbook names and the plan leaves out, with the typed reason."""

    step: str
    code: str
    why: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan; it is carried out as it stands or not at all."""

    response: str
    made_at: float
    incident: Incident
    playbook: str
    playbook_name: str
    playbook_sha256: str
    vars: dict[str, Any]
    actions: tuple[Action, ...]
    left: tuple[Left, ...] = ()

    @property
    def reach(self) -> int:
        """How many assets and accounts it touches, each counted once."""
        sizes = {target: action.reach for action in self.actions if action.effect != "read" for target in _keys(action)}
        return sum(sizes.values())


def _keys(action: Action) -> list[tuple[str, str]]:
    networks = [each for each in action.targets if each.kind == "network"]
    if len(action.targets) == 1 or not networks:
        return [(each.kind, each.value) for each in action.targets]
    return [(action.id, "all")]


def encode(plan: Plan) -> bytes:
    """Return a plan's bytes: what is hashed, kept and carried out."""
    return canonical(plan)


def decode(data: bytes, sha256: str) -> Plan:
    """Return the plan of these bytes; raises RefusedError 409 ``plan_changed`` where they are not what was recorded."""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RefusedError("the plan is not the one on record", code="plan_changed", status=409, hint="plan again")
    return msgspec.json.decode(data, type=Plan)


def subject(plan: Plan, action: Action) -> bytes:
    """Return the bytes that approvals of an action are bound to: this response, this step, this action, arguments and changes."""
    return canonical(
        {
            "response": plan.response,
            "step": action.id,
            "action": action.do,
            "arguments": dict(action.call.arguments),
            "changes": action.changes,
            "effect": action.effect,
            "reach": action.reach,
            "incident": plan.incident.id,
            "playbook": plan.playbook_sha256,
        }
    )


def subject_sha256(plan: Plan, action: Action) -> str:
    """Return the hash that approvals of an action are bound to."""
    return hashlib.sha256(subject(plan, action)).hexdigest()
