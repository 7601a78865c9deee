"""Make a directory of weights out of rows: folds for calibration and thresholds, a fit to all rows that may ship, a model card."""

from __future__ import annotations

import random
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bartizan.guard.learned.encoder import Encoder
from bartizan.guard.learned.features import LONGEST
from bartizan.guard.learned.weights import Line
from bartizan.guard.rowfile import Row
from bartizan.guard.training import second
from bartizan.guard.training.calibrate import band, line, probable, thresholds
from bartizan.guard.training.card import Figures, figures
from bartizan.guard.training.corpus import GENERATED, Source
from bartizan.guard.training.fit import Linear, fit
from bartizan.guard.training.folds import out_of_family, trains
from bartizan.guard.training.generate import generated
from bartizan.guard.training.matrix import matrix
from bartizan.guard.training.package import Trained, write
from bartizan.guard.training.tasks import HEADS
from bartizan.guard.training.topics import topic_heads

_MOST: Final[Mapping[str, int]] = {"benign": 600, "injection": 1500, "cyber_misuse": 1200}
"""Rows of one source, label and origin that the first stage sees."""
_VECTORS: Final = 70
_VECTORS_GENERATED: Final = 160
"""The same for the second stage, which has few weights to learn."""
_MADE: Final = 0.45


class Second(NamedTuple):
    """What the second stage learnt, and the cascade's probabilities of the rows it was given."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    calibration: Mapping[str, Line]
    thresholds: Mapping[str, Mapping[str, float]]
    figures: Mapping[str, Figures]


def capped(rows: Sequence[Row], most: Mapping[str, int], *, seed: int = 7) -> list[int]:
    """Return the numbers of at most so many rows of each source, label and origin; deterministic."""
    kinds: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        kinds[row.source, row.label, row.origin].append(number)
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    chosen: list[int] = []
    for kind in sorted(kinds):
        limit = most.get(GENERATED if kind[0].startswith(GENERATED) else kind[1], len(rows))
        chosen += kinds[kind] if len(kinds[kind]) <= limit else chance.sample(kinds[kind], limit)
    return sorted(chosen)


def train(rows: Sequence[Row], known: Mapping[str, Source], into: Path, *, version: str, encoder: Path | None = None) -> Trained:
    """Write weights trained on rows and on generated ones; the same rows and versions give the same bytes.

    ``encoder`` is a directory with ``encoder.onnx`` and ``vocab.txt``; without one there is no second stage.
    """
    labelled = [row for row in rows if row.label in _MOST and len(row.text) <= LONGEST]
    rows = [labelled[number] for number in capped(labelled, _MOST)] + generated(_MADE)
    _say(f"{len(rows)} rows: features")
    features = matrix([row.text for row in rows])
    heads, raw = _first(features, rows, known)
    lines = {name: line(name, raw[name], rows, known) for name in HEADS}
    probabilities = {name: probable(raw[name], lines[name]) for name in HEADS}
    bands = {name: band(name, probabilities[name], rows) for name in HEADS}
    trained = Trained(
        heads={**heads, **topic_heads(features, rows)},
        calibration=lines,
        thresholds={name: thresholds(name, probabilities[name], rows) for name in HEADS},
        band=bands,
        figures={f"linear/{name}": figures(name, probabilities[name], rows) for name in HEADS},
    )
    for name in HEADS:
        _say(f"linear {name}: {trained.figures[f'linear/{name}'].summary()}")
    if encoder is not None:
        trained = trained.with_second(_second(Encoder.of(encoder), rows, raw, probabilities, bands, known))
    write(into, trained, rows, known, version=version, encoder=encoder)
    return trained


def _first(features: Any, rows: Sequence[Row], known: Mapping[str, Source]) -> tuple[dict[str, Linear], dict[str, NDArray[np.float32]]]:  # noqa: ANN401
    may = np.flatnonzero(trains(rows, known))
    heads, raw = {}, {}
    for name in HEADS:
        raw[name] = out_of_family(name, features, rows, known)
        heads[name] = fit(name, features[may], [rows[number] for number in may], known)
        _say(f"{name} fitted")
    return heads, raw


def _second(
    encoder: Encoder,
    rows: Sequence[Row],
    raw: Mapping[str, NDArray[np.float32]],
    first: Mapping[str, NDArray[np.float64]],
    bands: Mapping[str, tuple[float, float]],
    known: Mapping[str, Source],
) -> Second:
    chosen = capped(rows, {**dict.fromkeys(_MOST, _VECTORS), GENERATED: _VECTORS_GENERATED})
    some = [rows[number] for number in chosen]
    _say(f"{len(some)} rows: vectors")
    values = second.inputs(second.vectors(encoder, some), {name: raw[name][chosen] for name in HEADS})
    may = np.flatnonzero(trains(some, known))
    weights, bias = [], []
    found = Second(np.zeros((0, 0), dtype=np.float32), np.zeros(0, dtype=np.float32), {}, {}, {})
    calibration, limits, told = {}, {}, {}
    for name in HEADS:
        model = second.fit(name, values[may], [some[number] for number in may], known)
        weights.append(model.coef_[0])
        bias.append(model.intercept_[0])
        scores = second.out_of_family(name, values, some, known)
        calibration[f"encoder/{name}"] = line(name, scores, some, known)
        alone, linear = probable(scores, calibration[f"encoder/{name}"]), first[name][chosen]
        low, high = bands[name]
        both = np.where((linear >= low) & (linear < high), alone, linear)
        limits[f"cascade/{name}"] = thresholds(name, both, some)
        told |= {f"encoder/{name}": figures(name, alone, some), f"cascade/{name}": figures(name, both, some)}
        _say(f"encoder {name}: {told[f'encoder/{name}'].summary()}; cascade: {told[f'cascade/{name}'].summary()}")
    return found._replace(
        weights=np.array(weights, dtype=np.float32),
        bias=np.array(bias, dtype=np.float32),
        calibration=calibration,
        thresholds=limits,
        figures=told,
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{time.process_time():7.0f} s  {text}\n")
    sys.stderr.flush()
