"""Figures for the model card: each head on families that it was not trained on, by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.guard.rowfile import Row
from bartizan.guard.training.calibrate import pool
from bartizan.guard.training.corpus import GENERATED
from bartizan.guard.training.measure import auc, auc_interval, macro, rate, threshold
from bartizan.guard.training.tasks import DATA, target

_FEWEST: Final = 20


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Recall of one source's positives at the two rates, with 95 % intervals, and the area against all negatives."""

    rows: int
    at_1_percent: float
    interval: tuple[float, float]
    at_01_percent: float
    auc: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A head on unseen families. Thresholds are those that these negatives give, not the shipped ones."""

    negatives: int
    positives: Mapping[str, Found]
    false_positives: Mapping[str, float]
    """By benign source, at the threshold of 1 % over all."""
    pairs: float
    """Area under the curve of attackers against defenders on the same techniques; 0 where there are none."""
    pairs_interval: tuple[float, float] = (0.0, 1.0)
    histogram: tuple[int, ...] = ()
    """Negatives by tenths of probability, the reference of the drift report."""

    def summary(self) -> str:
        """Return the means over sources in a line."""
        some = [found for found in self.positives.values() if found.rows >= _FEWEST]
        means = [macro([getattr(found, name) for found in some]) for name in ("at_1_percent", "at_01_percent", "auc")]
        return "TPR@1% {:.3f} TPR@0.1% {:.3f} AUC {:.3f}".format(*means) + f" pairs {self.pairs:.3f} of {len(some)} sources"


def figures(head: str, probabilities: NDArray[np.float64], rows: Sequence[Row]) -> Figures:
    """Measure a head on out-of-family scores; generated rows are not counted."""
    negatives = probabilities[pool(head, rows)]
    one, tenth = threshold(negatives, 0.01), threshold(negatives, 0.001)
    sources = np.array([row.source for row in rows])
    labels = np.array([-1 if row.source.startswith(GENERATED) or (value := target(head, row)) is None else value for row in rows])
    if head == "injection/data" and any(row.origin in DATA for row in rows):
        labels[(labels == 0) & np.array([row.origin not in DATA for row in rows])] = -1
        negatives = probabilities[labels == 0]
        one, tenth = threshold(negatives, 0.01), threshold(negatives, 0.001)
    positives = {}
    for source in sorted(set(sources[labels == 1])):
        scores = probabilities[(labels == 1) & (sources == source)]
        hit = rate(int((scores >= one).sum()), len(scores))
        positives[str(source)] = Found(
            rows=len(scores),
            at_1_percent=round(hit.share, 3),
            interval=(round(hit.low, 3), round(hit.high, 3)),
            at_01_percent=round(float((scores >= tenth).mean()), 3),
            auc=round(auc(scores, negatives), 3),
        )
    wrong = {
        str(name): round(float((probabilities[(labels == 0) & (sources == name)] >= one).mean()), 4)
        for name in sorted(set(sources[labels == 0]))
    }
    paired = np.array([name.endswith("paired-templates") or name == "authored-contrastive" for name in sources])
    attack, defence = probabilities[paired & (labels == 1)], probabilities[paired & (labels == 0)]
    has = len(attack) > _FEWEST and len(defence) > _FEWEST
    return Figures(
        negatives=len(negatives),
        positives=positives,
        false_positives=wrong,
        pairs=round(auc(attack, defence), 3) if has else 0.0,
        pairs_interval=auc_interval(attack, defence) if has else (0.0, 1.0),
        histogram=tuple(int(count) for count in np.histogram(negatives, bins=10, range=(0, 1))[0]),
    )
