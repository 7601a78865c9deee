"""Make a directory of weights out of rows: folds for calibration and thresholds, a fit to all rows that may ship, a model card."""

from __future__ import annotations

import random
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from bartizan.guard.learned.encoder import Encoder
from bartizan.guard.learned.features import LONGEST
from bartizan.guard.learned.fusion import MISUSE
from bartizan.guard.learned.weights import Line
from bartizan.guard.learned.windows import windows
from bartizan.guard.rowfile import Row
from bartizan.guard.training import second
from bartizan.guard.training.calibrate import NEVER, PROMPTS, band, line, probable, thresholds
from bartizan.guard.training.card import Figures, figures
from bartizan.guard.training.corpus import GENERATED, Source
from bartizan.guard.training.fit import Linear, fit
from bartizan.guard.training.folds import out_of_family, trains
from bartizan.guard.training.generate import generated
from bartizan.guard.training.limits import refine
from bartizan.guard.training.matrix import matrix
from bartizan.guard.training.package import Trained, write
from bartizan.guard.training.tasks import DATA, HEADS
from bartizan.guard.training.topics import topic_heads

_MOST: Final[Mapping[str, int]] = {"benign": 600, "injection": 1500, "cyber_misuse": 1200}
"""Rows of one source, label and origin that the first stage sees."""
_VECTORS: Final = 70
_VECTORS_GENERATED: Final = 160
"""The same for the second stage, which has few weights to learn."""
_MADE: Final = 1.0
_LONG: Final = 400
"""Characters beyond which a tool result or document is shown in a window too."""


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


def pieces(rows: Sequence[Row], *, seed: int = 5) -> list[Row]:
    """Return a window of each long honest tool result or document: what its sentences alone look like, which is how they are judged."""
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    found = []
    for row in rows:
        if row.label == "benign" and row.origin in DATA and row.source not in PROMPTS and len(row.text) > _LONG:
            window = chance.choice(windows(row.text, fine=True))
            found.append(msgspec.structs.replace(row, text=row.text[window.start : window.end]))
    return found


def train(
    rows: Sequence[Row], known: Mapping[str, Source], into: Path, *, version: str, encoder: Path | None = None, jobs: int = 1
) -> Trained:
    """Write weights trained on rows and on generated ones; the same rows and versions give the same bytes.

    ``encoder`` is a directory with ``encoder.onnx`` and ``vocab.txt``; without one there is no second stage. ``jobs`` processes share the
    work and do not change the result.
    """
    given = rows
    labelled = [row for row in rows if row.label in _MOST and len(row.text) <= LONGEST]
    rows = [labelled[number] for number in capped(labelled, _MOST)]
    rows += [*pieces(rows), *generated(_MADE)]
    _say(f"{len(rows)} rows: features")
    features = matrix([row.text for row in rows], jobs=jobs)
    heads, raw = _first(features, rows, known, jobs)
    lines = {name: line(name, raw[name], rows, known) for name in HEADS}
    probabilities = {name: probable(raw[name], lines[name]) for name in HEADS}
    bands = {name: band(name, probabilities[name], rows) if name == MISUSE else NEVER for name in HEADS}
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
    refine(into, given, known)
    return trained


def _first(
    features: Any,  # noqa: ANN401 - scipy has no types
    rows: Sequence[Row],
    known: Mapping[str, Source],
    jobs: int,
) -> tuple[dict[str, Linear], dict[str, NDArray[np.float32]]]:
    found = Parallel(n_jobs=jobs)(delayed(_head)(name, features, rows, known) for name in HEADS)
    return {name: head for name, (head, _) in zip(HEADS, found, strict=True)}, {
        name: raw for name, (_, raw) in zip(HEADS, found, strict=True)
    }


def _head(name: str, features: Any, rows: Sequence[Row], known: Mapping[str, Source]) -> tuple[Linear, NDArray[np.float32]]:  # noqa: ANN401
    may = np.flatnonzero(trains(rows, known))
    raw = out_of_family(name, features, rows, known)
    head = fit(name, features[may], [rows[number] for number in may.tolist()], known)
    _say(f"{name} fitted")
    return head, raw


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
    calibration: dict[str, Line] = {}
    limits: dict[str, dict[str, float]] = {}
    told: dict[str, Figures] = {}
    for name in HEADS:
        model = second.fit(name, values[may], [some[number] for number in may.tolist()], known)
        weights.append(model.coef_[0])
        bias.append(model.intercept_[0])
        scores = second.out_of_family(name, values, some, known)
        calibration[f"encoder/{name}"] = line(name, scores, some, known)
        alone, linear = probable(scores, calibration[f"encoder/{name}"]), first[name][chosen]
        low, high = bands[name]
        both = np.where((linear >= low) & (linear < high), alone, linear)
        limits[f"cascade/{name}"] = thresholds(name, both, some) if name == MISUSE else thresholds(name, first[name], rows)
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
