"""Changing the policy: one event with the whole text, refused before it is written if it would not be in force after."""

from __future__ import annotations

from typing import Protocol

from bartizan.errors import ConfigError
from bartizan.event import Envelope, PolicyChanged, envelope
from bartizan.identity import Principal, duties
from bartizan.policy.decide import Policy
from bartizan.policy.engine import Engine
from bartizan.policy.model import Resource

_TEXT = Resource(type="PolicyText", id="policy")


class Appended(Protocol):
    """What a change needs of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...


def change(ledger: Appended, policy: Policy, *, actor: Principal | None, cedar: str, rows: str, reason: str) -> str:
    """Put a policy in force and return its version; raises ConfigError, and changes nothing, if it does not validate.

    A text under which nobody could change the policy again is refused too.
    """
    engine = Engine(cedar, rows)
    if not any(_could_change(engine, roles) for roles in duties().reachable("regulated")):
        raise ConfigError("nobody could change this policy again", source="policy", hint="permit policy.change to a role, such as admin")
    fact = PolicyChanged(version=engine.version, cedar=cedar, rows=rows, reason=reason)
    tenant = actor.tenant if actor is not None else "default"
    ledger.append_now(envelope(fact, tenant=tenant, actor=actor.id if actor is not None else "system"))
    ledger.catch_up()
    if policy.version != engine.version:
        raise ConfigError("the policy was changed by somebody else meanwhile", source="policy", hint="look again: bartizan policy show")
    return engine.version


def _could_change(engine: Engine, roles: frozenset[str]) -> bool:
    someone = Principal(id="someone", account="", tenant="default", kind="person", roles=tuple(sorted(roles)))
    return engine.decide(someone, "policy.change", _TEXT, b"{}").allowed
