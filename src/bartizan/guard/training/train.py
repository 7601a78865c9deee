"""Make a directory of weights out of rows: folds for calibration and thresholds, a fit to all rows that may ship, a manifest."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bartizan.guard.learned import cues
from bartizan.guard.learned.weights import FORMAT, MANIFEST, Line, Manifest
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import Source, fingerprint, source_of
from bartizan.guard.training.fit import Linear, fit, quantised
from bartizan.guard.training.folds import out_of_family, trains
from bartizan.guard.training.matrix import matrix
from bartizan.guard.training.measure import threshold
from bartizan.guard.training.tasks import HEADS, target, topic_rows, weights

BUDGETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
MOST: Final = 2500
"""Rows of one source, label and origin that are used."""
_POOL: Final = 500


def capped(rows: Sequence[Row], most: int = MOST, *, seed: int = 7) -> list[Row]:
    """Take at most so many rows of each source, label and origin; deterministic."""
    kinds: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        kinds[row.source, row.label, row.origin].append(row)
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    return [row for kind in sorted(kinds) for row in (kinds[kind] if len(kinds[kind]) <= most else chance.sample(kinds[kind], most))]


def train(rows: Sequence[Row], known: Mapping[str, Source], into: Path, *, version: str) -> Manifest:
    """Write weights trained on rows; the same rows and versions give the same bytes."""
    rows = capped([row for row in rows if row.label in {"injection", "benign", "cyber_misuse"}])
    features = matrix([row.text for row in rows])
    heads: dict[str, Linear] = {}
    calibration: dict[str, Line] = {}
    thresholds: dict[str, dict[str, float]] = {}
    for name in HEADS:
        raw, _ = out_of_family(name, features, rows, known)
        calibration[name] = _line(name, raw, rows, known)
        thresholds[name] = _thresholds(name, raw, rows, calibration[name])
        may = np.flatnonzero(trains(rows, known))
        heads[name] = fit(name, features[may], [rows[number] for number in may], known)
    topics = topic_rows(rows)
    for topic, (chosen, labels) in topics.items():
        model = LogisticRegression(C=1.0, max_iter=40, tol=1e-2, class_weight="balanced").fit(features[chosen], labels)
        vector = model.coef_[0].astype(np.float32)
        width = heads[HEADS[0]].grams.shape[0]
        heads[f"topic/{topic}"] = Linear(vector[:width], vector[width:], float(model.intercept_[0]))
    return _write(into, heads, tuple(topics), calibration, thresholds, rows, known, version=version)


def _line(name: str, raw: NDArray[np.float32], rows: Sequence[Row], known: Mapping[str, Source]) -> Line:
    chosen = np.array([number for number, row in enumerate(rows) if target(name, row) is not None])
    labels = np.array([target(name, rows[number]) for number in chosen])
    weight = weights(name, [rows[number] for number in chosen], known)
    model = LogisticRegression(C=1e3).fit(raw[chosen, None], labels, sample_weight=weight)
    return Line(slope=round(float(model.coef_[0, 0]), 5), offset=round(float(model.intercept_[0]), 5))


def _thresholds(name: str, raw: NDArray[np.float32], rows: Sequence[Row], line: Line) -> dict[str, float]:
    """Find the probabilities that budgets of a pool of negatives reach in which no source has more than its share."""
    chance = np.random.default_rng(1)
    kinds: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if target(name, row) == 0:
            kinds[row.source].append(number)
    pool = np.concatenate([chance.permutation(kinds[kind])[:_POOL] for kind in sorted(kinds)])
    probable = 1 / (1 + np.exp(-(line.slope * raw[pool].astype(np.float64) + line.offset)))
    return {f"{budget:g}": round(threshold(probable, budget), 6) for budget in BUDGETS}


def _write(
    into: Path,
    heads: Mapping[str, Linear],
    topics: tuple[str, ...],
    calibration: Mapping[str, Line],
    thresholds: Mapping[str, Mapping[str, float]],
    rows: Sequence[Row],
    known: Mapping[str, Source],
    *,
    version: str,
) -> Manifest:
    into.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(into / "linear.npz", **quantised(heads))
    may = trains(rows, known)
    used = [row for row, ships in zip(rows, may, strict=True) if ships]
    manifest = Manifest(
        format=FORMAT,
        version=version,
        heads=tuple(heads),
        topics=topics,
        calibration=calibration,
        thresholds=thresholds,
        band=dict.fromkeys(HEADS, (0.02, 0.98)),
        budgets={name: {"public": 0.01, "verified": 0.005, "trusted": 0.001, "restricted": 0.001} for name in HEADS},
        length=0.5,
        files={
            "linear.npz": hashlib.sha256((into / "linear.npz").read_bytes()).hexdigest(),
            "cues.toml": hashlib.sha256(cues.shipped_bytes()).hexdigest(),
        },
        provenance={
            "rows": _raw(_provenance(used, known)),
            "fingerprint": _raw(fingerprint(used)),
            "command": _raw("bartizan guard train"),
        },
    )
    (into / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    return manifest


def _provenance(used: Sequence[Row], known: Mapping[str, Source]) -> dict[str, dict[str, Any]]:
    counts = Counter((row.source, row.label) for row in used)
    told: dict[str, dict[str, Any]] = {}
    for (source, label), count in sorted(counts.items()):
        told.setdefault(source, {"licence": source_of(source, dict(known)).licence})[label] = count
    return told


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
