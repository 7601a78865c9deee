"""``bartizan bench evidence``: every control over benign security work, as request or as answer; what enforcement would cost defenders."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bartizan.control import Context, Loaded, Phase, Registry, Segment, action_of
from bartizan.event import Tier
from bartizan.guard import builtin
from bartizan.guard.evidence import Evidence, Measured, Rate
from bartizan.guard.rowfile import read_rows
from bartizan.policy import parse_rows, shipped

_TIERS: Final = (Tier.PUBLIC, Tier.TRUSTED)
_HARMLESS: Final = frozenset({"allow", "flag", "notice"})


def measure(paths: Sequence[Path], *, sources: Sequence[str] = (), most: int = 1000) -> Evidence:
    """Judge benign rows (of some sources, at most so many of each) with every built-in control as it ships."""
    texts: list[tuple[str, str]] = []
    for path in paths:
        rows = (row for row in read_rows(path) if row.text and (not sources or row.source in sources))
        texts.extend((row.source or path.name, row.text[:8000]) for row in rows)
    kept = Counter[str]()
    chosen = [(source, text) for source, text in texts if not kept.update([source]) and kept[source] <= most]
    registry = Registry.load(builtin(), found=())
    digest = hashlib.sha256("\0".join(text for _, text in chosen).encode())
    return Evidence(
        command=f"bartizan bench evidence {' '.join(path.name for path in paths)}"
        + "".join(f" --source {source}" for source in sources)
        + f" --most {most}",
        made=time.strftime("%Y-%m-%d", time.gmtime()),
        sources=dict(Counter(source for source, _ in chosen)),
        sha256=digest.hexdigest(),
        controls={
            loading.descriptor.id: _measured(loading, [text for _, text in chosen])
            for loading in registry.loadings
            if isinstance(loading, Loaded) and {"input", "output"} & set(loading.descriptor.phases)
        },
    )


def _measured(loaded: Loaded, texts: Sequence[str]) -> Measured:
    rows = parse_rows(shipped().rows)
    phase: Phase = "input" if "input" in loaded.descriptor.phases else "output"
    rates = {}
    for tier in _TIERS:
        context = Context(
            exchange="e",
            tenant="t",
            account="a",
            principal="p",
            tier=tier,
            model="m",
            actions=rows[tier],
            asked=(_segment("input", texts[0]),),
        )
        stopped = 0
        for text in texts:
            opinions = loaded.control.judge(phase, (_segment(phase, text),), (), context)
            stopped += any(action_of(rows[tier], opinion.category, phase) not in _HARMLESS for opinion in opinions)
        rates[tier.value] = Rate(stopped=stopped, of=len(texts))
    return Measured(sha256=loaded.sha256, tiers=rates)


def _segment(phase: Phase, text: str) -> Segment:
    return Segment(path="$.text", origin="user" if phase == "input" else "model", channel="text", text=text)
