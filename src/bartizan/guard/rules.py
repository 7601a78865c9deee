"""Detector ``rules``: RE2 patterns over every view of a segment; the shipped pack and the organisation's own phrases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import re2

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.errors import ControlError
from bartizan.event import Channel, Origin, Span
from bartizan.guard.rulebook import Rule
from bartizan.guard.views import View

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
        self._patterns = [_compiled(rule) for rule in rules]
        self._scopes: dict[tuple[Phase, Origin, Channel], tuple[Any, tuple[int, ...]]] = {}

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each rule and segment that match, with the first place."""
        del context
        found = [opinion for segment in segments for opinion in self._judge(phase, segment)]
        for call in calls:
            found += self._judge(phase, Segment(path=call.path, origin="model", channel="tool_arguments", text=call.arguments))
            found += self._judge(phase, Segment(path=call.path, origin="model", channel="tool_name", text=call.name))
        return found

    def _judge(self, phase: Phase, segment: Segment) -> Iterator[Opinion]:
        which, members = self._scope(phase, segment.origin, segment.channel)
        if which is None:
            return
        view = View(segment.text)
        for number in which.Match(view.text) or ():
            rule = self._rules[members[number]]
            hit = self._patterns[members[number]].search(view.text)
            start, end = view.span(*hit.span())
            yield Opinion(category=rule.category, rule=rule.id, spans=(Span(path=segment.path, start=start, end=end),), views=view.names)

    def _scope(self, phase: Phase, origin: Origin, channel: Channel) -> tuple[Any, tuple[int, ...]]:
        scope = self._scopes.get((phase, origin, channel))
        if scope is None:
            members = tuple(number for number, rule in enumerate(self._rules) if rule.covers(phase, origin, channel))
            which = re2.Set.SearchSet()
            for member in members:
                which.Add(self._rules[member].pattern)
            if members:
                which.Compile()
            scope = self._scopes[phase, origin, channel] = (which if members else None, members)
        return scope


def _compiled(rule: Rule) -> Any:  # noqa: ANN401 - RE2 has no types
    try:
        return re2.compile(rule.pattern)
    except re2.error as error:
        raise ControlError(f"compiling rule {rule.id}: {error}") from error
