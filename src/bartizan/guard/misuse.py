"""Detector ``misuse``: a trained head's probability that a request asks for harm; its category and level decide the policy row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Origin
from bartizan.guard.decision import Limits, misused
from bartizan.guard.judged import Judged, as_scores, limits_of, opinion_of
from bartizan.guard.taxonomy import Taxonomy, shipped

DESCRIPTOR: Final = Descriptor(
    id="misuse",
    version="1",
    layer="input",
    phases=("input",),
    title="Misuse, by a trained head",
    doc="Linear head over n-grams and cues for what people ask; with the topic it names a category of the taxonomy and its dual-use level.",
    budget_ms=250.0,
    mode="shadow",
    inline=2000,
    categories=shipped().rows(),
)
_ORIGINS: Final[frozenset[Origin]] = frozenset({"user"})


class Misuse:
    """Judges what people ask."""

    descriptor = DESCRIPTOR

    def __init__(self, judged: Judged | None = None, limits: Limits | None = None, taxonomy: Taxonomy | None = None) -> None:
        self._judged = judged or Judged()
        self._limits = limits or limits_of(self._judged.heads)
        self._taxonomy = taxonomy or shipped()

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each text that amounts to a level of misuse at this tier."""
        del phase, calls
        found = []
        for segment, scored in self._judged.each(segments, _ORIGINS):
            seen = misused(as_scores(scored, segment.origin), context.tier, limits=self._limits, taxonomy=self._taxonomy)
            if seen is not None:
                found.append(opinion_of(seen.row, seen.score, segment, scored))
        return found
