"""From raw scores to probabilities, and from budgets of false positives to thresholds; all on scores of families not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bartizan.guard.learned.weights import Line
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import Source
from bartizan.guard.training.measure import threshold
from bartizan.guard.training.tasks import DATA, target, weights

BUDGETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
_POOL: Final = 400
"""Negatives of one source in the pool that thresholds are set on."""
_CAREFUL: Final = 0.7
"""Thresholds are set for this part of a budget: unseen traffic is a little worse than unseen sources of ours."""

_PROMPTS: Final = frozenset({"thebigpromptlibrary"})
"""Documents that are prompts: instructions for a model by their nature, no measure of what documents are like."""

Raw = NDArray[np.float32]


def line(name: str, raw: Raw, rows: Sequence[Row], known: Mapping[str, Source]) -> Line:
    """Fit the straight line that makes raw scores probabilities, for as many positives as negatives."""
    chosen = np.array([number for number, row in enumerate(rows) if target(name, row) is not None])
    labels = np.array([target(name, rows[number]) for number in chosen])
    weight = weights(name, [rows[number] for number in chosen], known)
    model = LogisticRegression(C=1e3).fit(raw[chosen, None], labels, sample_weight=weight)
    return Line(slope=round(float(model.coef_[0, 0]), 5), offset=round(float(model.intercept_[0]), 5))


def probable(raw: Raw, by: Line) -> NDArray[np.float64]:
    """Return raw scores as probabilities."""
    return 1 / (1 + np.exp(-(by.slope * raw.astype(np.float64) + by.offset)))


def pool(name: str, rows: Sequence[Row]) -> NDArray[np.int64]:
    """Return negatives that no part of the model was told of, with no source above its share."""
    chance = np.random.default_rng(1)
    kinds: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if target(name, row) == 0 and not row.source.startswith("generated") and (name != "injection/data" or _is_data(row)):
            kinds[row.source].append(number)
    return np.concatenate([chance.permutation(kinds[kind])[:_POOL] for kind in sorted(kinds)])


def _is_data(row: Row) -> bool:
    return row.origin in DATA and row.source not in _PROMPTS


def thresholds(name: str, probabilities: NDArray[np.float64], rows: Sequence[Row]) -> dict[str, float]:
    """Return for each budget the least probability that counts."""
    negatives = probabilities[pool(name, rows)]
    return {f"{budget:g}": round(threshold(negatives, budget * _CAREFUL), 6) for budget in BUDGETS}


def band(name: str, probabilities: NDArray[np.float64], rows: Sequence[Row], *, asked: float = 0.15) -> tuple[float, float]:
    """Return between which probabilities the encoder is asked: the top share of benign traffic, up to where there is no doubt."""
    negatives = probabilities[pool(name, rows)]
    return round(float(np.quantile(negatives, 1 - asked)), 6), round(threshold(negatives, 0.0003), 6)
