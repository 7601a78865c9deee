"""Folds that leave whole families of sources out, and every head's scores of rows whose family it has not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import GENERATED, Source, source_of
from bartizan.guard.training.fit import fit

FOLDS = 3


def families(rows: Sequence[Row], known: Mapping[str, Source]) -> list[str]:
    """Return the family of each row."""
    return [source_of(row.source, dict(known)).family for row in rows]


def fold_of(rows: Sequence[Row], known: Mapping[str, Source], count: int = FOLDS) -> NDArray[np.int64]:
    """Deal families to folds, large ones first, to the fold that has fewest rows of their labels so far; deterministic."""
    names = families(rows, known)
    sizes: dict[str, dict[str, int]] = {}
    for name, row in zip(names, rows, strict=True):
        sizes.setdefault(name, {}).setdefault(row.label, 0)
        sizes[name][row.label] += 1
    filled: list[dict[str, float]] = [{} for _ in range(count)]
    dealt: dict[str, int] = {}
    for name in sorted(sizes, key=lambda name: (-max(sizes[name].values()), hashlib.sha256(name.encode()).hexdigest())):
        costs = [sum(fold.get(label, 0.0) for label in sizes[name]) for fold in filled]
        dealt[name] = costs.index(min(costs))
        for label, size in sizes[name].items():
            filled[dealt[name]][label] = filled[dealt[name]].get(label, 0.0) + float(np.sqrt(size))
    return np.array([dealt[name] for name in names], dtype=np.int64)


def trains(rows: Sequence[Row], known: Mapping[str, Source]) -> NDArray[np.bool_]:
    """Say which rows weights that ship may see."""
    return np.array([source_of(row.source, dict(known)).ships for row in rows], dtype=np.bool_)


def out_of_family(head: str, features: Any, rows: Sequence[Row], known: Mapping[str, Source]) -> NDArray[np.float32]:  # noqa: ANN401
    """Return a head's raw score of every row by a model that saw no row of its family; generated rows train all."""
    folds, may = fold_of(rows, known), trains(rows, known)
    generated = np.array([row.source.startswith(GENERATED) for row in rows])
    scores = np.zeros(len(rows), dtype=np.float32)
    for fold in range(FOLDS):
        inside = np.flatnonzero(may & ((folds != fold) | generated))
        model = fit(head, features[inside], [rows[number] for number in inside], known)
        outside = np.flatnonzero(folds == fold)
        scores[outside] = model.logits(features[outside])
    return scores
