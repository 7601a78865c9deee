"""Linear heads over hashed n-grams, read from files whose hash is known; loading anything else fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.errors import ControlError
from bartizan.monitor.text.features import BUCKETS, features

DATA: Final = Path(__file__).parents[1] / "data"


class HeadCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a head's file must be, beside its provenance."""

    sha256: str
    bias: float


class Heads:
    """The heads of one version. ``score`` gives the log-odds of each: below 0 harmless, and comparable within a version only."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], biases: Mapping[str, float], *, version: str) -> None:
        self.names = tuple(sorted(weights))
        self.version = version
        self._table = np.stack([weights[name] for name in self.names], axis=1)
        self._bias = np.array([biases[name] for name in self.names], np.float32)

    def score(self, text: str) -> dict[str, float]:
        """Return the log-odds of every head for a text."""
        buckets, weights = features(text)
        values = self._bias + weights @ self._table[buckets] if len(buckets) else self._bias
        return {name: float(value) for name, value in zip(self.names, values, strict=True)}


def load(folder: Path = DATA) -> Heads:
    """Load the heads beside this package; raises ControlError when a file is missing or is not the one its card names."""
    try:
        card = json.loads((folder / "heads.json").read_text(encoding="utf-8"))
        cards = msgspec.convert(card["heads"], dict[str, HeadCard])
        weights = {name: _weights(folder / f"{name}.f16", item) for name, item in cards.items()}
        return Heads(weights, {name: item.bias for name, item in cards.items()}, version=str(card["version"]))
    except (OSError, ValueError, KeyError, msgspec.ValidationError) as error:
        raise ControlError(f"loading the monitor's heads from {folder}: {error}", hint="reinstall, or train them anew") from error


def _weights(path: Path, card: HeadCard) -> NDArray[np.float32]:
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != card.sha256:
        raise ValueError(f"{path.name} is not the file that its card names")
    values = np.frombuffer(raw, dtype="<f2")
    if len(values) != BUCKETS:
        raise ValueError(f"{path.name} has {len(values)} weights, not {BUCKETS}")
    return values.astype(np.float32)
