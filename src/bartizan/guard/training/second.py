"""The second stage: vectors of the rows, and heads over vector and linear scores, folded like the first stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bartizan.guard.learned.encoder import Encoder
from bartizan.guard.learned.features import readings
from bartizan.guard.learned.fusion import FUSED, fused
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import GENERATED, Source
from bartizan.guard.training.folds import FOLDS, fold_of, trains
from bartizan.guard.training.tasks import targets, weights

_STRENGTH: Final = 0.05
Vectors = NDArray[np.float32]


def vectors(encoder: Encoder, rows: Sequence[Row]) -> Vectors:
    """Return the sentence vector of each row's most readable reading."""
    return encoder.embed([readings(row.text)[:2][-1] if len(row.text) < 4000 else row.text for row in rows])


def inputs(found: Vectors, raw: Mapping[str, NDArray[np.float32]]) -> Vectors:
    """Return what the second stage weighs, a row for each text."""
    return fused(found, np.stack([raw[name] for name in FUSED], axis=1))


def fit(head: str, values: Vectors, rows: Sequence[Row], known: Mapping[str, Source]) -> LogisticRegression:
    """Fit a head of the second stage to the rows it learns from."""
    chosen, labels = targets(head, rows)
    weight = weights(head, [rows[number] for number in chosen], known)
    return LogisticRegression(C=_STRENGTH, max_iter=200).fit(values[chosen], labels, sample_weight=weight)


def out_of_family(head: str, values: Vectors, rows: Sequence[Row], known: Mapping[str, Source]) -> NDArray[np.float32]:
    """Return the head's raw score of each row by a model that saw no row of its family."""
    folds, may = fold_of(rows, known), trains(rows, known)
    generated = np.array([row.source.startswith(GENERATED) for row in rows])
    raw = np.zeros(len(rows), dtype=np.float32)
    for fold in range(FOLDS):
        inside = np.flatnonzero(may & ((folds != fold) | generated))
        model = fit(head, values[inside], [rows[number] for number in inside], known)
        outside = np.flatnonzero(folds == fold)
        raw[outside] = model.decision_function(values[outside])
    return raw
