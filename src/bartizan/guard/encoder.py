"""Detector ``encoder``: the second stage, asked only where the linear heads are unsure; a sentence encoder in processes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Origin
from bartizan.guard.decision import Limits, misused
from bartizan.guard.encoder_pool import EncoderPool
from bartizan.guard.judged import Judged, as_scores, limits_of, opinion_of
from bartizan.guard.learned import Scores, settle
from bartizan.guard.taxonomy import Taxonomy, shipped

DESCRIPTOR: Final = Descriptor(
    id="encoder",
    version="1",
    layer="input",
    phases=("input",),
    title="Injection and misuse, by a sentence encoder",
    doc="Heads over an INT8 sentence encoder and the linear scores, for texts that the linear heads are unsure of; in child processes.",
    mode="shadow",
    budget_ms=600.0,
    cost="expensive",
    categories=("injection", *shipped().rows()),
    needs=("onnxruntime",),
)
_ORIGINS: Final[frozenset[Origin]] = frozenset({"user", "tool", "document", "memory", "tool_description", "unknown"})
_WITHIN_S: Final = 0.5
_TEXTS: Final = 8
"""Uncertain texts of one request that are looked at, the most suspicious first; the rest keep their linear scores."""


class EncoderHeads:
    """Judges what the linear heads are unsure of. An encoder that fails or is late is this control's failure: its ``on_error`` decides."""

    descriptor = DESCRIPTOR

    def __init__(
        self,
        judged: Judged,
        pool: EncoderPool,
        limits: Limits | None = None,
        taxonomy: Taxonomy | None = None,
        *,
        within_s: float = _WITHIN_S,
    ) -> None:
        self._judged = judged
        self._pool = pool
        self._limits = limits or limits_of(judged.heads, stage="encoder")
        self._taxonomy = taxonomy or shipped()
        self._within_s = within_s

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each uncertain text that reaches a threshold; raises ControlError when it can't be looked at."""
        del phase, calls
        unsure = [(segment, scored) for segment, scored in self._judged.each(segments, _ORIGINS) if scored.abstain]
        unsure.sort(key=lambda pair: -max(pair[1].injection, pair[1].misuse))
        if not unsure:
            return []
        found: list[Opinion] = []
        chosen = unsure[:_TEXTS]
        vectors = iter(self._pool.embed([reason.text for _, scored in chosen for reason in scored.reasons], within_s=self._within_s))
        heads = self._judged.heads
        for segment, first in chosen:
            seconds = [heads.combine(first, next(vectors), origin=segment.origin) for _ in first.reasons]
            if seconds:
                found += self._seen(segment, settle(heads, first, seconds, origin=segment.origin), context)
        return found

    def _seen(self, segment: Segment, scored: Scores, context: Context) -> list[Opinion]:
        scores = as_scores(scored, segment.origin)
        found = []
        if self._limits.injected(scores, context.tier):
            found.append(opinion_of("injection", scored.injection, segment, scored))
        if segment.origin == "user" and (seen := misused(scores, context.tier, limits=self._limits, taxonomy=self._taxonomy)):
            found.append(opinion_of(seen.row, seen.score, segment, scored))
        return found
