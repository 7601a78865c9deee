"""Read trained weights from a directory: a manifest with the hash of every file, arrays without pickles. Anything odd is a ControlError."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.errors import ControlError
from bartizan.guard.learned import cues

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_HINT: Final = "reinstall bartizan, or name a directory that bartizan guard train made"
_MOST: Final = 64 << 20


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A straight line from a head's raw score to a calibrated one: ``slope * raw + offset``."""

    slope: float = 1.0
    offset: float = 0.0


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the weights are: the heads in order, how raw scores become probabilities, thresholds, and where all came from."""

    format: int
    version: str
    heads: tuple[str, ...]
    topics: tuple[str, ...]
    calibration: Mapping[str, Line]
    """By head and origin class, as ``injection/user``."""
    thresholds: Mapping[str, Mapping[str, float]]
    """By head and origin class, then by false-positive budget, as ``0.01``: the least probability that counts."""
    band: Mapping[str, tuple[float, float]]
    """By head and origin class: the probabilities of the linear stage between which the encoder is asked."""
    budgets: Mapping[str, Mapping[str, float]]
    """By head and tier: the false-positive budget under which it decides."""
    length: float = 0.0
    """What the best of n windows loses for each natural logarithm of n."""
    files: Mapping[str, str]
    """SHA-256 of each file, the cues of the package among them."""
    provenance: Mapping[str, msgspec.Raw] = {}


class Weights(msgspec.Struct, frozen=True):
    """A manifest that was checked, and its arrays."""

    manifest: Manifest
    arrays: Mapping[str, NDArray[np.float32]]
    directory: Path


def read_weights(directory: Path | None = None) -> Weights:
    """Read and verify a directory of weights, the shipped one by default; raises ControlError."""
    directory = directory or Path(str(files("bartizan.guard.learned"))) / "weights"
    try:
        manifest = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ControlError(f"reading the weights in {directory}: {error}", hint=_HINT) from error
    if manifest.format != FORMAT:
        raise ControlError(f"the weights in {directory} are of format {manifest.format}, not {FORMAT}", hint=_HINT)
    if manifest.files.get("cues.toml") != hashlib.sha256(cues.shipped_bytes()).hexdigest():
        raise ControlError(f"the weights in {directory} were trained with other cues", hint=_HINT)
    return Weights(manifest, _arrays(read_file(directory, "linear.npz", manifest)), directory)


def read_file(directory: Path, name: str, manifest: Manifest) -> bytes:
    """Return a file of the weights after checking its hash; raises ControlError."""
    try:
        data = (directory / name).read_bytes()
    except OSError as error:
        raise ControlError(f"reading {name} of the weights in {directory}: {error}", hint=_HINT) from error
    if len(data) > _MOST or hashlib.sha256(data).hexdigest() != manifest.files.get(name):
        raise ControlError(f"{name} of the weights in {directory} is not the file that its manifest names", hint=_HINT)
    return data


def _arrays(data: bytes) -> Mapping[str, NDArray[np.float32]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, zipfile.BadZipFile, KeyError) as error:
        raise ControlError(f"reading the arrays of the weights: {error}", hint=_HINT) from error
