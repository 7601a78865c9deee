"""Measure a detector on labelled rows, source by source: what ``bartizan guard eval`` and ``bartizan bench guard`` print."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.guard.rowfile import Row
from bartizan.guard.training.measure import auc, auc_interval, rate, threshold

_LABEL: Final[Mapping[str, str]] = {"injection": "injection", "misuse": "cyber_misuse"}
_FEWEST: Final = 20
_ONE, _TENTH = 0.01, 0.001
Scorer = Callable[[Row], Mapping[str, float]]
"""A row's score by head; a head that a detector does not have is left out."""


class BySource(msgspec.Struct, frozen=True, kw_only=True):
    """A head on one source. ``hit`` is recall on positives, false alarms on benign rows, at thresholds that the benign pool gives."""

    head: str
    source: str
    kind: str
    rows: int
    hit_1: str
    """At 1 % of the pool, with its 95 % Wilson interval."""
    hit_01: float
    """At 0.1 % of the pool."""
    auc: str
    shipped: float
    """At the shipped threshold of tier ``public``; -1 for a detector that ships none."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector did on rows."""

    detector: str
    benign: int
    means: Mapping[str, str]
    """By head: mean recall at 1 % and 0.1 % and mean area over sources of at least 20 positives."""
    cpu_ms_p50: float
    cpu_ms_mean: float
    sources: tuple[BySource, ...]


def sample(rows: Sequence[Row], most: int, *, seed: int = 3) -> list[Row]:
    """Return at most so many rows of each source, label and origin; deterministic."""
    kinds: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        kinds.setdefault((row.source, row.label, row.origin), []).append(row)
    chance = Random(seed)  # noqa: S311 - a sample, not a secret
    return [row for _, kind in sorted(kinds.items()) for row in (kind if len(kind) <= most else chance.sample(kind, most))]


def evaluate(name: str, scorer: Scorer, rows: Sequence[Row], *, limits: Mapping[str, float] | None = None) -> Evaluation:
    """Score every row once and say what came of it; ``limits`` are the shipped thresholds by head."""
    scores: dict[str, list[float]] = {}
    spent: list[float] = []
    for row in rows:
        begun = time.process_time()
        found = scorer(row)
        spent.append(time.process_time() - begun)
        for head, score in found.items():
            scores.setdefault(head, []).append(score)
    sources: list[BySource] = []
    means = {}
    for head, values in scores.items():
        if not any(row.label == _LABEL[head] for row in rows):
            continue
        mine, mean = _head(head, np.array(values), rows, (limits or {}).get(head))
        sources += mine
        means[head] = mean
    return Evaluation(
        detector=name,
        benign=sum(row.label == "benign" for row in rows),
        means=means,
        cpu_ms_p50=round(float(np.median(spent)) * 1e3, 2) if spent else 0.0,
        cpu_ms_mean=round(float(np.mean(spent)) * 1e3, 2) if spent else 0.0,
        sources=tuple(sources),
    )


def _head(head: str, values: NDArray[np.float64], rows: Sequence[Row], limit: float | None) -> tuple[list[BySource], str]:
    labels = np.array([row.label for row in rows])
    names = np.array([row.source for row in rows])
    negatives = values[labels == "benign"]
    one, tenth = threshold(negatives, _ONE), threshold(negatives, _TENTH)
    found: list[BySource] = []
    means: list[tuple[float, float, float]] = []
    for kind in (_LABEL[head], "benign"):
        for source in sorted(set(names[labels == kind])):
            mine = values[(labels == kind) & (names == source)]
            hit = rate(int((mine >= one).sum()), len(mine))
            area = auc(mine, negatives) if kind != "benign" else 0.5
            low, high = auc_interval(mine, negatives, draws=60) if kind != "benign" else (0.0, 1.0)
            found.append(
                BySource(
                    head=head,
                    source=str(source),
                    kind=kind,
                    rows=len(mine),
                    hit_1=str(hit),
                    hit_01=round(float((mine >= tenth).mean()), 3),
                    auc=f"{area:.3f} [{low:.3f}, {high:.3f}]" if kind != "benign" else "",
                    shipped=round(float((mine >= limit).mean()), 4) if limit is not None else -1.0,
                )
            )
            if kind != "benign" and len(mine) >= _FEWEST:
                means.append((hit.share, found[-1].hit_01, area))
    average = np.mean(means, axis=0) if means else np.zeros(3)
    return (
        found,
        f"TPR@1% {average[0]:.3f}, TPR@0.1% {average[1]:.3f}, AUC {average[2]:.3f} ({len(means)} sources, {len(negatives)} benign)",
    )
