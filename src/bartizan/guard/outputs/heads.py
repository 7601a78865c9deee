"""The two trained heads over answers: weights read and verified, a text in, calibrated probabilities and the window that drove them out."""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.errors import ControlError
from bartizan.guard.outputs.features import columns

HEADS: Final = ("malicious_code", "phishing_text")
FILE: Final = "heads.npz"
MANIFEST: Final = "manifest.json"
_HINT: Final = "reinstall bartizan, or train them again: python -m bartizan.guard.outputs.train DIR"
_WINDOW: Final = 1500
_STEP: Final = 1000
_MOST: Final = 16 << 20


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a raw score becomes a probability, and from which probability on it counts: at most ``budget`` of benign answers reach it."""

    slope: float
    offset: float
    threshold: float
    budget: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the weights are and where they come from."""

    format: int
    version: str
    sha256: str
    heads: Mapping[str, Line]
    provenance: Mapping[str, msgspec.Raw] = {}


class Scored(msgspec.Struct, frozen=True):
    """A head's probability for a text and the characters ``[start, end)`` that drove it."""

    probability: float
    start: int
    end: int


class OutputHeads:
    """Immutable after loading; threads may share it."""

    def __init__(self, manifest: Manifest, weights: NDArray[np.int8], scale: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        self.manifest = manifest
        self._weights = np.ascontiguousarray(weights.T)  # a column's heads side by side: one cache line each
        self._scale = scale
        self._bias = bias

    @classmethod
    def load(cls, directory: Path | None = None) -> OutputHeads:
        """Read and verify the shipped weights, or those of a directory; raises ControlError when a file is missing, changed or odd."""
        directory = directory or Path(str(files("bartizan.guard.outputs"))) / "weights"
        try:
            manifest = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
            data = (directory / FILE).read_bytes()
        except (OSError, msgspec.DecodeError) as error:
            raise ControlError(f"reading the weights in {directory}: {error}", hint=_HINT) from error
        if len(data) > _MOST or hashlib.sha256(data).hexdigest() != manifest.sha256:
            raise ControlError(f"{FILE} in {directory} is not the file that its manifest names", hint=_HINT)
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                return cls(manifest, stored["weights"], stored["scale"], stored["bias"])
        except (ValueError, OSError, zipfile.BadZipFile, KeyError) as error:
            raise ControlError(f"reading the arrays of the weights: {error}", hint=_HINT) from error

    def score(self, text: str) -> dict[str, Scored]:
        """Return each head's highest probability over the windows of a text; linear in its length."""
        best: dict[str, Scored] = {}
        for start in range(0, max(len(text) - (_WINDOW - _STEP), 1), _STEP):
            end = min(start + _WINDOW, len(text))
            for name, raw in zip(HEADS, self.raw(text[start:end]), strict=True):
                line = self.manifest.heads[name]
                probability = _sigmoid(line.slope * float(raw) + line.offset)
                if name not in best or probability > best[name].probability:
                    best[name] = Scored(probability, start, end)
        return best

    def raw(self, text: str) -> NDArray[np.float32]:
        """Return each head's uncalibrated score of one window."""
        found = columns(text)
        total = self._weights.take(found, axis=0).sum(axis=0, dtype=np.int32) * self._scale / np.float32(math.sqrt(max(len(found), 1)))
        scores: NDArray[np.float32] = (total + self._bias).astype(np.float32)
        return scores


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
