"""Turning MCP's messages into what controls judge: segments with their origin, tool calls with their pinned schema."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from bartizan.control import Segment, ToolCall
from bartizan.event import Channel, Origin
from bartizan.gateway.dialect import call_segments
from bartizan.gateway.mapper import compact, strings
from bartizan.gateway.mcp.jsonrpc import Message

_TEXT_TYPES: Final = ("text/", "application/json", "application/xml")
_MOST: Final = 4000


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a message holds: its texts, its calls, and the paths of items that nothing here can judge."""

    segments: tuple[Segment, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    media: tuple[str, ...] = ()
    text: str = ""
    """All texts joined: what a model would read, for the flow of data."""


def call(message: Message, tool: str, definition: Mapping[str, Any] | None) -> Judged:
    """Read a ``tools/call``; ``definition`` is the pinned one."""
    arguments = message.params.get("arguments")
    schema = None if definition is None else msgspec.Raw(msgspec.json.encode(definition.get("inputSchema") or {"type": "object"}))
    made = ToolCall(path="$.params", name=tool, arguments=compact(arguments if arguments is not None else {}), schema=schema)
    rest = {name: value for name, value in message.params.items() if name not in {"name", "arguments"}}
    besides = _segments(rest, "$.params", "user", "metadata")
    return Judged(segments=(*call_segments(made), *besides.segments), calls=(made,), text=made.arguments)


def asked(message: Message) -> Judged:
    """Read any other message of a client."""
    return _segments(message.fields.get("params") or message.fields.get("result") or {}, "$", "user", "text")


def answered(message: Message) -> Judged:
    """Read any message of a server: to the client's model it is data from outside, whatever it says it is."""
    value = message.fields.get("result") or message.fields.get("params") or message.fields.get("error") or {}
    return _segments(value, "$", "tool", "text")


def said(message: Message) -> str:
    """Return what a result says as a model reads it: its texts, or its structured content where there is none."""
    result = message.result
    content = result.get("content") or result.get("contents") or result.get("messages")
    texts = [text for each in content if type(each) is dict for text in _said(each)] if type(content) is list else []
    structured = result.get("structuredContent")
    if not texts and structured is not None:
        texts = [compact(structured)]
    return "\n".join(texts) if texts else "\n".join(strings(result))


def _said(item: Mapping[str, Any]) -> Iterator[str]:
    inner = item.get("content") if type(item.get("content")) is dict else item
    resource = inner.get("resource") if type(inner) is dict else None
    for each in (inner, resource):
        if type(each) is dict and type(each.get("text")) is str:
            yield each["text"]


def described(definition: Mapping[str, Any], path: str) -> Judged:
    """Read a tool's description: its own origin, for it is meant to instruct and must not instruct too much."""
    segments = (
        Segment(path=f"{path}.name", origin="tool_description", channel="tool_name", text=str(definition.get("name", ""))),
        Segment(path=path, origin="tool_description", channel="tool_schema", text="\n".join(strings(dict(definition))), joined=True),
    )
    return Judged(segments=segments)


def _segments(value: object, path: str, origin: Origin, channel: Channel) -> Judged:
    segments: list[Segment] = []
    media: list[str] = []
    for at, text, is_media in _leaves(value, path):
        if is_media:
            media.append(at)
        elif text:
            segments.append(Segment(path=at, origin=origin, channel=channel, text=text))
    joined = "\n".join(segment.text for segment in segments)
    if len(segments) > _MOST:
        # A long list is judged whole rather than leaf by leaf; nothing of it is left out.
        segments = [Segment(path=path, origin=origin, channel=channel, text=joined, joined=True)]
    return Judged(segments=tuple(segments), media=tuple(media), text=joined)


def _leaves(value: object, path: str) -> Iterator[tuple[str, str, bool]]:
    """Yield every string with its path and whether it is something that can't be read here; names of members are strings too."""
    stack: list[tuple[object, str]] = [(value, path)]
    while stack:
        item, at = stack.pop()
        match item:
            case str():
                yield at, item, False
            case dict():
                if (unfolded := _unfold(item)) is not None:
                    field, text = unfolded
                    yield f"{at}.{field}", text, not text
                    item = {name: member for name, member in item.items() if name != field}
                for name, member in item.items():
                    if len(name) > 40:
                        yield f"{at}.{name[:40]}", name, False
                    stack.append((member, f"{at}.{name[:64]}"))
            case list():
                stack += [(member, f"{at}[{number}]") for number, member in enumerate(item)]
            case _:
                pass


def _unfold(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the field of an item that holds encoded bytes, and its text if it says it is one."""
    kind = item.get("mimeType")
    if item.get("type") in {"image", "audio"} and type(item.get("data")) is str:
        return "data", ""
    if type(item.get("blob")) is not str:
        return None
    if type(kind) is str and kind.startswith(_TEXT_TYPES):
        try:
            return "blob", base64.b64decode(item["blob"], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return "blob", ""
    return "blob", ""
