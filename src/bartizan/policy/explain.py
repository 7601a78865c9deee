"""``policy explain``: which policies decided, in words, and which others might have."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bartizan.identity import Principal
from bartizan.policy.decide import Policy
from bartizan.policy.model import JSON, Decision, Resource
from bartizan.policy.text import actions


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One policy in words: ``core.budget`` forbids: nothing left of the budget."""

    id: str
    effect: str
    words: str
    decided: bool


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with every policy that covers the action, those that decided first."""

    decision: Decision
    action: str
    policies: tuple[Said, ...]

    def sentence(self) -> str:
        """Return the decision in one sentence."""
        verdict = "allowed" if self.decision.allowed else "denied"
        because = "; ".join(f"{name} ({words})" for name, words in zip(self.decision.reasons, self.decision.words, strict=False))
        return f"{self.action} is {verdict} by {because}"


def explain(policy: Policy, principal: Principal, action: str, resource: Resource, context: Mapping[str, JSON]) -> Explanation:
    """Decide one request and say why."""
    decision = policy.decide(principal, action, resource, context)
    covering = policy.engine.covering(action) if action in actions() else {}
    said = [
        Said(id=name, effect=node.effect, words=node.annotations.get("doc", ""), decided=name in decision.reasons)
        for name, node in covering.items()
    ]
    return Explanation(decision=decision, action=action, policies=tuple(sorted(said, key=lambda each: (not each.decided, each.id))))
