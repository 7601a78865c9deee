"""Fit the linear heads: logistic regression over the features that they judge by, then whole numbers of eight bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bartizan.guard.learned.fusion import MISUSE, PROHIBITED
from bartizan.guard.learned.ngrams import COLUMNS
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import Source
from bartizan.guard.training.tasks import targets, weights

_ROUNDS = 40
_STEPS = 127
_STRENGTH: Final[Mapping[str, float]] = {"injection/user": 8.0, "injection/data": 8.0, MISUSE: 2.0, PROHIBITED: 2.0}
"""The inverse of the L2 penalty of each head, by recall on families left out: see docs/benchmarks.md."""


class Linear(NamedTuple):
    """A head's weights: n-grams, dense numbers, bias."""

    grams: NDArray[np.float32]
    dense: NDArray[np.float32]
    bias: float

    def logits(self, features: Any) -> NDArray[np.float32]:  # noqa: ANN401 - scipy has no types
        """Return the head's raw scores of the rows of a feature matrix."""
        return np.asarray(features @ np.concatenate([self.grams, self.dense]) + self.bias, dtype=np.float32)


def fit(head: str, features: Any, rows: Sequence[Row], known: Mapping[str, Source]) -> Linear:  # noqa: ANN401
    """Fit one head to the rows it learns from; deterministic."""
    chosen, labels = targets(head, rows)
    weight = weights(head, [rows[number] for number in chosen.tolist()], known)
    model = LogisticRegression(C=_STRENGTH[head], solver="lbfgs", max_iter=_ROUNDS, tol=1e-3)
    model.fit(features[chosen], labels, sample_weight=weight)
    vector = model.coef_[0].astype(np.float32)
    return Linear(vector[:COLUMNS], vector[COLUMNS:], float(model.intercept_[0]))


def quantised(heads: Mapping[str, Linear]) -> dict[str, NDArray[Any]]:
    """Return the arrays that are shipped: n-gram weights in eight bits with a scale for each head, the rest as it is."""
    scales = {name: max(float(np.abs(head.grams).max()), 1e-9) / _STEPS for name, head in heads.items()}
    return {
        "grams": np.stack([np.rint(head.grams / scales[name]).astype(np.int8) for name, head in heads.items()]),
        "scale": np.array([scales[name] for name in heads], dtype=np.float32),
        "dense": np.stack([head.dense for head in heads.values()]),
        "bias": np.array([head.bias for head in heads.values()], dtype=np.float32),
    }
