"""What a chat request tells of the conversation before: the texts with their origin, and which call each tool's result answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bartizan.control import History, Source
from bartizan.event import Origin
from bartizan.gateway.dialect import Request
from bartizan.gateway.mapper import compact, strings

_ORIGINS: Final[dict[str, Origin]] = {
    "system": "operator",
    "developer": "operator",
    "user": "user",
    "assistant": "model",
    "tool": "tool",
    "function": "tool",
}


def history_of(request: Request) -> History:
    """Read a request of either dialect, which its mapper has checked; what can't be told is taken for a text from outside."""
    fields = request.fields
    sources = list(_system(fields))
    calls: dict[str, tuple[str, str]] = {}
    for message in fields.get("messages") or ():
        sources += _message(message, calls)
    return History(sources=tuple(sources), tools={name: _definition(name, schema, fields) for name, schema in request.tools.items()})


def _system(fields: Mapping[str, Any]) -> Iterator[Source]:
    if fields.get("system"):
        yield Source(origin="operator", text="\n".join(strings(fields["system"])))


def _message(message: Mapping[str, Any], calls: dict[str, tuple[str, str]]) -> Iterator[Source]:
    for call in message.get("tool_calls") or ():
        inner = call.get("function") or call.get("custom") or {}
        calls[str(call.get("id"))] = (str(inner.get("name", "")), str(inner.get("arguments") or inner.get("input") or ""))
    origin = _ORIGINS.get(str(message.get("role")), "unknown")
    content = message.get("content")
    if origin == "tool":
        name, arguments = calls.get(str(message.get("tool_call_id")), (str(message.get("name") or ""), ""))
        yield Source(origin="tool", text=_text(content), tool=name, arguments=arguments)
    elif isinstance(content, list):
        for part in content:
            yield from _part(part, origin, calls)
    elif content:
        yield Source(origin=origin, text=str(content))


def _part(part: Mapping[str, Any], origin: Origin, calls: dict[str, tuple[str, str]]) -> Iterator[Source]:
    match part.get("type"):
        case "text":
            yield Source(origin=origin, text=str(part.get("text") or ""))
        case "tool_use":
            calls[str(part.get("id"))] = (str(part.get("name")), compact(part.get("input") or {}))
        case "tool_result":
            name, arguments = calls.get(str(part.get("tool_use_id")), ("", ""))
            yield Source(origin="tool", text=_text(part.get("content")), tool=name, arguments=arguments)
        case _:
            yield Source(origin="model" if origin == "model" else "document", text="\n".join(strings(part)))


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) if part.get("type") == "text" else "\n".join(strings(part)) for part in content)
    return str(content or "")


def _definition(name: str, schema: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    for tool in (*(fields.get("tools") or ()), *(fields.get("functions") or ())):
        inner = tool.get("function") or tool.get("custom") or tool
        if inner.get("name") == name:
            return {"name": name, "description": str(inner.get("description") or ""), "inputSchema": schema}
    return {"name": name, "inputSchema": schema}
