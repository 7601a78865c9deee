"""The seam between the dialects and everything that judges: whatever a client or a model says becomes these few values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

from bartizan.control import Segment, ToolCall
from bartizan.event import Channel
from bartizan.model import Speaks


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, understood. ``fields`` is the parsed body, for translation only."""

    model: str
    stream: bool
    choices: int
    max_tokens: int
    """How much the client lets the model write; 0 when it does not say."""
    segments: tuple[Segment, ...]
    tools: Mapping[str, Mapping[str, Any]]
    """JSON Schema of each tool on offer, by name."""
    unknown: tuple[str, ...] = ()
    """JSON paths of items that no mapper knows."""
    media: tuple[str, ...] = ()
    """JSON paths of images, files and audio."""
    steering: tuple[str, ...] = ()
    """Top-level fields that would steer a guard; never forwarded."""
    fields: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """What of the request a measure against its account may suspend."""
        return (*(("tools",) if self.tools else ()), *(("stream",) if self.stream else ()))


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What the model server says it used; 0 where it says nothing."""

    input: int = 0
    output: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One whole answer, understood. ``marks`` are the model's or its server's own refusals (``refusal``, ``content_filter``)."""

    segments: tuple[Segment, ...]
    calls: tuple[ToolCall, ...] = ()
    tokens: Tokens = Tokens()
    finish: str = ""
    marks: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Text(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Characters that one event adds to one channel of one choice."""

    choice: int
    channel: Channel
    text: str


class Piece(msgspec.Struct, kw_only=True):
    """What one event of a streamed answer carries."""

    texts: list[Text] = []
    holds: tuple[str, ...] = ()
    """Keys of tool calls that this event is a part of; it waits until they are whole and judged."""
    calls: list[tuple[str, ToolCall]] = []
    """Calls that became whole, by key."""
    ends: tuple[int, ...] = ()
    """Choices in which no more text will come."""
    terminal: bool = False
    """Nothing follows this event."""
    failed: str = ""
    """The server reports a failure in the middle of its answer."""
    unknown: tuple[str, ...] = ()


class Reader(Protocol):
    """Follows one streamed answer event by event; gathers what is said in passing."""

    tokens: Tokens
    finish: str
    marks: list[str]

    def plain(self, data: bytes) -> Text | None:
        """Return the text of an event that plainly holds nothing else, perhaps an empty one; None for any other, which ``read`` is for."""
        ...

    def read(self, event: str, data: bytes) -> Piece:
        """Understand one event; raises UpstreamError when the server broke its protocol."""
        ...

    def close(self) -> Piece:
        """The stream ended: whatever was still open is whole now."""
        ...


class Wire(Protocol):
    """How the far end of a connection is spoken to about what went wrong, and the name under which that is on record."""

    name: str
    speaks: Speaks
    path: str

    def error(self, *, status: int, code: str, message: str, param: str, exchange: str) -> bytes:
        """Encode an error as its clients expect it."""
        ...

    def stream_error(self, *, code: str, message: str, exchange: str, model: str, kind: Literal["blocked", "failed"]) -> bytes:
        """Encode the end of a stream that must not go on: a terminal of its own, never its sign of success."""
        ...


class Dialect(Wire, Protocol):
    """One way to speak to a model."""

    def read_request(self, fields: dict[str, Any], *, max_segments: int, max_choices: int) -> Request:
        """Understand a request; raises RefusedError 400."""
        ...

    def read_answer(self, fields: dict[str, Any], tools: Mapping[str, Mapping[str, Any]]) -> Answer:
        """Understand a whole answer; raises UpstreamError."""
        ...

    def reader(self, tools: Mapping[str, Mapping[str, Any]]) -> Reader:
        """Begin to follow a streamed answer."""
        ...


def tool_call(path: str, name: str, arguments: str, tools: Mapping[str, Mapping[str, Any]], choice: int) -> ToolCall:
    """Build a whole tool call with the schema under which the client offered the tool."""
    schema = tools.get(name)
    raw = None if schema is None else msgspec.Raw(msgspec.json.encode(schema))
    return ToolCall(path=path, name=name, arguments=arguments, schema=raw, choice=choice)


def call_segments(call: ToolCall) -> tuple[Segment, Segment]:
    """Return a call's two texts, which the detectors of plain text judge as well."""
    return (
        Segment(path=f"{call.path}.name", origin="model", channel="tool_name", text=call.name, choice=call.choice),
        Segment(path=f"{call.path}.arguments", origin="model", channel="tool_arguments", text=call.arguments, choice=call.choice),
    )
