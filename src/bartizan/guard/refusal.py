"""Detector ``refusal``: whether the model itself declined, read off how its answer begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import re2

from bartizan.control import Context, Descriptor, Opinion, Phase, Release, Segment, ToolCall
from bartizan.event import Channel, Span

DESCRIPTOR: Final = Descriptor(
    id="refusal",
    version="1",
    layer="model",
    phases=("output",),
    title="The model's own refusal",
    doc="An answer that begins by declining; a fact about the model as a layer, never a reason to stop an answer.",
    budget_ms=20.0,
    categories=("refusal",),
)
_LEAD: Final = 240
_refuses: Final = re2.compile(
    r"(?i)\b(?:(?:i'?m|i am|we are|we're) (?:really |very |so )?(?:sorry|afraid|unable|not able|not comfortable|not going to)|"
    r"(?:i|we) (?:can(?:no|')?t|cannot|can not|won'?t|will not|must|have to) (?:[a-z]+ ){0,3}?"
    r"(?:help|assist|provide|comply|do that|fulfil|fulfill|create|write|support|share|decline|refuse|answer|continue|give)|"
    r"(?:against|violates?) (?:my|our|the) (?:guidelines|policy|policies|rules)|as an ai\b.{0,40}\bcan(?:no|')?t)"
)


def refused(text: str) -> tuple[int, int] | None:
    """Return where an answer declines, None if its beginning does not."""
    found = _refuses.search(text[:_LEAD].replace("\u2019", "'"))
    return (found.start(), found.end()) if found else None


class Refusal:
    """Judges how an answer begins."""

    descriptor = DESCRIPTOR

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each text that begins with a refusal."""
        del phase, calls, context
        return [_opinion(segment.path, at) for segment in segments if segment.channel == "text" and (at := refused(segment.text))]

    def watch(self, channel: Channel, context: Context) -> _Watch:
        """Follow a channel; nothing is held."""
        del context
        return _Watch(_LEAD if channel == "text" else 0)


class _Watch:
    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._lead = ""
        self._total = 0

    def feed(self, text: str, *, final: bool = False) -> Release:
        self._total += len(text)
        if not self._wanted:
            return Release(upto=self._total, last=True)
        self._lead += text
        if not final and len(self._lead) < self._wanted:
            return Release(upto=self._total)
        self._wanted = 0
        at = refused(self._lead)
        return Release(upto=self._total, opinions=(_opinion("", at),) if at else (), last=True)


def _opinion(path: str, at: tuple[int, int]) -> Opinion:
    return Opinion(category="refusal", rule="wording", spans=(Span(path=path, start=at[0], end=at[1]),))
