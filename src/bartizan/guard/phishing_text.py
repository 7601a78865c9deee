"""Detector ``phishing_text``: a trained head's probability that a text in an answer is a lure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Channel
from bartizan.guard.outputs.judged import Answers
from bartizan.guard.outputs.watch import WindowWatch

DESCRIPTOR: Final = Descriptor(
    id="phishing_text",
    version="1",
    layer="output",
    phases=("output",),
    title="Lures in answers",
    doc="Linear head over mails that a model writes: lures for credentials, payments and secrets against ordinary correspondence.",
    budget_ms=250.0,
    mode="shadow",
    inline=4000,
    categories=("phishing_text",),
)


class PhishingText:
    """Judges what the model wrote; windows of a stream as they come."""

    descriptor = DESCRIPTOR

    def __init__(self, answers: Answers | None = None) -> None:
        self._answers = answers or Answers()

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each segment in which it is seen."""
        del phase, calls, context
        return list(self._answers.judge(DESCRIPTOR.id, segments))

    def watch(self, channel: Channel, context: Context) -> WindowWatch:
        """Follow a channel of an answer."""
        del channel
        return self._answers.watch(DESCRIPTOR.id, context)
