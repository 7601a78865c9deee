"""From scores to what is done: which category and level they amount to at a tier, and the policy's word on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from bartizan.control import Phase, action_of
from bartizan.errors import ControlError
from bartizan.event import ACTIONS, Action, Origin, Tier
from bartizan.guard.taxonomy import Level, Taxonomy, row, shipped

_FALLBACK: Final = "exploitation"
"""The category of a misuse score whose topic is unknown: of the cyber categories the one with every level."""
_USERS: Final[frozenset[Origin]] = frozenset({"user", "operator", "model"})


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What the heads say of one text: calibrated probabilities. ``prohibited`` is that of a use no tier may have."""

    injection: float = 0.0
    misuse: float = 0.0
    prohibited: float = 0.0
    topic: str = ""
    """A category of the taxonomy, or empty."""
    origin: Origin = "user"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """From which probability on a score counts, by head and tier; never lower at a higher tier (raises ControlError)."""

    injection_user: Mapping[Tier, float]
    injection_data: Mapping[Tier, float]
    low: Mapping[Tier, float]
    high: Mapping[Tier, float]
    prohibited: Mapping[Tier, float]

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            values = [getattr(self, name)[tier] for tier in Tier]
            if min(values) < 0 or sorted(values) != values:
                raise ControlError(f"the thresholds {name} are negative, or lower at a higher tier: {values}")

    def injected(self, scores: Scores, tier: Tier) -> bool:
        """Say whether the injection score counts; what tools and documents bring is held to its own threshold."""
        table = self.injection_user if scores.origin in _USERS else self.injection_data
        return scores.injection >= table[tier]

    def level(self, scores: Scores, tier: Tier) -> Level:
        """Return the level that the misuse scores amount to."""
        if scores.prohibited >= self.prohibited[tier]:
            return "prohibited"
        if scores.misuse >= self.high[tier]:
            return "high"
        return "low" if scores.misuse >= self.low[tier] else "benign"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A policy row that scores amount to, with the level and the score behind it."""

    row: str
    level: Level
    score: float


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What is done and why; ``row`` is the policy row that said so, empty when nothing was seen."""

    action: Action = "allow"
    row: str = ""
    level: Level = "benign"
    score: float = 0.0


def misused(scores: Scores, tier: Tier, *, limits: Limits, taxonomy: Taxonomy) -> Seen | None:
    """Return the row that the misuse scores amount to, None for none."""
    level = limits.level(scores, tier)
    if level == "benign":
        return None
    category = taxonomy.category(scores.topic) or taxonomy.category(_FALLBACK)
    if category is None:
        raise ControlError(f"the taxonomy has no category {scores.topic or _FALLBACK}")
    at = category.at(level)
    return Seen(row=row(category.id, at), level=at, score=scores.prohibited if level == "prohibited" else scores.misuse)


def decide(
    scores: Scores,
    tier: Tier,
    actions: Mapping[str, Action],
    *,
    limits: Limits,
    taxonomy: Taxonomy | None = None,
    phase: Phase = "input",
) -> Decided:
    """Return what is done about a text at a tier: the strictest of what ``actions`` (policy's for that tier) say. A row it lacks blocks."""
    seen = [Seen(row="injection", level="high", score=scores.injection)] if limits.injected(scores, tier) else []
    if (misuse := misused(scores, tier, limits=limits, taxonomy=taxonomy or shipped())) is not None:
        seen.append(misuse)
    best = Decided()
    for each in seen:
        action = action_of(actions, each.row, phase)
        if not best.row or ACTIONS.index(action) > ACTIONS.index(best.action):
            best = Decided(action=action, row=each.row, level=each.level, score=each.score)
    return best
