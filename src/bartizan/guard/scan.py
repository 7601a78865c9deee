"""One pass over a text for all detectors by patterns, which know nothing of each other: what each of them has to look at.

A pass for the rules, one for the secrets and one or two for hidden text were three quarters of what judging a text costs: 172,000 of
228,000 instructions for 1,400 characters. A set of patterns costs the same for every character however many patterns it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from bartizan.control import Phase, Segment, ToolCall
from bartizan.event import Channel, Origin
from bartizan.guard.matcher import MEMORY, Looked, Pattern, clean, pattern_set
from bartizan.guard.reading import HAS_OTHER_READINGS

_GATE: Final = 0


class Scoped(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern and where it looks; empty origins or channels mean all of them."""

    pattern: Pattern
    phases: tuple[Phase, ...] = ("input", "output", "tool")
    origins: tuple[Origin, ...] = ()
    channels: tuple[Channel, ...] = ()

    def covers(self, phase: Phase, origin: Origin, channel: Channel) -> bool:
        """Say whether this pattern looks at such a segment."""
        return phase in self.phases and (not self.origins or origin in self.origins) and (not self.channels or channel in self.channels)


class Sight(NamedTuple):
    """A text in which one's patterns were seen: ``numbers`` of those that cover it, in the order they were enrolled in.

    The number after the last one means that the text may have other readings.
    """

    segment: Segment
    looked: Looked
    numbers: list[int]


class _Union(NamedTuple):
    """All patterns that look at one kind of segment, after the gate of other readings; each party's begin at ``starts``."""

    which: Any
    starts: tuple[int, ...]


class _Pass(msgspec.Struct, frozen=True):
    """What was seen in the texts of one judgement; texts in which nothing was are left out."""

    phase: Phase
    segments: Sequence[Segment]
    calls: Sequence[ToolCall]
    found: list[tuple[Segment, Looked, _Union, Sequence[int]]]


class Scan:
    """Looks once for everybody who enrolled. Whoever asks first pays for the pass.

    The last pass is kept until the next one, and known by the very tuples it was made of, which nobody can change: equal texts of
    two requests are looked at twice. Several threads may ask; at worst each makes a pass of its own.
    """

    def __init__(self) -> None:
        self._parties: list[tuple[Scoped, ...]] = []
        self._kinds: dict[tuple[Phase, Origin, Channel], _Union] = {}
        self._unions: dict[tuple[tuple[Pattern, ...], ...], _Union] = {}
        self._last: _Pass | None = None

    def enrol(self, entries: Sequence[Scoped]) -> int:
        """Take a party's patterns; returns its number, to ask with."""
        self._parties.append(tuple(entries))
        self._kinds.clear()
        self._last = None
        return len(self._parties) - 1

    def sights(self, party: int, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall]) -> Sequence[Sight]:
        """Return every text that a party must look at; a call's arguments and name are segments of the model's."""
        seen = self._last
        if seen is None or seen.segments is not segments or seen.calls is not calls or seen.phase != phase:
            seen = self._look(phase, segments, calls)
        return [sight for part in seen.found if (sight := _sight(party, *part)).numbers] if seen.found else ()

    def _look(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall]) -> _Pass:
        found = []
        for segment in (*segments, *_texts(calls)) if calls else segments:
            text = segment.text
            union = self._kinds.get((phase, segment.origin, segment.channel)) or self._union(phase, segment.origin, segment.channel)
            try:
                numbers = union.which.Match(text.encode())  # given a str, the wrapper encodes it by a call more
            except UnicodeEncodeError:
                text = clean(text)
                numbers = union.which.Match(text)
            if numbers:
                found.append((segment, Looked(text), union, numbers))
        seen = _Pass(phase, segments, calls, found)
        if type(segments) is tuple and type(calls) is tuple:
            self._last = seen
        return seen

    def _union(self, phase: Phase, origin: Origin, channel: Channel) -> _Union:
        """Compile what looks at such segments; kinds of segments that the same patterns look at share one automaton."""
        mine = tuple(tuple(entry.pattern for entry in party if entry.covers(phase, origin, channel)) for party in self._parties)
        union = self._unions.get(mine)
        if union is None:
            starts = [_GATE + 1]
            for patterns in mine:
                starts.append(starts[-1] + len(patterns))
            sources = [HAS_OTHER_READINGS, *(pattern.source for patterns in mine for pattern in patterns)]
            which = pattern_set(sources, memory=MEMORY * len(mine))
            union = self._unions[mine] = _Union(which, tuple(starts))
        self._kinds[phase, origin, channel] = union
        return union


def _sight(party: int, segment: Segment, looked: Looked, union: _Union, numbers: Sequence[int]) -> Sight:
    start, end = union.starts[party], union.starts[party + 1]
    mine = [number - start for number in numbers if start <= number < end]
    if _GATE in numbers:
        mine.append(end - start)
    return Sight(segment, looked, mine)


def _texts(calls: Sequence[ToolCall]) -> Iterator[Segment]:
    for call in calls:
        yield Segment(path=call.path, origin="model", channel="tool_arguments", text=call.arguments)
        yield Segment(path=call.path, origin="model", channel="tool_name", text=call.name)
