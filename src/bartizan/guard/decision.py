"""From scores to what is done: which category and level they amount to at a tier, and the policy's word on it. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

from bartizan.control import Phase, action_of
from bartizan.errors import ControlError
from bartizan.event import ACTIONS, Action, Origin, Tier
from bartizan.guard.rulebook import shipped_bytes
from bartizan.guard.taxonomy import Level, Taxonomy, row, shipped

_FALLBACK: Final = "exploitation"
"""The category of a misuse score whose topic is unknown: of the cyber categories the one with every level."""
_USERS: Final[frozenset[Origin]] = frozenset({"user", "operator", "model"})


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What the heads say of one text: calibrated probabilities. ``prohibited`` is that of a use no tier may have, at most ``misuse``."""

    injection: float = 0.0
    misuse: float = 0.0
    prohibited: float = 0.0
    topic: str = ""
    """A category of the taxonomy, or empty."""
    origin: Origin = "user"


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What is done and why; ``row`` is the policy row that said so, empty when nothing was seen."""

    action: Action = "allow"
    row: str = ""
    level: Level = "benign"
    score: float = 0.0


class _Injection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: Mapping[Tier, float]
    data: Mapping[Tier, float]


class _Misuse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    low: Mapping[Tier, float]
    high: Mapping[Tier, float]
    prohibited: Mapping[Tier, float]


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which probability on a score counts, by head and tier."""

    version: str
    injection: _Injection
    misuse: _Misuse

    def injected(self, scores: Scores, tier: Tier) -> bool:
        """Say whether the injection score counts; what tools and documents bring is held to its own threshold."""
        table = self.injection.user if scores.origin in _USERS else self.injection.data
        return scores.injection >= table[tier]

    def level(self, scores: Scores, tier: Tier) -> Level:
        """Return the level that the misuse scores amount to."""
        if scores.prohibited >= self.misuse.prohibited[tier]:
            return "prohibited"
        for level in ("high", "low"):
            if scores.misuse >= getattr(self.misuse, level)[tier]:
                return level
        return "benign"


@cache
def thresholds() -> Thresholds:
    """Return the shipped thresholds; raises ControlError when the file is not what it should be."""
    return read_thresholds(shipped_bytes("thresholds.toml"))


def read_thresholds(data: bytes) -> Thresholds:
    """Parse thresholds from TOML bytes; raises ControlError for one that is no probability or lower at a higher tier."""
    try:
        found = msgspec.convert(tomllib.loads(data.decode()), Thresholds)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ControlError(f"reading thresholds: {error}") from error
    for table in (found.injection.user, found.injection.data, found.misuse.low, found.misuse.high, found.misuse.prohibited):
        values = [table.get(tier, -1.0) for tier in Tier]
        if min(values) < 0 or max(values) > 1 or sorted(values) != values:
            raise ControlError("thresholds are probabilities, one for each tier, and never lower at a higher tier")
    return found


def candidates(scores: Scores, tier: Tier, *, limits: Thresholds, taxonomy: Taxonomy) -> list[tuple[str, Level, float]]:
    """Return every policy row that the scores amount to, with level and score."""
    found: list[tuple[str, Level, float]] = []
    injected = limits.injected(scores, tier)
    if injected:
        found.append(("injection", "high", scores.injection))
    level = limits.level(scores, tier)
    if level != "benign":
        category = taxonomy.category(scores.topic) or taxonomy.category(_FALLBACK)
        if category is None:
            raise ControlError(f"the taxonomy has no category {scores.topic or _FALLBACK}")
        at = category.at(level)
        found.append((row(category.id, at), at, scores.prohibited if level == "prohibited" else scores.misuse))
    return found


def decide(
    scores: Scores,
    tier: Tier,
    actions: Mapping[str, Action],
    *,
    limits: Thresholds | None = None,
    taxonomy: Taxonomy | None = None,
    phase: Phase = "input",
) -> Decided:
    """Return what is done about a text at a tier: the strictest of what ``actions`` (policy's for that tier) say. A row it lacks blocks."""
    best = Decided()
    for name, level, score in candidates(scores, tier, limits=limits or thresholds(), taxonomy=taxonomy or shipped()):
        action = action_of(actions, name, phase)
        if not best.row or ACTIONS.index(action) > ACTIONS.index(best.action):
            best = Decided(action=action, row=name, level=level, score=score)
    return best
