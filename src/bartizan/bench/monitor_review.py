"""``bartizan bench monitor --review``: a thousand simulated months of review, with reviewers who miss and imagine things.

A month is a million exchanges in four risk strata; the truth is drawn anew each month, the assumed shares are wrong by a random
factor of up to three, reviewers miss 5 to 12 % a look and call 1 to 3 % of the benign ones harmful, and their rates are known
from canaries alone. The same looks and reviewers without strata are the comparison.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from typing import Final

import msgspec

from bartizan.monitor.estimate import Cell, Estimate, Rates, estimate
from bartizan.monitor.sampling import allocate

_SIZES: Final = {"ordinary": 900_000, "elevated": 90_000, "watched": 9_000, "flagged": 1_000}
_SHARES: Final = {"ordinary": 0.00005, "elevated": 0.001, "watched": 0.02, "flagged": 0.4}
_BUDGET: Final = 2_000
_CANARIES: Final = 100
_LOOKS: Final = 3
_REVIEWERS: Final = ((0.95, 0.01), (0.92, 0.02), (0.88, 0.03))


class World(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of month: the true share in the quietest stratum against the one that the plan starts from."""

    name: str
    ordinary: float


_WORLDS: Final = (
    World(name="plan right to within a factor of three", ordinary=0.00005),
    World(name="plan ten times too trusting of ordinary traffic", ordinary=0.0005),
)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``coverage``: share of months whose 95 % interval held the truth. Errors are root mean squares over all months."""

    world: str
    months: int
    exchanges: int
    items: int
    canaries_of_each_kind: int
    true_harmful_mean: float
    coverage: float
    missed_below: float
    missed_above: float
    interval_width_median: float
    bias: float
    error_stratified: float
    error_uniform: float
    error_ratio: float


def run(*, months: int = 1000, seed: int = 1, budget: int = _BUDGET) -> list[Report]:
    """Simulate both worlds; a month costs some 70 ms of CPU."""
    return [_world(world, months=months, seed=seed, budget=budget) for world in _WORLDS]


def _world(world: World, *, months: int, seed: int, budget: int) -> Report:
    chance = random.Random(seed)
    held = below = above = 0
    errors: list[float] = []
    uniform: list[float] = []
    widths: list[float] = []
    truths: list[int] = []
    for month in range(months):
        true = {**_SHARES, "ordinary": world.ordinary}
        harmful = {name: _binomial(chance, size, true[name]) for name, size in _SIZES.items()}
        truth = sum(harmful.values())
        assumed = {name: min(0.6, share * 3.0 ** chance.uniform(-1, 1)) for name, share in _SHARES.items()}
        drawn = allocate(_SIZES, assumed, budget=budget, floor=100)
        rates = _rates(chance)
        found = estimate(
            [_cell(chance, _SIZES[name], harmful[name], drawn[name], assumed[name]) for name in _SIZES], rates, looks=_LOOKS, seed=month
        )
        plain = estimate([_cell(chance, sum(_SIZES.values()), truth, budget, 0.0007)], rates, looks=_LOOKS, seed=month, draws=1)
        truths.append(truth)
        errors.append(found.total - truth)
        uniform.append(plain.total - truth)
        widths.append(found.high - found.low)
        held += found.low <= truth <= found.high
        below += truth < found.low
        above += truth > found.high
    return Report(
        world=world.name,
        months=months,
        exchanges=sum(_SIZES.values()),
        items=budget,
        canaries_of_each_kind=_CANARIES,
        true_harmful_mean=statistics.mean(truths),
        coverage=held / months,
        missed_below=below / months,
        missed_above=above / months,
        interval_width_median=statistics.median(widths),
        bias=statistics.mean(errors),
        error_stratified=_root(errors),
        error_uniform=_root(uniform),
        error_ratio=_root(errors) / _root(uniform),
    )


def _root(errors: Sequence[float]) -> float:
    return math.sqrt(statistics.mean(error * error for error in errors))


def _cell(chance: random.Random, size: int, harmful: int, drawn: int, assumed: float) -> Cell:
    """Draw without replacement and have every item looked at until somebody says benign."""
    bad = sum(1 for taken in _places(chance, size, drawn) if taken < harmful)
    said = sum(_said(chance, harmful=True) for _ in range(bad)) + sum(_said(chance, harmful=False) for _ in range(drawn - bad))
    return Cell(size=size, settled=drawn, harmful=said, assumed=assumed)


def _places(chance: random.Random, size: int, drawn: int) -> list[int]:
    return chance.sample(range(size), drawn)


def _said(chance: random.Random, *, harmful: bool) -> bool:
    order = chance.sample(_REVIEWERS, _LOOKS)
    return all(chance.random() < (caught if harmful else imagined) for caught, imagined in order)


def _rates(chance: random.Random) -> Rates:
    caught = sum(chance.random() < chance.choice(_REVIEWERS)[0] for _ in range(_CANARIES))
    imagined = sum(chance.random() < chance.choice(_REVIEWERS)[1] for _ in range(_CANARIES))
    return Rates(caught=caught, bad=_CANARIES, imagined=imagined, good=_CANARIES)


def _binomial(chance: random.Random, n: int, share: float) -> int:
    """Draw a binomial count: exactly where n is small, by counting the gaps between hits."""
    hits, place = 0, -1
    scale = math.log1p(-share)
    while True:
        place += int(math.log(1.0 - chance.random()) / scale) + 1
        if place >= n:
            return hits
        hits += 1


__all__ = ["Estimate", "Report", "run"]
