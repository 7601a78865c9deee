"""Write a directory of weights: arrays without pickles, manifest with hashes, model card with figures and provenance."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.guard.learned import cues
from bartizan.guard.learned.encoder import MODEL, VOCABULARY
from bartizan.guard.learned.weights import FORMAT, MANIFEST, Line, Manifest
from bartizan.guard.rowfile import Row
from bartizan.guard.training.card import Figures
from bartizan.guard.training.corpus import Source, fingerprint, source_of
from bartizan.guard.training.fit import Linear, quantised
from bartizan.guard.training.folds import trains

CARD: Final = "card.json"
_BUDGETS: Final[Mapping[str, Mapping[str, float]]] = {
    "injection/user": {"public": 0.01, "verified": 0.005, "trusted": 0.002, "restricted": 0.002},
    "injection/data": {"public": 0.01, "verified": 0.01, "trusted": 0.005, "restricted": 0.005},
    "misuse": {"public": 0.01, "verified": 0.005, "trusted": 0.002, "restricted": 0.002},
    "prohibited": {"public": 0.005, "verified": 0.002, "trusted": 0.001, "restricted": 0.001},
}
"""False positives that a head may cost a tier: who is vetted is stopped less, and a prohibited use must be plain."""


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """All that training found."""

    heads: Mapping[str, Linear]
    calibration: Mapping[str, Line]
    thresholds: Mapping[str, Mapping[str, float]]
    band: Mapping[str, tuple[float, float]]
    figures: Mapping[str, Figures]
    fusion: Mapping[str, NDArray[Any]] = {}

    def with_second(self, found: Any) -> Trained:  # noqa: ANN401 - train's tuple; importing it would be a circle
        """Return this with what the second stage learnt."""
        return msgspec.structs.replace(
            self,
            calibration={**self.calibration, **found.calibration},
            thresholds={**self.thresholds, **found.thresholds},
            figures={**self.figures, **found.figures},
            fusion={"fusion": found.weights, "fusion_bias": found.bias},
        )


def write(into: Path, trained: Trained, rows: Sequence[Row], known: Mapping[str, Source], *, version: str, encoder: Path | None) -> None:
    """Write the directory; deterministic."""
    into.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(into / "linear.npz", **quantised(trained.heads), **trained.fusion)
    names = ["linear.npz"]
    if encoder is not None:
        for name in (MODEL, VOCABULARY):
            if (encoder / name).resolve() != (into / name).resolve():
                shutil.copyfile(encoder / name, into / name)
            names.append(name)
    used = [row for row, ships in zip(rows, trains(rows, known), strict=True) if ships]
    card = {
        "what": "linear heads over hashed n-grams, shape and cues; heads over all-MiniLM-L6-v2 vectors (Apache-2.0)",
        "limits": "English mostly; other languages by n-grams alone. A score is evidence for a policy, not a verdict on a person.",
        "figures on families left out of training": msgspec.to_builtins(trained.figures),
        "rows": _provenance(used, known),
        "fingerprint": fingerprint(used),
        "command": "bartizan guard train --data DIR --out DIR --encoder DIR",
        "seed": 20261122,
    }
    _dump(into / CARD, card)
    manifest = Manifest(
        format=FORMAT,
        version=version,
        heads=tuple(trained.heads),
        topics=tuple(name.removeprefix("topic/") for name in trained.heads if name.startswith("topic/")),
        calibration=trained.calibration,
        thresholds=trained.thresholds,
        band=trained.band,
        budgets=_BUDGETS,
        length=0.6,
        files={**{name: _hash((into / name).read_bytes()) for name in (*names, CARD)}, "cues.toml": _hash(cues.shipped_bytes())},
        provenance={"card": msgspec.Raw(msgspec.json.encode(CARD)), "licence": msgspec.Raw(b'"Apache-2.0"')},
    )
    _dump(into / MANIFEST, manifest)


def _dump(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _provenance(used: Sequence[Row], known: Mapping[str, Source]) -> dict[str, dict[str, Any]]:
    counts = Counter((row.source, row.label) for row in used)
    told: dict[str, dict[str, Any]] = {}
    for (source, label), count in sorted(counts.items()):
        told.setdefault(source, {"licence": source_of(source, dict(known)).licence})[label] = count
    return told
