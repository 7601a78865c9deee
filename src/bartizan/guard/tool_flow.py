"""Detector ``tool_flow``: a tool call must follow from what people asked for, not from what somebody planted in what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from bartizan.config import FlowSettings
from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Span
from bartizan.guard.flow import Finding, View, judge, profile
from bartizan.guard.strictjson import StrictError, parse

DESCRIPTOR: Final = Descriptor(
    id="tool_flow",
    version="1",
    layer="tool",
    phases=("tool",),
    title="Tool calls that follow from the task",
    doc="What a call does, where its values come from and whether anybody asked for it; paths, commands and hosts in canonical form.",
    budget_ms=100.0,
    categories=("tool_misuse", "taint", "egress"),
)
_CATEGORIES: Final = {"tool": "tool_misuse", "taint": "taint", "egress": "egress"}


class ToolFlow:
    """Judges whole tool calls against the conversation before them (``context.history``)."""

    descriptor = DESCRIPTOR

    def __init__(self, settings: FlowSettings) -> None:
        self._settings = settings

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each thing that is wrong with a call."""
        del phase, segments
        if not calls:
            return ()
        view = View(context.history, self._settings.labels)
        return [
            Opinion(
                category=_CATEGORIES[finding.kind],
                rule=finding.rule,
                spans=(Span(path=call.path, start=0, end=len(call.arguments)),),
                detail=finding.argument[:64],
            )
            for call in calls
            for finding in self._findings(call, context, view)
        ]

    def _findings(self, call: ToolCall, context: Context, view: View) -> list[Finding]:
        try:
            arguments = parse(call.arguments) if call.arguments.strip() else {}
        except StrictError:
            arguments = {"arguments": call.arguments}
        if not isinstance(arguments, dict):
            arguments = {"arguments": call.arguments}
        return judge(profile(call.name, _definition(call, context.history.tools)), arguments, view, self._settings)


def _definition(call: ToolCall, tools: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    known = tools.get(call.name)
    if known is not None:
        return known
    return {"inputSchema": msgspec.json.decode(call.schema)} if call.schema is not None else {}
