"""Detector ``items``: parts of an exchange that nothing can read (media) or knows (unknown types); policy says what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bartizan.control import Context, Descriptor, Opinion, Phase, Release, Segment, ToolCall
from bartizan.event import Channel, Span

DESCRIPTOR: Final = Descriptor(
    id="items",
    version="1",
    layer="input",
    phases=("input", "output"),
    title="Media and unknown items",
    doc="Tells policy of images, files and audio that no control can read, and of item types that no mapper knows.",
    categories=("media", "unknown_item"),
)


class Items:
    """Judges by kind, not by content."""

    descriptor = DESCRIPTOR

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each such segment."""
        del phase, calls, context
        return [_opinion(segment) for segment in segments if segment.channel in {"media", "unknown"}]

    def watch(self, channel: Channel, context: Context) -> _Free:
        """Follow a channel: text that streams is neither."""
        del channel, context
        return _Free()


class _Free:
    def __init__(self) -> None:
        self._total = 0

    def feed(self, text: str, *, final: bool = False) -> Release:
        del final
        self._total += len(text)
        return Release(upto=self._total, last=True)


def _opinion(segment: Segment) -> Opinion:
    known = segment.channel == "media"
    return Opinion(
        category="media" if known else "unknown_item",
        rule=segment.media_type or segment.channel,
        spans=(Span(path=segment.path, start=0, end=len(segment.text)),),
    )
