"""Fit the linear heads: logistic regression over the features that they judge by, then whole numbers of eight bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from bartizan.guard.learned.fusion import MISUSE, PROHIBITED
from bartizan.guard.learned.ngrams import COLUMNS
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import Source
from bartizan.guard.training.tasks import targets, weights

_ROUNDS = 40
_STEPS = 127
_STRENGTH = 8.0
"""The inverse of the L2 penalty. On families left out 8 is better than 2, and 2 than 0.3, for both kinds of head."""
_BY_RATIO = frozenset({MISUSE, PROHIBITED})
"""Heads whose columns are weighed by their ratio first; for injection that gains nothing on families left out."""
_SMOOTH, _LEAST, _MOST = 2e-3, 0.25, 3.0


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
    values = features[chosen]
    trust = ratio(values, labels, weight) if head in _BY_RATIO else np.ones(values.shape[1], dtype=np.float32)
    model = LogisticRegression(C=_STRENGTH, solver="lbfgs", max_iter=_ROUNDS, tol=1e-3)
    model.fit((values @ sparse.diags(trust)).tocsr(), labels, sample_weight=weight)
    vector = (model.coef_[0] * trust).astype(np.float32)
    return Linear(vector[:COLUMNS], vector[COLUMNS:], float(model.intercept_[0]))


def ratio(values: Any, labels: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float32]:  # noqa: ANN401
    """Return how far each column is trusted: how much more often one class has it than the other, as naive Bayes counts.

    A column that is trusted half as much is penalised four times as hard.
    """
    present = values.astype(bool).astype(np.float32)
    shares = [np.asarray(present[labels == value].T @ weight[labels == value]).ravel() / weight[labels == value].sum() for value in (1, 0)]
    found = np.abs(np.log((shares[0] + _SMOOTH) / (shares[1] + _SMOOTH)))
    return np.asarray(_LEAST + np.minimum(found, _MOST) / 2, dtype=np.float32)


def quantised(heads: Mapping[str, Linear]) -> dict[str, NDArray[Any]]:
    """Return the arrays that are shipped: n-gram weights in eight bits with a scale for each head, the rest as it is."""
    scales = {name: max(float(np.abs(head.grams).max()), 1e-9) / _STEPS for name, head in heads.items()}
    return {
        "grams": np.stack([np.rint(head.grams / scales[name]).astype(np.int8) for name, head in heads.items()]),
        "scale": np.array([scales[name] for name in heads], dtype=np.float32),
        "dense": np.stack([head.dense for head in heads.values()]),
        "bias": np.array([head.bias for head in heads.values()], dtype=np.float32),
    }
