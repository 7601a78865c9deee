"""What each head learns from which rows, and how much each row counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bartizan.guard.learned.fusion import JUDGED as HEADS
from bartizan.guard.learned.fusion import MISUSE, PROHIBITED
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import GENERATED, Source, source_of

DATA: Final = frozenset({"tool", "document", "memory", "tool_description"})
_LESS: Final = 0.4
"""What a user's row counts beside a tool's in the head for tools and documents."""


def target(head: str, row: Row) -> int | None:
    """Return 1 or 0 for a row that the head learns from, None for one that says nothing about it."""
    if head == "injection/user" and row.origin in DATA:
        return None
    if row.label == "benign":
        return 0
    if head == PROHIBITED:
        return _prohibited(row)
    return 1 if row.label == ("cyber_misuse" if head == MISUSE else "injection") else None


def _prohibited(row: Row) -> int | None:
    if row.label != "cyber_misuse" or not row.source.startswith(GENERATED):
        return None
    return int((row.category or "").endswith(":prohibited"))


def targets(head: str, rows: Sequence[Row]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the rows that a head learns from, and what it should say of each."""
    found = [(number, value) for number, row in enumerate(rows) if (value := target(head, row)) is not None]
    return np.array([number for number, _ in found], dtype=np.int64), np.array([value for _, value in found], dtype=np.int64)


def weights(head: str, rows: Sequence[Row], known: Mapping[str, Source]) -> NDArray[np.float64]:
    """Weigh rows so that a source counts by the root of its size, both classes count the same, and rows of the other origin less."""
    counts = Counter((row.source, row.label) for row in rows)
    weight = np.array([source_of(row.source, dict(known)).weight / np.sqrt(counts[row.source, row.label]) for row in rows])
    if head == "injection/data":
        weight *= np.array([1.0 if row.origin in DATA else _LESS for row in rows])
    labels = np.array([target(head, row) or 0 for row in rows])
    for value in (0, 1):
        chosen = labels == value
        if chosen.any():
            weight[chosen] *= len(rows) / 2 / weight[chosen].sum()
    return weight


__all__ = ["DATA", "HEADS", "target", "targets", "weights"]
