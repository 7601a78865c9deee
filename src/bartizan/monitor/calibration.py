"""The operating point as data: what harmless accounts and conversations look like, and the thresholds that keep a budget.

``calibrate`` makes it from labelled material in the form that ``score`` reads; only harmless rows set thresholds. A budget is a share
of harmless accounts a month (or of harmless conversations), by tier.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.errors import ConfigError, ControlError
from bartizan.event import Tier
from bartizan.monitor.account import ACCUMULATORS, EventModel, Reading
from bartizan.monitor.nulls import Tail, tail_of

FILE: Final = Path(__file__).parent / "data" / "calibration.json"

BUDGETS: Final[Mapping[Tier, float]] = {Tier.PUBLIC: 0.01, Tier.VERIFIED: 0.01, Tier.TRUSTED: 0.005, Tier.RESTRICTED: 0.005}
"""Share of harmless accounts that may be flagged in a month, by tier."""

SHARES: Final[Mapping[str, float]] = {"maximum": 0.5, "order": 0.25, "mixture": 0.1, "cusum": 0.1, "risk": 0.05}
"""How the alert budget is split between accumulators; chosen on development streams, they sum to 1."""

SUPPORT: Final = 0.6
"""How much of its networks' other evidence counts for an account that has some of its own."""

_STEADY: Final = 0.6
"""Quantile of all accounts' scores that moves with a change of traffic but hardly with a few abusers."""


class TalkModel(msgspec.Struct, frozen=True, kw_only=True):
    """How a conversation's numbers are weighed, and where it is flagged."""

    weights: dict[str, float]
    bias: float
    threshold: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a threshold rests on."""

    version: str
    heads: str
    """Version of the heads whose scores it is about; another version needs another calibration."""
    events: EventModel
    tails: dict[str, Tail]
    shares: dict[str, float]
    accounts: dict[str, float]
    """Threshold of an account's score by tier."""
    steady: float
    """Where harmless accounts' scores have their quantile of 0.6."""
    campaigns: float
    talk: TalkModel
    provenance: dict[str, Any]


def load(path: Path = FILE) -> Calibration:
    """Read a calibration; raises ControlError when it is missing or not one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Calibration)
    except (OSError, msgspec.MsgspecError) as error:
        raise ControlError(
            f"reading the monitor's calibration {path}: {error}", hint="reinstall, or run bartizan monitor calibrate"
        ) from error


def event_model(general: Sequence[float], sensitive: Sequence[float]) -> EventModel:
    """Return the model of harmless events from their scores by topic."""
    if min(len(general), len(sensitive)) < 200:
        raise ConfigError(
            f"cannot calibrate on {len(general)} general and {len(sensitive)} sensitive harmless exchanges", hint="200 of each are needed"
        )
    tails = [steep(tail_of(values, points=60, least=2)) for values in (general, sensitive)]
    centre = tuple(sorted(values)[int(len(values) * 0.97)] for values in (general, sensitive))
    return EventModel(general=tails[0], sensitive=tails[1], slope=1.5, centre=(centre[0], centre[1]))


def steep(tail: Tail) -> Tail:
    """Have a tail fall at least as fast as log-odds do: a score of one more is e times rarer among harmless ones."""
    return msgspec.structs.replace(tail, decay=min(max(tail.decay, 1.0), 3.0))


def tails_of(readings: Sequence[Reading]) -> dict[str, Tail]:
    """Return the tail of each accumulator's raw values over harmless accounts."""
    return {name: tail_of([reading.rarities[name] for reading in readings], least=2) for name in ACCUMULATORS}


def threshold(scores: Sequence[float], budget: float) -> float:
    """Return the smallest threshold that at most a share ``budget`` of harmless scores exceeds."""
    ordered = sorted(scores, reverse=True)
    place = int(len(ordered) * budget)
    return ordered[place] if ordered else float("inf")


def steady_of(scores: Sequence[float]) -> float:
    """Return the quantile of scores by which two populations are held against one another."""
    ordered = sorted(scores)
    return ordered[int(len(ordered) * _STEADY)] if ordered else 0.0


def shifted(population: Sequence[float], calibration: Calibration) -> float:
    """Return by how much to multiply scores so that this population's bulk lies where the calibration's did.

    The bulk is harmless wherever fewer than a third of accounts abuse. Half of the shift is made up for, within 0.7 to 1.15, so a
    population that is large in abusers cannot hide them, and a small one (under 200) changes nothing.
    """
    if len(population) < 200 or calibration.steady <= 0:
        return 1.0
    here = steady_of(population)
    ratio = calibration.steady / here if here > 0 else 1.15
    return statistics.mean((1.0, min(1.3, max(0.4, ratio))))


def digest(*paths: Path) -> dict[str, str]:
    """Return the SHA-256 of files by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
