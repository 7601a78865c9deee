"""What every control is given, and what it answers: the seam between those who judge and those who act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from bartizan.event import Action, Channel, Layer, Mode, OnError, Origin, Span, Tier

Phase = Literal["input", "output", "tool"]
"""When a control is asked: before the model, on its answer, on a whole tool call."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One text-bearing leaf of an exchange. ``path`` is its JSON path in the client's body or the model's answer."""

    path: str
    origin: Origin
    channel: Channel
    text: str
    role: str = ""
    choice: int = 0
    media_type: str = ""
    joined: bool = False
    """A view made by joining adjacent text parts; its ``path`` names the first and its spans can't be redacted."""


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """One whole tool call of the model; ``arguments`` are the bytes it wrote, not yet parsed. ``path`` as in Segment."""

    path: str
    name: str
    arguments: str
    schema: msgspec.Raw | None = None
    """The JSON Schema under which the client offered the tool; None if it offered no such tool."""
    choice: int = 0


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One text of a conversation so far, oldest first: who wrote it and, for a tool's result, the call that it answers."""

    origin: Origin
    text: str
    tool: str = ""
    arguments: str = ""
    label: Literal["", "trusted", "untrusted", "secret"] = ""
    """How the text is labelled by settings; empty for what follows from its origin."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation held before the answer that is judged: its texts, and the definitions of the tools on offer by name."""

    sources: tuple[Source, ...] = ()
    tools: Mapping[str, Mapping[str, Any]] = {}
    """As MCP writes them: ``description``, ``inputSchema``, ``annotations``."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a control may know besides the text: who asks, at which tier, of which model."""

    exchange: str
    tenant: str
    account: str
    principal: str
    tier: Tier
    model: str
    actions: Mapping[str, Action]
    """What policy does about each category at this tier; a category not named here is ``block``."""
    asked: tuple[Segment, ...] = ()
    """The request, for a control that judges its answer."""
    history: History = History()
    """For controls that judge tool calls by where their arguments come from."""


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """Something a control saw. ``score`` is a probability where the control is calibrated, else 1."""

    category: str
    rule: str = ""
    score: float = 1.0
    spans: tuple[Span, ...] = ()
    views: tuple[str, ...] = ()
    detail: str = ""
    """For the operator; never shown to the client and never a quote of the text."""


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """What a control is, known without loading it. ``id`` is also its file name, doc heading and config key."""

    id: str
    version: str
    layer: Layer
    phases: tuple[Phase, ...]
    title: str
    doc: str
    owner: str = "security"
    on_error: OnError = "block"
    budget_ms: float = 5.0
    cost: Literal["cheap", "expensive"] = "cheap"
    """``cheap`` runs on the event loop; ``expensive`` leaves it through the named pool."""
    mode: Mode = "enforce"
    """Its mode until settings or people say otherwise: ``shadow`` for a control whose evidence does not yet carry enforcement."""
    inline: int = 64 << 10
    """Characters of one judgement up to which a cheap control runs on the event loop; beyond it leaves through the pool, too."""
    categories: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Distributions that must be importable; a missing one ends in ``Skipped``, or ``Failed`` if the control is configured."""
    review_days: int = 90


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stream may go: characters ``[0, upto)`` of all text fed so far can't be part of a match that is still open."""

    upto: int
    opinions: tuple[Opinion, ...] = ()
    last: bool = False
    """The watch is done with this channel: it holds nothing more, sees nothing more and need not be fed again."""


@runtime_checkable
class Control(Protocol):
    """Judges segments (phases ``input`` and ``output``) and whole tool calls (phase ``tool``)."""

    descriptor: Descriptor

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return what was seen, nothing for nothing. Pure; raises ControlError only for its own failure."""
        ...


class Watch(Protocol):
    """One control following one channel of one choice of a streamed answer."""

    def feed(self, text: str, *, final: bool = False) -> Release:
        """Take the next characters; ``final`` says that no more will come, so nothing is held for a match that can't end."""
        ...


@runtime_checkable
class StreamingControl(Control, Protocol):
    """A control that can judge an answer while it is written."""

    def watch(self, channel: Channel, context: Context) -> Watch:
        """Begin to follow a channel. Its categories that ``context.actions`` only flags hold nothing back."""
        ...
