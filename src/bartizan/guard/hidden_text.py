"""Detector ``hidden_text``: writing that a person does not see and a model reads, and encoded text too large to look into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import re2

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Channel
from bartizan.guard.holdback import PatternWatch
from bartizan.guard.matcher import Pattern
from bartizan.guard.scan import Scan, Scoped
from bartizan.guard.scopes import Scopes

DESCRIPTOR: Final = Descriptor(
    id="hidden_text",
    version="1",
    layer="input",
    phases=("input", "output", "tool"),
    title="Writing that people do not see",
    doc="Unicode tag characters outside of flags, payloads in variation selectors and zero-width characters, overridden reading order.",
    budget_ms=50.0,
    categories=("hidden_text",),
)
_FLAG: Final = "\U0001f3f4"
_flag: Final = re2.compile(_FLAG + "[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")


def _is_payload(run: str) -> bool:
    return _flag.fullmatch(run) is None


_PATTERNS: Final = (
    Pattern(id="tag-characters", category="hidden_text", source=_FLAG + "?[\U000e0001-\U000e007f]{1,64}", valid=_is_payload),
    Pattern(id="variation-selectors", category="hidden_text", source="[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,64}"),
    Pattern(id="zero-width-run", category="hidden_text", source="[\u200b-\u200d\u2060-\u2064\ufeff]{8,64}"),
    Pattern(id="reading-order-override", category="hidden_text", source="[\u202d\u202e]"),
)
"""Sources: Unicode 23.9 (tags; emoji flags are their one use, UTS #51), 23.4 (variation selectors), UAX #9 (overrides)."""


class HiddenText:
    """Judges by characters, not by what they say."""

    descriptor = DESCRIPTOR

    def __init__(self, scan: Scan | None = None) -> None:
        self._scopes = Scopes([Scoped(pattern=pattern) for pattern in _PATTERNS], scan or Scan(), readings=False)

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each kind of hiding and segment."""
        del context
        return self._scopes.judge(phase, segments, calls)

    def watch(self, channel: Channel, context: Context) -> PatternWatch:
        """Follow a channel of an answer."""
        return self._scopes.watch(channel, context)
