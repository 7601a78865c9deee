"""Figures of a detector from its scores: recall at a false-positive rate, the area under the curve, each with a 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_Z = NormalDist().inv_cdf(0.975)


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share of rows with its Wilson interval."""

    share: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        return f"{self.share:.3f} [{self.low:.3f}, {self.high:.3f}]"


def rate(hits: int, rows: int) -> Rate:
    """Return hits of rows as a share with its 95 % Wilson interval; 0 of 0 is anything."""
    if not rows:
        return Rate(share=0.0, low=0.0, high=1.0, rows=0)
    share, square = hits / rows, _Z * _Z / rows
    middle = (share + square / 2) / (1 + square)
    half = _Z * float(np.sqrt(share * (1 - share) / rows + square / rows / 4)) / (1 + square)
    return Rate(share=share, low=max(middle - half, 0.0), high=min(middle + half, 1.0), rows=rows)


def threshold(negatives: Floats, budget: float) -> float:
    """Return the least threshold that at most this share of the negatives reaches; scores of it and above count."""
    ordered = np.sort(negatives)[::-1]
    allowed = int(np.floor(budget * len(ordered)))
    return float(np.nextafter(ordered[allowed], np.inf)) if allowed < len(ordered) else float("-inf")


def auc(positives: Floats, negatives: Floats) -> float:
    """Return the share of pairs in which the positive scores higher, ties half; 0.5 where there is no pair."""
    if not len(positives) or not len(negatives):
        return 0.5
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left") + np.searchsorted(ordered, positives, side="right")
    return float(below.mean() / 2 / len(ordered))


def auc_interval(positives: Floats, negatives: Floats, *, draws: int = 200, seed: int = 1) -> tuple[float, float]:
    """Return a 95 % bootstrap interval of the area under the curve."""
    if not len(positives) or not len(negatives):
        return 0.0, 1.0
    chance = np.random.default_rng(seed)
    found = [auc(chance.choice(positives, len(positives)), chance.choice(negatives, len(negatives))) for _ in range(draws)]
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def macro(rates: Sequence[float]) -> float:
    """Return the plain mean over sources, so that a large one counts no more than a small one."""
    return float(np.mean(rates)) if len(rates) else 0.0
