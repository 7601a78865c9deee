"""Patterns with the places they look at, compiled once for each place: what ``rules`` and ``secrets`` are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from bartizan.control import Context, Opinion, Phase, Segment, ToolCall, cuts
from bartizan.event import Channel, Origin
from bartizan.guard.holdback import PatternWatch, Prefixes
from bartizan.guard.matcher import Matcher, Pattern, opinion_of


class Scoped(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern and where it looks; empty origins or channels mean all of them."""

    pattern: Pattern
    phases: tuple[Phase, ...] = ("input", "output", "tool")
    origins: tuple[Origin, ...] = ()
    channels: tuple[Channel, ...] = ()

    def covers(self, phase: Phase, origin: Origin, channel: Channel) -> bool:
        """Say whether this pattern looks at such a segment."""
        return phase in self.phases and (not self.origins or origin in self.origins) and (not self.channels or channel in self.channels)


class Scopes:
    """Judges segments and calls by the patterns that cover them. Raises ControlError for a pattern that streams can't follow.

    Without ``readings`` only the text as written counts.
    """

    def __init__(self, entries: Sequence[Scoped], *, readings: bool = True) -> None:
        self._readings = readings
        self._entries = tuple(entries)
        self._matchers: dict[tuple[Phase, Origin, Channel], Matcher] = {}
        self._prefixes: dict[tuple[Channel, frozenset[str]], Prefixes] = {}
        Prefixes([entry.pattern for entry in self._entries if "output" in entry.phases], readings=readings)

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall]) -> list[Opinion]:
        """Return one opinion for each pattern and segment that match; a call's name and arguments are segments of the model's."""
        found = [opinion for segment in segments for opinion in self._judge(phase, segment)]
        for call in calls:
            found += self._judge(phase, Segment(path=call.path, origin="model", channel="tool_arguments", text=call.arguments))
            found += self._judge(phase, Segment(path=call.path, origin="model", channel="tool_name", text=call.name))
        return found

    def watch(self, channel: Channel, context: Context) -> PatternWatch:
        """Follow a channel of model output; patterns of categories that policy only flags there hold nothing."""
        held = frozenset(entry.pattern.category for entry in self._entries if cuts(context.actions.get(entry.pattern.category, "block")))
        prefixes = self._prefixes.get((channel, held))
        if prefixes is None:
            mine = [entry.pattern for entry in self._entries if entry.covers("output", "model", channel)]
            prefixes = self._prefixes[channel, held] = Prefixes(
                [pattern for pattern in mine if pattern.category in held],
                [pattern for pattern in mine if pattern.category not in held],
                readings=self._readings,
            )
        return PatternWatch(prefixes)

    def _judge(self, phase: Phase, segment: Segment) -> Iterator[Opinion]:
        for hit in self._matcher(phase, segment.origin, segment.channel).find(segment.text):
            yield opinion_of(hit, segment)

    def _matcher(self, phase: Phase, origin: Origin, channel: Channel) -> Matcher:
        matcher = self._matchers.get((phase, origin, channel))
        if matcher is None:
            mine = [entry.pattern for entry in self._entries if entry.covers(phase, origin, channel)]
            matcher = self._matchers[phase, origin, channel] = Matcher(mine, readings=self._readings)
        return matcher
