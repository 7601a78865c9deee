"""Thresholds for tools and documents, from the finished heads as they judge: on documents of sources that no weights have seen.

Folds can't give them: few sources have such texts, and one of those is made of quoted attacks. Tool results are missing among the unseen
ones, so only half of each budget is given away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from bartizan.guard.learned import Heads
from bartizan.guard.learned.weights import MANIFEST, Manifest
from bartizan.guard.rowfile import Row
from bartizan.guard.training.calibrate import BUDGETS, PROMPTS
from bartizan.guard.training.corpus import Source, source_of
from bartizan.guard.training.measure import threshold
from bartizan.guard.training.tasks import DATA

_HEAD: Final = "injection/data"
_MOST: Final = 500
_GIVEN: Final = 0.5
_CUT: Final = 3000
_ENOUGH: Final = 200


def refine(into: Path, rows: Sequence[Row], known: Mapping[str, Source]) -> bool:
    """Put such thresholds into the manifest of a directory; False and unchanged where there are too few unseen documents."""
    chosen: dict[str, list[Row]] = {}
    for row in rows:
        if row.label == "benign" and row.origin in DATA and row.source not in PROMPTS and not source_of(row.source, dict(known)).ships:
            chosen.setdefault(row.source, []).append(row)
    texts = [row.text[:_CUT] for source in sorted(chosen) for row in chosen[source][:_MOST]]
    if len(texts) < _ENOUGH:
        return False
    heads = Heads.load(into)
    scores = np.array([heads.linear(text, origin="document").injection for text in texts])
    limits = {f"{budget:g}": round(threshold(scores, budget * _GIVEN), 6) for budget in BUDGETS}
    manifest = msgspec.json.decode((into / MANIFEST).read_bytes(), type=Manifest)
    changed = msgspec.structs.replace(manifest, thresholds={**manifest.thresholds, _HEAD: limits, f"cascade/{_HEAD}": limits})
    (into / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(changed), indent=1) + b"\n")
    return True
