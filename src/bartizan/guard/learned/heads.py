"""Heads that judge a text: is it a prompt injection, does it ask for cyber misuse, what is it about.

A head's score is the logit of its linear part over n-grams, shape and cues; where the encoder was asked, a second head over the
embedding and the first score takes its place. Both are calibrated, so that scores compare across stages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.errors import ControlError
from bartizan.event import Origin
from bartizan.guard.learned.features import LONGEST, Features, dense_names, features, readings
from bartizan.guard.learned.fusion import FUSED, JUDGED, MISUSE, PROHIBITED, fused
from bartizan.guard.learned.weights import Weights, read_weights
from bartizan.guard.learned.windows import Window, windows
from bartizan.guard.matcher import clean

Stage = Literal["linear", "encoder"]
_DATA: Final[frozenset[Origin]] = frozenset({"tool", "document", "memory", "tool_description"})


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What drove a score most: characters ``[start, end)`` of the reading that was judged, and the cues seen there."""

    start: int
    end: int
    text: str = ""
    """Those characters, for the encoder; never for a record."""
    cues: tuple[str, ...] = ()


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Calibrated probabilities for one text. ``abstain``: this stage alone is not sure, ask the encoder."""

    injection: float
    misuse: float
    prohibited: float = 0.0
    """That the misuse is one that no tier may have; never above ``misuse``."""
    topic: str
    """A category of the taxonomy, ``security`` for defence and knowledge, or ``general``."""
    topics: Mapping[str, float] = {}
    stage: Stage = "linear"
    abstain: bool = False
    reasons: tuple[Reason, ...] = ()
    raw: Mapping[str, float] = {}
    """Logits of the linear stage by head, which ``combine`` needs."""


class _Judged(NamedTuple):
    window: Window
    text: str
    features: Features
    logits: NDArray[np.float32]


class Heads:
    """The linear heads and, over embeddings, the second ones. Immutable after loading; threads may share it."""

    def __init__(self, weights: Weights) -> None:
        # Of the large table only the transposed copy is kept, so that a process holds it once.
        self.weights = msgspec.structs.replace(weights, arrays={name: each for name, each in weights.arrays.items() if name != "grams"})
        self._grams = np.ascontiguousarray(weights.arrays["grams"].T)  # a column's heads side by side: one cache line each
        self._scale = weights.arrays["scale"].astype(np.float32)
        self._dense = weights.arrays["dense"].astype(np.float32)
        self._bias = weights.arrays["bias"].astype(np.float32)
        self._fusion = weights.arrays.get("fusion", np.zeros((0, 0), dtype=np.float32)).astype(np.float32)
        self._fusion_bias = weights.arrays.get("fusion_bias", np.zeros(0, dtype=np.float32)).astype(np.float32)
        self._names = weights.manifest.heads
        self._row = {name: number for number, name in enumerate(self._names)}

    @classmethod
    def load(cls, directory: Path | None = None) -> Heads:
        """Load the shipped weights, or those of a directory; raises ControlError when a file is missing, changed or odd."""
        return cls(read_weights(directory))

    def linear(self, text: str, *, origin: Origin = "user") -> Scores:
        """Judge a text by its features alone, in every reading and window of it."""
        kind = origin_class(origin)
        judged = list(self._judged(text, fine=kind == "data"))
        raw = self._best(judged)
        injection, misuse = self._probability(f"injection/{kind}", raw), self._probability(MISUSE, raw)
        names = (f"injection/{kind}", MISUSE)
        ordered = names if injection >= misuse else names[::-1]
        return Scores(
            injection=injection,
            misuse=misuse,
            prohibited=min(self._probability(PROHIBITED, raw), misuse) if PROHIBITED in self._row else misuse,
            **self._about(raw),
            abstain=self.is_unsure(names[0], injection) or self.is_unsure(MISUSE, misuse),
            reasons=tuple(dict.fromkeys(self._reason(judged, name) for name in ordered)),
            raw=raw,
        )

    def combine(self, first: Scores, embedding: NDArray[np.float32], *, origin: Origin = "user") -> Scores:
        """Return the scores of the linear stage and a sentence vector together; raises ControlError where no head takes vectors."""
        if "fusion" not in self.weights.arrays:
            raise ControlError("these weights have no heads for the encoder", hint="train them with bartizan guard train --encoder")
        inputs = fused(embedding, [first.raw[name] for name in FUSED])
        logits = self._fusion @ inputs + self._fusion_bias
        raw = {f"encoder/{name}": float(logit) for name, logit in zip(JUDGED, logits, strict=True)}
        injection = self._probability(f"encoder/injection/{origin_class(origin)}", raw)
        misuse = self._probability(f"encoder/{MISUSE}", raw)
        return msgspec.structs.replace(
            first,
            injection=injection,
            misuse=misuse,
            prohibited=min(self._probability(f"encoder/{PROHIBITED}", raw), misuse),
            stage="encoder",
            abstain=False,
        )

    def threshold(self, head: str, origin: Origin, budget: float, *, stage: Stage = "linear") -> float:
        """Return the least probability that counts under a false-positive budget: that of the next stricter budget known.

        ``encoder`` are the thresholds of the whole cascade, in which the encoder judges what the linear stage was unsure of.
        """
        known = self.weights.manifest.thresholds[("cascade/" if stage == "encoder" else "") + _key(head, origin)]
        fitting = [float(name) for name in known if float(name) <= budget]
        return known[_budget(max(fitting))] if fitting else 1.1

    def _judged(self, text: str, *, fine: bool) -> list[_Judged]:
        found = []
        for reading in readings(clean(text)):
            whole = Window(0, min(len(reading), LONGEST))
            for window in dict.fromkeys((whole, *windows(reading, fine=fine))):
                part = reading[window.start : window.end]
                values = features(part)
                found.append(_Judged(window, part, values, self._logits(values)))
        return found

    def _logits(self, values: Features) -> NDArray[np.float32]:
        total = self._bias + self._dense @ values.dense
        for columns in (values.grams.characters, values.grams.words):
            if len(columns):
                total = total + self._grams.take(columns, axis=0).sum(axis=0, dtype=np.int32) * self._scale / np.float32(
                    math.sqrt(len(columns))
                )
        return total

    def _best(self, judged: Sequence[_Judged]) -> dict[str, float]:
        """Return each head's highest logit: of a whole reading, or of a window less what many windows gain by chance."""
        charge = self.weights.manifest.length * math.log(max(len(judged), 1))
        whole = np.max([one.logits for one in judged if one.window.start == 0], axis=0).tolist()
        every = np.max([one.logits for one in judged], axis=0).tolist()
        return {name: max(whole[row], every[row] - charge) for name, row in self._row.items()}

    def _probability(self, name: str, raw: Mapping[str, float]) -> float:
        line = self.weights.manifest.calibration[name]
        return _sigmoid(line.slope * raw[name] + line.offset)

    def _about(self, raw: Mapping[str, float]) -> dict[str, Any]:
        logits = [raw[f"topic/{name}"] for name in self.weights.manifest.topics]
        powers = [math.exp(logit - max(logits)) for logit in logits]
        topics = {name: round(power / sum(powers), 4) for name, power in zip(self.weights.manifest.topics, powers, strict=True)}
        return {"topics": topics, "topic": max(topics, key=lambda name: topics[name])}

    def is_unsure(self, name: str, probability: float) -> bool:
        """Say whether a linear probability of a head lies in the band where the encoder is asked."""
        low, high = self.weights.manifest.band[name]
        return low <= probability < high

    def _reason(self, judged: Sequence[_Judged], name: str) -> Reason:
        best = max(judged, key=lambda one: float(one.logits[self._row[name]]))
        share = self._dense[self._row[name]] * best.features.dense
        names = dense_names()
        cues = [names[number] for number in np.argsort(-share)[:3] if share[number] > 0]
        return Reason(start=best.window.start, end=best.window.end, text=best.text, cues=tuple(cues))


def origin_class(origin: Origin) -> Literal["user", "data"]:
    """Return which injection head judges text of an origin: ``data`` is what a task is done on, not the task."""
    return "data" if origin in _DATA else "user"


def _key(head: str, origin: Origin) -> str:
    return f"injection/{origin_class(origin)}" if head == "injection" else head


def _budget(value: float) -> str:
    return f"{value:g}"


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
