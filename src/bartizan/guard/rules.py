"""Detector ``rules``: RE2 patterns over every view of a segment; the shipped pack and the organisation's own phrases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Channel
from bartizan.guard.holdback import PatternWatch
from bartizan.guard.rulebook import Rule
from bartizan.guard.scan import Scan
from bartizan.guard.scopes import Scopes

DESCRIPTOR: Final = Descriptor(
    id="rules",
    version="1",
    layer="input",
    phases=("input", "output", "tool"),
    title="Known attack and blocked phrases",
    doc="RE2 patterns over the text as written and over its normalised and decoded views.",
    budget_ms=50.0,
    categories=("injection", "blocked_phrase"),
)


class Rules:
    """Judges by patterns; linear in the text whatever the pattern."""

    descriptor = DESCRIPTOR

    def __init__(self, rules: Sequence[Rule], scan: Scan | None = None) -> None:
        self._scopes = Scopes([rule.scoped() for rule in rules], scan or Scan())

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each rule and segment that match."""
        del context
        return self._scopes.judge(phase, segments, calls)

    def watch(self, channel: Channel, context: Context) -> PatternWatch:
        """Follow a channel with the rules that look at model output there."""
        return self._scopes.watch(channel, context)
