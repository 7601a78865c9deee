"""The rules of review as data, and which risk stratum an exchange belongs to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final, Literal, get_args

import msgspec

from bartizan.event import ExchangeCompleted, Tier
from bartizan.identity import Profile

Stratum = Literal["stopped", "flagged", "watched", "elevated", "ordinary"]
"""From what a control stopped down to what nothing noticed. The first two were caught; what is harmful in the others was missed."""

STRATA: Final[tuple[Stratum, ...]] = get_args(Stratum)
CAUGHT: Final[frozenset[Stratum]] = frozenset({"stopped", "flagged"})
_STOPS: Final = frozenset({"redact", "reroute", "hold", "block"})


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``review.toml``."""

    version: str
    floor: int
    double: float
    canaries: float
    minutes_a_day: float
    minutes_at_once: float
    rest_minutes: float
    seconds_an_item: float
    looks: Mapping[Profile, int]
    budget: Mapping[Profile, int]
    assumed: Mapping[Stratum, float]


@cache
def rules() -> Rules:
    """Return the shipped rules."""
    text = resources.files("bartizan.monitor").joinpath("review.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Rules)


def stratum_of(fact: ExchangeCompleted, tier: Tier, *, watched: bool) -> Stratum:
    """Return an exchange's risk stratum. ``watched``: its account has a signal or a measure."""
    if fact.outcome == "blocked" or fact.decision in _STOPS:
        return "stopped"
    if fact.decision == "flag" or any(verdict.would in _STOPS for verdict in fact.verdicts):
        return "flagged"
    if watched:
        return "watched"
    return "elevated" if tier >= Tier.TRUSTED else "ordinary"
