"""Detector ``answered``: the exchange as a whole, since a doubtful request with a willing answer is worse than either alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Release, Segment, ToolCall, Watch
from bartizan.event import Span
from bartizan.guard.decision import Limits, misused
from bartizan.guard.judged import Judged, as_scores, limits_of
from bartizan.guard.outputs.judged import Answers
from bartizan.guard.outputs.watch import WindowWatch
from bartizan.guard.refusal import refused
from bartizan.guard.taxonomy import shipped

DESCRIPTOR: Final = Descriptor(
    id="answered",
    version="1",
    layer="output",
    phases=("output",),
    title="Request and answer together",
    doc="The misuse score of what was asked, joined with what the answer's heads say and whether the model declined.",
    budget_ms=250.0,
    mode="shadow",
    inline=4000,
    categories=("answered_prohibited", "answered_misuse"),
)
_SHORT: Final = 160
"""Characters below which an answer gives nothing away."""
_COUNTS: Final = 0.5
_WILLING: Final = 0.15
"""What an answer that does not decline adds where no head sees anything in it."""


class Answered:
    """Judges an answer in the light of its request. A misuse score alone is the input's to decide; here an answer must bear it out."""

    descriptor = DESCRIPTOR

    def __init__(self, judged: Judged | None = None, answers: Answers | None = None, limits: Limits | None = None) -> None:
        self._judged = judged or Judged()
        self._answers = answers or Answers()
        self._limits = limits or limits_of(self._judged.heads)

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each text that gives a doubtful request what it asked for."""
        del phase, calls
        asked = self._asked(context)
        if asked is None:
            return []
        texts = [segment for segment in segments if segment.channel == "text"]
        return [opinion for segment in texts if (opinion := self._joined(asked, segment.text, segment.path, 0))]

    def watch(self, channel: object, context: Context) -> Watch:
        """Follow a channel; nothing is held, because what it tells of needs a stretch of the answer to be seen."""
        asked = self._asked(context) if channel == "text" else None

        if asked is None:
            return _Unasked()
        known = asked

        def look(window: str, start: int) -> Opinion | None:
            return self._joined(known, window, "", start)

        return WindowWatch(_ANY, look, holds=False)

    def _asked(self, context: Context) -> tuple[str, float] | None:
        """Return the level and the score of what the user asked last, None when it is benign."""
        said = [segment for segment in context.asked if segment.origin == "user" and segment.channel == "text" and not segment.joined]
        if not said:
            return None
        last = said[-1]
        scored = self._judged.scored(last.text, last.origin)
        seen = misused(as_scores(scored, last.origin), context.tier, limits=self._limits, taxonomy=shipped())
        return None if seen is None else (seen.level, seen.score)

    def _joined(self, asked: tuple[str, float], text: str, path: str, start: int) -> Opinion | None:
        level, score = asked
        if len(text) < _SHORT or refused(text):
            return None
        heads = self._answers.scored(text)
        answer = max(_WILLING, *(scored.probability for scored in heads.values()))
        together = math.sqrt(score * answer)
        if together < _COUNTS:
            return None
        category = "answered_prohibited" if level == "prohibited" else "answered_misuse"
        return Opinion(
            category=category, rule="joined", score=round(together, 4), spans=(Span(path=path, start=start, end=start + len(text)),)
        )


class _Gate:
    """A gate that is open for any text."""

    def search(self, text: str) -> str | None:
        return text or None


class _Unasked:
    """Follows the answer to a request that asked for nothing doubtful."""

    def __init__(self) -> None:
        self._total = 0

    def feed(self, text: str, *, final: bool = False) -> Release:
        del final
        self._total += len(text)
        return Release(upto=self._total, last=True)


_ANY: Final = _Gate()
