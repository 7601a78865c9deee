"""What a tier does about scores, by the budgets of false positives that come with the weights."""

from __future__ import annotations

from bartizan.event import Action, Origin, Tier, strictest
from bartizan.guard.learned.heads import Heads, Scores


def decisions(heads: Heads, scores: Scores, *, origin: Origin) -> dict[str, Action]:
    """Return for each tier what scores lead to: a block where a head reaches the threshold of the tier's budget."""
    return {tier.value: strictest(*(_one(heads, scores, head, tier, origin) for head in ("injection", "misuse"))) for tier in Tier}


def _one(heads: Heads, scores: Scores, head: str, tier: Tier, origin: Origin) -> Action:
    name = head if head == "misuse" else "injection/user"
    budget = heads.weights.manifest.budgets[name][tier.value]
    value = scores.injection if head == "injection" else scores.misuse
    return "block" if value >= heads.threshold(head, origin, budget) else "allow"
