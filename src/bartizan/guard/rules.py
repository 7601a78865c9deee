"""Detector ``rules``: RE2 patterns over every view of a segment; the shipped pack and the organisation's own phrases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall, cuts
from bartizan.event import Channel, Origin
from bartizan.guard.holdback import PatternWatch, Prefixes
from bartizan.guard.matcher import Matcher, opinion_of
from bartizan.guard.rulebook import Rule, pattern_of

DESCRIPTOR: Final = Descriptor(
    id="rules",
    version="1",
    layer="input",
    phases=("input", "output", "tool"),
    title="Known attack and blocked phrases",
    doc="RE2 patterns over the text as written and over its normalised and decoded views.",
    categories=("injection", "exfiltration", "blocked_phrase"),
)


class Rules:
    """Judges by patterns; linear in the text whatever the pattern."""

    descriptor = DESCRIPTOR

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._matchers: dict[tuple[Phase, Origin, Channel], Matcher] = {}
        self._prefixes: dict[tuple[Channel, frozenset[str]], Prefixes] = {}
        Prefixes([pattern_of(rule) for rule in rules if "output" in rule.phases])  # a rule that streams can't follow is told at load

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each rule and segment that match."""
        del context
        found = [opinion for segment in segments for opinion in self._judge(phase, segment)]
        for call in calls:
            found += self._judge(phase, Segment(path=call.path, origin="model", channel="tool_arguments", text=call.arguments))
            found += self._judge(phase, Segment(path=call.path, origin="model", channel="tool_name", text=call.name))
        return found

    def watch(self, channel: Channel, context: Context) -> PatternWatch:
        """Follow a channel with the rules that look at model output there."""
        held = frozenset(rule.category for rule in self._rules if cuts(context.actions.get(rule.category, "block")))
        prefixes = self._prefixes.get((channel, held))
        if prefixes is None:
            mine = [rule for rule in self._rules if rule.covers("output", "model", channel)]
            prefixes = self._prefixes[channel, held] = Prefixes(
                [pattern_of(rule) for rule in mine if rule.category in held],
                [pattern_of(rule) for rule in mine if rule.category not in held],
            )
        return PatternWatch(prefixes)

    def _judge(self, phase: Phase, segment: Segment) -> Iterator[Opinion]:
        for hit in self._matcher(phase, segment.origin, segment.channel).find(segment.text):
            yield opinion_of(hit, segment)

    def _matcher(self, phase: Phase, origin: Origin, channel: Channel) -> Matcher:
        matcher = self._matchers.get((phase, origin, channel))
        if matcher is None:
            mine = [pattern_of(rule) for rule in self._rules if rule.covers(phase, origin, channel)]
            matcher = self._matchers[phase, origin, channel] = Matcher(mine)
        return matcher
