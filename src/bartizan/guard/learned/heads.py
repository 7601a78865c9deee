"""Heads that judge a text: is it a prompt injection, does it ask for cyber misuse, what is it about.

A head's score is the logit of its linear part over n-grams, shape and cues; where the encoder was asked, a second head over the
embedding and the first score takes its place. Both are calibrated, so that scores compare across stages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.event import Origin
from bartizan.guard.learned.features import Features, dense_names, features, readings
from bartizan.guard.learned.weights import Weights, read_weights
from bartizan.guard.learned.windows import Window, windows
from bartizan.guard.matcher import clean

Stage = Literal["linear", "encoder"]
_DATA: Final[frozenset[Origin]] = frozenset({"tool", "document", "memory", "tool_description"})


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What drove a score most: characters ``[start, end)`` of the text as judged, and the cues seen there."""

    start: int
    end: int
    cues: tuple[str, ...] = ()


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Calibrated probabilities for one text. ``abstain``: the linear stage alone is not sure, ask the encoder."""

    injection: float
    misuse: float
    topic: str
    topics: Mapping[str, float] = {}
    stage: Stage = "linear"
    abstain: bool = False
    reasons: tuple[Reason, ...] = ()
    raw: Mapping[str, float] = {}
    """Uncalibrated logits of the linear stage, which ``combine`` needs."""


class _Judged(NamedTuple):
    window: Window
    view: int
    features: Features
    logits: NDArray[np.float32]


class Heads:
    """The linear heads and, over embeddings, the second ones. Immutable after loading; threads may share it."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._grams = weights.arrays["grams"]
        self._scale = weights.arrays["scale"].astype(np.float32)
        self._dense = weights.arrays["dense"].astype(np.float32)
        self._bias = weights.arrays["bias"].astype(np.float32)
        self._names = weights.manifest.heads
        self._row = {name: number for number, name in enumerate(self._names)}

    @classmethod
    def load(cls, directory: Path | None = None) -> Heads:
        """Load the shipped weights, or those of a directory; raises ControlError when a file is missing, changed or odd."""
        return cls(read_weights(directory))

    def linear(self, text: str, *, origin: Origin = "user") -> Scores:
        """Judge a text by its features alone, in every reading and window of it."""
        kind = origin_class(origin)
        judged = list(self._judged(text))
        raw = {name: self._best(judged, name) for name in self._names}
        injection, misuse = self._probability(f"injection/{kind}", raw), self._probability("misuse", raw)
        topics = self._topics(raw)
        return Scores(
            injection=injection,
            misuse=misuse,
            topic=max(topics, key=lambda name: topics[name]),
            topics=topics,
            abstain=self._unsure(f"injection/{kind}", injection) or self._unsure("misuse", misuse),
            reasons=self._reasons(judged, f"injection/{kind}" if injection >= misuse else "misuse"),
            raw=raw,
        )

    def threshold(self, head: str, origin: Origin, budget: float) -> float:
        """Return the least probability that counts under a false-positive budget, interpolated by nothing: the next stricter one known."""
        known = self.weights.manifest.thresholds[_key(head, origin)]
        fitting = [float(name) for name in known if float(name) <= budget]
        return known[_budget(max(fitting))] if fitting else 1.1

    def _judged(self, text: str) -> list[_Judged]:
        found = []
        for number, reading in enumerate(readings(clean(text))):
            for window in {Window(0, len(reading)): None, **dict.fromkeys(windows(reading))}:
                values = features(reading[window.start : window.end])
                found.append(_Judged(window, number, values, self._logits(values)))
        return found

    def _logits(self, values: Features) -> NDArray[np.float32]:
        total = self._bias + self._dense @ values.dense
        for columns in (values.grams.characters, values.grams.words):
            if len(columns):
                total = total + self._grams[:, columns].sum(axis=1, dtype=np.int32) * self._scale / np.float32(math.sqrt(len(columns)))
        return total

    def _best(self, judged: Sequence[_Judged], name: str) -> float:
        """Return a head's highest logit: of a whole reading, or of a window less what many windows gain by chance."""
        row = self._row[name]
        charge = self.weights.manifest.length * math.log(max(len(judged), 1))
        whole = max(float(one.logits[row]) for one in judged if one.window.start == 0)
        return max(whole, max(float(one.logits[row]) for one in judged) - charge)

    def _probability(self, name: str, raw: Mapping[str, float]) -> float:
        line = self.weights.manifest.calibration[name]
        return _sigmoid(line.slope * raw[name] + line.offset)

    def _topics(self, raw: Mapping[str, float]) -> dict[str, float]:
        logits = [raw[f"topic/{name}"] for name in self.weights.manifest.topics]
        powers = [math.exp(logit - max(logits)) for logit in logits]
        return {name: round(power / sum(powers), 4) for name, power in zip(self.weights.manifest.topics, powers, strict=True)}

    def _unsure(self, name: str, probability: float) -> bool:
        low, high = self.weights.manifest.band[name]
        return low <= probability < high

    def _reasons(self, judged: Sequence[_Judged], name: str) -> tuple[Reason, ...]:
        best = max(judged, key=lambda one: float(one.logits[self._row[name]]))
        share = self._dense[self._row[name]] * best.features.dense
        names = dense_names()
        cues = [names[number] for number in np.argsort(-share)[:3] if share[number] > 0]
        return (Reason(start=best.window.start, end=best.window.end, cues=tuple(cues)),)


def origin_class(origin: Origin) -> Literal["user", "data"]:
    """Return which injection head judges text of an origin: ``data`` is what a task is done on, not the task."""
    return "data" if origin in _DATA else "user"


def _key(head: str, origin: Origin) -> str:
    return f"injection/{origin_class(origin)}" if head == "injection" else head


def _budget(value: float) -> str:
    return f"{value:g}"


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
