"""Patterns with the places they look at, compiled once for each place: what ``rules`` and ``secrets`` are made of."""

from __future__ import annotations

from collections.abc import Sequence

from bartizan.control import Context, Opinion, Phase, Segment, ToolCall, action_of, alters
from bartizan.event import Channel, Origin
from bartizan.guard.holdback import PatternWatch, Prefixes
from bartizan.guard.matcher import Matcher, opinion_of
from bartizan.guard.scan import Scan, Scoped


class Scopes:
    """Judges segments and calls by the patterns that cover them. Raises ControlError for a pattern that streams can't follow.

    Without ``readings`` only the text as written counts. ``scan`` may be shared with other detectors.
    """

    def __init__(self, entries: Sequence[Scoped], scan: Scan, *, readings: bool = True) -> None:
        self._readings = readings
        self._entries = tuple(entries)
        self._scan = scan
        self._party = scan.enrol(self._entries)
        self._matchers: dict[tuple[Phase, Origin, Channel], Matcher] = {}
        self._prefixes: dict[tuple[Channel, frozenset[str]], Prefixes] = {}
        Prefixes([entry.pattern for entry in self._entries if "output" in entry.phases], readings=readings)

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall]) -> list[Opinion]:
        """Return one opinion for each pattern and segment that match; a call's name and arguments are segments of the model's."""
        sights = self._scan.sights(self._party, phase, segments, calls)
        if not sights:
            return []
        return [
            opinion_of(hit, segment)
            for segment, looked, numbers in sights
            for hit in self._matcher(phase, segment.origin, segment.channel).hits(looked, numbers)
        ]

    def watch(self, channel: Channel, context: Context) -> PatternWatch:
        """Follow a channel of model output; patterns of categories that policy only flags there hold nothing."""
        held = frozenset(
            entry.pattern.category for entry in self._entries if alters(action_of(context.actions, entry.pattern.category, "output"))
        )
        prefixes = self._prefixes.get((channel, held))
        if prefixes is None:
            mine = [entry.pattern for entry in self._entries if entry.covers("output", "model", channel)]
            prefixes = self._prefixes[channel, held] = Prefixes(
                [pattern for pattern in mine if pattern.category in held],
                [pattern for pattern in mine if pattern.category not in held],
                readings=self._readings,
            )
        return PatternWatch(prefixes)

    def _matcher(self, phase: Phase, origin: Origin, channel: Channel) -> Matcher:
        matcher = self._matchers.get((phase, origin, channel))
        if matcher is None:
            mine = [entry.pattern for entry in self._entries if entry.covers(phase, origin, channel)]
            matcher = self._matchers[phase, origin, channel] = Matcher(mine, readings=self._readings)
        return matcher
