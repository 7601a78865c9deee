"""Topics by naive Bayes over words: which category of the taxonomy a text is about, or defence, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bartizan.guard.learned.ngrams import CHAR_BITS, COLUMNS
from bartizan.guard.rowfile import Row
from bartizan.guard.training.fit import Linear

GENERAL: Final = "general"
SECURITY: Final = "security"
_SMOOTH: Final = 0.2
_SPREAD: Final = 6.0
_DEFENCE: Final = frozenset(
    {
        "atc-react",
        "d3fend",
        "sigma-rules",
        "splunk-security-content",
        "attack-stix",
        "atomic-red-team",
        "intercode-ctf",
        "authored-contrastive",
    }
)
"""Sources whose benign rows are about security."""


def topic(row: Row) -> str | None:
    """Return what a row is about, None where its source does not say."""
    if row.source.startswith("generated/cyber") or row.source.startswith("generated/phishing"):
        return (row.category or GENERAL).partition(":")[0] if row.label == "cyber_misuse" else (SECURITY if row.category else GENERAL)
    if row.label == "benign":
        return SECURITY if row.source in _DEFENCE else GENERAL
    return None


def topic_heads(features: Any, rows: Sequence[Row]) -> dict[str, Linear]:  # noqa: ANN401 - scipy has no types
    """Return a head for each topic: how much more often its rows have a word than others do, as logarithms."""
    labels = np.array([topic(row) or "" for row in rows])
    names = sorted(set(labels) - {"", GENERAL, SECURITY})
    words = features[:, 1 << CHAR_BITS : COLUMNS].astype(bool).astype(np.float32)
    shares = {name: _share(words, labels == name) for name in (*names, SECURITY, GENERAL)}
    middle = np.mean([np.log(share) for share in shares.values()], axis=0)
    heads = {}
    for name, share in shares.items():
        grams = np.zeros(COLUMNS, dtype=np.float32)
        grams[1 << CHAR_BITS :] = np.clip(np.log(share) - middle, -_SPREAD, _SPREAD)
        heads[f"topic/{name}"] = Linear(grams, np.zeros(features.shape[1] - COLUMNS, dtype=np.float32), 0.0)
    return heads


def _share(words: Any, chosen: Any) -> Any:  # noqa: ANN401 - scipy has no types
    counts = np.asarray(words[np.flatnonzero(chosen)].sum(axis=0)).ravel()
    return (counts + _SMOOTH) / (chosen.sum() + 2 * _SMOOTH)
