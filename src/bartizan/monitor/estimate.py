"""What was missed, out of what was drawn: Horvitz-Thompson totals, corrected for what reviewers miss and imagine, with an interval.

The point is Horvitz and Thompson's (1952), unbiased under the draw. Its own normal interval fails where a stratum of a million yields
none or one: it has no width there. A distribution-free one is so wide that it says nothing. So the interval is read off a posterior
whose prior for a stratum's share is centred at the share that the plan assumed, with a heavy tail (a beta prime distribution with
shapes 0.5 and 1): where the labels contradict the plan they win, where they are silent the plan is believed to within an order of
magnitude. What a look misses and imagines is known from canaries and drawn along. Coverage, also under wrong plans, is measured by
``bartizan bench monitor --review``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

import msgspec

_DRAWS: Final = 2000
_SEED: Final = 20261122
_OUTER: Final = 40
_BELOW: Final = 0.12
_ABOVE: Final = 0.007
"""How much of the posterior lies outside: little above, since that is where harm hides. Set so that 95 % of the intervals hold the truth
(bench/monitor_review.py), with the plan right to within a factor of three as well as ten times too trusting."""
_GRID: Final = tuple(10.0 ** (-7.5 + 7.49 * step / 240) for step in range(241))


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One stratum of one plan: its size, how many were settled, how many of those as harmful."""

    size: int
    settled: int
    harmful: int
    assumed: float = 0.01
    """The share of harm that the plan assumed."""

    @property
    def weight(self) -> float:
        """How many exchanges one settled item stands for."""
        return self.size / self.settled if self.settled else 0.0


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a canary: how often the harmful ones were called harmful, and how often the benign ones were."""

    caught: int
    bad: int
    imagined: int
    good: int


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Harmful exchanges in all of ``size``: best guess and 95 % interval; ``rate`` and its bounds are the same as shares."""

    size: int
    settled: int
    harmful: int
    total: float
    low: float
    high: float
    rate: float
    rate_low: float
    rate_high: float


def estimate(cells: Sequence[Cell], rates: Rates, *, looks: int, seed: int = _SEED, draws: int = _DRAWS) -> Estimate:
    """Estimate how many harmful exchanges there are in all of some strata together.

    ``looks`` is how many people in a row have to say harmful, so that a rate per look counts to that power; their errors are taken to
    be independent given the item. Strata of which nothing was settled count as the worst that is possible for the upper bound.
    """
    seen = [cell for cell in cells if cell.settled]
    blind = sum(cell.size for cell in cells if not cell.settled)
    size = sum(cell.size for cell in cells)
    settled, harmful = sum(cell.settled for cell in seen), sum(cell.harmful for cell in seen)
    weighted = sum(cell.weight * cell.harmful for cell in seen)
    covered = sum(cell.size for cell in seen)
    caught = _share(rates.caught, rates.bad) ** looks
    imagined = _share(rates.imagined, rates.good) ** looks
    total = min(max((weighted - imagined * covered) / max(caught - imagined, 1e-9), 0.0), float(covered))
    chance = random.Random(seed)  # noqa: S311 - a simulation, and one that must come out the same each time
    found = sorted(_posterior(chance, seen, rates, looks, draws)) if covered else []
    low, high = (found[int(_BELOW * len(found))], found[int((1 - _ABOVE) * len(found))]) if found else (0.0, 0.0)
    high += blind
    return Estimate(
        size=size,
        settled=settled,
        harmful=harmful,
        total=total,
        low=min(low, total),
        high=max(high, total),
        rate=total / size if size else 0.0,
        rate_low=min(low, total) / size if size else 0.0,
        rate_high=max(high, total) / size if size else 1.0,
    )


def _posterior(chance: random.Random, cells: Sequence[Cell], rates: Rates, looks: int, draws: int) -> list[float]:
    """Draw totals: for each pair of reviewers' rates some draws of every stratum's share."""
    totals: list[float] = []
    inner = max(1, draws // _OUTER)
    for _ in range(min(_OUTER, draws)):
        caught = _beta(chance, rates.caught, rates.bad) ** looks
        imagined = min(_beta(chance, rates.imagined, rates.good) ** looks, 0.9 * caught)
        shares = [_shares(chance, cell, caught, imagined, inner) for cell in cells]
        totals += [sum(cell.size * share[number] for cell, share in zip(cells, shares, strict=True)) for number in range(inner)]
    return totals


def _shares(chance: random.Random, cell: Cell, caught: float, imagined: float, n: int) -> list[float]:
    """Draw a stratum's share of harm given what was settled, on a grid of its logarithm."""
    hits, misses, middle = cell.harmful, cell.settled - cell.harmful, min(max(cell.assumed, 1e-6), 0.5)
    logs = []
    for share in _GRID:
        said = imagined + (caught - imagined) * share
        ratio = share / middle
        # The grid is even in the logarithm, which adds one power of the share.
        logs.append(hits * math.log(said) + misses * math.log1p(-said) + 0.5 * math.log(ratio) - 1.5 * math.log1p(ratio))
    most = max(logs)
    return chance.choices(_GRID, weights=[math.exp(each - most) for each in logs], k=n)


def _beta(chance: random.Random, hits: int, of: int) -> float:
    return chance.betavariate(hits + 0.5, of - hits + 0.5)


def _share(hits: int, of: int) -> float:
    """Return a share, drawn a little to the middle so that no canary and few canaries prove nothing."""
    return (hits + 0.5) / (of + 1)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (E. B. Wilson, 1927); everything for none tried."""
    if not of:
        return 0.0, 1.0
    z = 1.959963984540054
    middle = (hits + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * math.sqrt(hits * (of - hits) / of + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Cohen's kappa over items that two people labelled blind, with its 95 % interval; 0 to 0 items for none."""

    items: int
    agreed: int
    kappa: float
    low: float
    high: float


def kappa(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Return Cohen's kappa with the large-sample interval of Fleiss, Cohen and Everitt (1969)."""
    n = len(pairs)
    if not n:
        return Agreement(items=0, agreed=0, kappa=0.0, low=-1.0, high=1.0)
    labels = sorted({label for pair in pairs for label in pair})
    first = {label: sum(pair[0] == label for pair in pairs) / n for label in labels}
    second = {label: sum(pair[1] == label for pair in pairs) / n for label in labels}
    agreed = sum(one == other for one, other in pairs)
    observed = agreed / n
    expected = sum(first[label] * second[label] for label in labels)
    if expected >= 1.0:
        return Agreement(items=n, agreed=agreed, kappa=1.0, low=-1.0, high=1.0)
    value = (observed - expected) / (1 - expected)
    cell = {(one, other): sum(pair == (one, other) for pair in pairs) / n for one in labels for other in labels}
    alike = sum(cell[label, label] * (1 - (first[label] + second[label]) * (1 - value)) ** 2 for label in labels)
    apart = (1 - value) ** 2 * sum(
        cell[one, other] * (second[one] + first[other]) ** 2 for one in labels for other in labels if one != other
    )
    rest = (value - expected * (1 - value)) ** 2
    error = math.sqrt(max(alike + apart - rest, 0.0) / n) / (1 - expected)
    return Agreement(items=n, agreed=agreed, kappa=value, low=max(-1.0, value - 1.96 * error), high=min(1.0, value + 1.96 * error))
