"""What each head learns from which rows, and how much each row counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import Source, source_of

HEADS = ("injection/user", "injection/data", "misuse")
_DATA = frozenset({"tool", "document", "memory", "tool_description"})


def target(head: str, row: Row) -> int | None:
    """Return 1 or 0 for a row that the head learns from, None for one that says nothing about it."""
    if head == "injection/user" and row.origin in _DATA:
        return None
    if row.label == "benign":
        return 0
    return 1 if row.label == ("cyber_misuse" if head == "misuse" else "injection") else None


def targets(head: str, rows: Sequence[Row]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the rows that a head learns from, and what it should say of each."""
    found = [(number, value) for number, row in enumerate(rows) if (value := target(head, row)) is not None]
    return np.array([number for number, _ in found], dtype=np.int64), np.array([value for _, value in found], dtype=np.int64)


def weights(head: str, rows: Sequence[Row], known: Mapping[str, Source]) -> NDArray[np.float64]:
    """Weigh rows so that a source counts by the root of its size, both classes count the same, and rows of the other origin less."""
    sources = [row.source for row in rows]
    counts = Counter(zip(sources, (row.label for row in rows), strict=True))
    weight = np.array([source_of(row.source, dict(known)).weight / np.sqrt(counts[row.source, row.label]) for row in rows])
    if head == "injection/data":
        weight *= np.array([1.0 if row.origin in _DATA else 0.4 for row in rows])
    labels = np.array([target(head, row) or 0 for row in rows])
    for value in (0, 1):
        chosen = labels == value
        if chosen.any():
            weight[chosen] *= len(rows) / 2 / weight[chosen].sum()
    return weight


_SECURITY = frozenset(
    {
        "advbench", "harmbench", "authored-contrastive", "atomic-paired-templates", "attack-paired-templates", "persuasion-paired-templates",
        "atomic-red-team", "attack-stix", "cysecbench", "atc-react", "d3fend", "sigma-rules", "splunk-security-content", "intercode-ctf",
    }
)  # fmt: skip
"""Sources all of whose rows are about security."""


def topic_rows(rows: Sequence[Row]) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return for each topic the numbers of the rows that teach it, and whether each is about it."""
    security = np.array([row.source in _SECURITY or row.label == "cyber_misuse" for row in rows])
    everything = np.arange(len(rows), dtype=np.int64)
    return {"general": (everything, (~security).astype(np.int64)), "security": (everything, security.astype(np.int64))}
