"""Detector ``injection``: a trained head's probability that a text tries to take a model over, by where the text comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Origin
from bartizan.guard.decision import Limits
from bartizan.guard.judged import Judged, as_scores, limits_of, opinion_of

DESCRIPTOR: Final = Descriptor(
    id="injection",
    version="1",
    layer="input",
    phases=("input",),
    title="Injection, by a trained head",
    doc="Linear head over n-grams, shape and cues; what people ask and what tools and documents bring are held to thresholds of their own.",
    budget_ms=250.0,
    mode="shadow",
    inline=2000,
    categories=("injection", "abstained"),
)
_ORIGINS: Final[frozenset[Origin]] = frozenset({"user", "tool", "document", "memory", "tool_description", "unknown"})


class Injection:
    """Judges what did not come from the operator or the model."""

    descriptor = DESCRIPTOR

    def __init__(self, judged: Judged | None = None, limits: Limits | None = None) -> None:
        self._judged = judged or Judged()
        self._limits = limits or limits_of(self._judged.heads)

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each text whose score reaches the tier's threshold, and where it is unsure, that it abstains."""
        del phase, calls
        found = []
        unsure = 0.0
        for segment, scored in self._judged.each(segments, _ORIGINS):
            if self._limits.injected(as_scores(scored, segment.origin), context.tier):
                found.append(opinion_of("injection", scored.injection, segment, scored))
            elif scored.abstain:
                unsure = max(unsure, scored.injection)
        if unsure and not found:
            found.append(Opinion(category="abstained", rule="linear", score=round(unsure, 4)))
        return found
