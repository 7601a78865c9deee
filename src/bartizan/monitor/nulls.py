"""What harmless traffic looks like, as tables: how rare a score is on a topic, and how rare an accumulator's value is.

Everything a threshold rests on stands in one data file with its provenance; ``bartizan monitor calibrate`` writes it.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import Final

import msgspec

_MOST: Final = 60.0
"""Largest -log10 probability that is told apart."""
_LEAST: Final = 1e-60


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """Share of harmless values at or above ``at``, for increasing values; beyond the last it falls by ``decay`` (natural log) a unit."""

    at: tuple[float, ...]
    share: tuple[float, ...]
    decay: float

    def above(self, value: float) -> float:
        """Return the share of harmless values at or above one; 1 below the table, never 0."""
        at, share = self.at, self.share
        if not at or value <= at[0]:
            return 1.0 if not at else max(share[0], 1.0 if value < at[0] else share[0])
        if value >= at[-1]:
            return max(share[-1] * math.exp(-self.decay * (value - at[-1])), _LEAST)
        place = bisect.bisect_right(at, value) - 1
        width = at[place + 1] - at[place]
        part = (value - at[place]) / width if width > 0 else 0.0
        return math.exp(math.log(share[place]) * (1 - part) + math.log(share[place + 1]) * part)


def tail_of(values: Sequence[float], *, points: int = 40, least: int = 5) -> Tail:
    """Return the tail of harmless values: ``points`` steps in log share down to ``least`` values, and an exponential beyond.

    The exponential is fitted to the largest one percent (at least 20 values), by their mean excess.
    """
    ordered = sorted(value for value in values if math.isfinite(value))
    count = len(ordered)
    if count < 20:
        return Tail(at=(), share=(), decay=1.0)
    shares = [math.exp(math.log(0.9) + (math.log(least / count) - math.log(0.9)) * step / (points - 1)) for step in range(points)]
    table: dict[float, float] = {}
    for share in shares:
        table[ordered[min(count - 1, int(count * (1 - share)))]] = share
    at = tuple(sorted(table))
    extreme = ordered[-max(20, count // 100) :]
    excess = sum(extreme) / len(extreme) - extreme[0]
    return Tail(at=at, share=tuple(table[value] for value in at), decay=1.0 / max(excess, 1e-3))


def rarity(share: float) -> float:
    """Return -log10 of a probability, 0 at most 60."""
    return min(_MOST, -math.log10(max(share, _LEAST)))


def at_least(count: int, expected: float) -> float:
    """Return the probability of ``count`` or more events where ``expected`` are (Poisson)."""
    if count <= 0:
        return 1.0
    if expected <= 0:
        return _LEAST
    if expected > 30:
        # Beyond it, the normal limit with a continuity correction is exact enough for an alarm, and safe from underflow.
        return 0.5 * math.erfc((count - 0.5 - expected) / math.sqrt(2 * expected))
    term = math.exp(-expected + count * math.log(expected) - math.lgamma(count + 1))
    total, step = term, count
    while term > total * 1e-12 and step < count + 200:
        step += 1
        term *= expected / step
        total += term
    return min(1.0, total)
