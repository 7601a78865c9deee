"""Anthropic Messages: requests, answers and streams (types of the anthropic package, 2.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from bartizan.control import ToolCall
from bartizan.errors import RefusedError, UpstreamError
from bartizan.event import Origin
from bartizan.gateway.dialect import Answer, Reader, Request, Tokens, tool_call
from bartizan.gateway.mapper import (
    STEERING,
    Mapper,
    compact,
    identifier,
    items,
    known_fields,
    mapping,
    model_name,
    schema_of,
    string,
    strings,
    truth,
    whole,
)
from bartizan.gateway.messages_stream import MessagesReader, usage_of
from bartizan.model import Speaks

KNOWN: Final = known_fields("messages")
_CLIENT_TOOLS: Final = tuple(KNOWN["client_tools"])
_ORIGINS: Final[dict[str, Origin]] = {"user": "user", "assistant": "model"}
_MAPPED: Final = ("model", "messages", "system", "tools", "metadata", "stop_sequences", "output_config", "tool_choice")
_REQUEST: Final = KNOWN["request"] | set(_MAPPED) | STEERING


class Messages:
    """``/v1/messages``."""

    name = "messages"
    speaks: Speaks = "anthropic"
    path = "/v1/messages"

    def read_request(self, fields: dict[str, Any], *, max_segments: int, max_choices: int) -> Request:
        """Understand a request; raises RefusedError 400."""
        del max_choices  # a message has one choice
        mapper = Mapper(max_segments=max_segments)
        tools: dict[str, Mapping[str, Any]] = {}
        if fields.get("system") is not None:
            _content(mapper, "$.system", fields["system"], "operator", "system")
            mapper.flush()
        messages = items(fields.get("messages"), "$.messages")
        if not messages:
            raise RefusedError("messages is empty", code="invalid_type", param="messages")
        for number, message in enumerate(messages):
            path = f"$.messages[{number}]"
            role = string(message.get("role"), f"{path}.role")
            if origin := _ORIGINS.get(role):
                _content(mapper, f"{path}.content", message.get("content"), origin, role)
                mapper.rest(path, message, KNOWN["message"], "content")
            else:
                mapper.unknown(path, message, role=role[:40])
        mapper.flush()
        if fields.get("tools") is not None:
            for number, tool in enumerate(items(fields["tools"], "$.tools")):
                _tool(mapper, f"$.tools[{number}]", tool, tools)
        for name in ("metadata", "stop_sequences", "output_config", "tool_choice"):
            if fields.get(name) is not None:
                mapper.add(f"$.{name}", "user", "metadata", "\n".join(strings(fields[name])), joined=True)
        mapper.rest("$", fields, _REQUEST)
        return Request(
            model=model_name(fields),
            stream=truth(fields, "stream"),
            choices=1,
            max_tokens=whole(fields, "max_tokens", default=0),
            segments=tuple(mapper.segments),
            tools=tools,
            unknown=tuple(mapper.unknown_paths),
            media=tuple(mapper.media_paths),
            steering=() if STEERING.isdisjoint(fields) else tuple(name for name in fields if name in STEERING),
            fields=fields,
        )

    def read_answer(self, fields: dict[str, Any], tools: Mapping[str, Mapping[str, Any]]) -> Answer:
        """Understand a whole answer; raises UpstreamError."""
        calls: list[ToolCall] = []
        mapper = Mapper(max_segments=1 << 20)
        finish = fields.get("stop_reason") or ""
        try:
            for number, block in enumerate(items(fields.get("content"), "$.content")):
                _answer_block(mapper, f"$.content[{number}]", block, calls, tools)
            mapper.flush()
            mapper.rest("$", fields, KNOWN["answer"], "content", origin="model")
            _details(mapper, fields.get("stop_details"))
        except RefusedError as error:
            raise UpstreamError(f"the model's answer is malformed: {error.message}", code="upstream_protocol") from error
        usage = fields.get("usage")
        return Answer(
            segments=tuple(mapper.segments),
            calls=tuple(calls),
            tokens=usage_of(usage, Tokens()) if type(usage) is dict else Tokens(),
            finish=finish if type(finish) is str else "",
            marks=("refusal",) if finish == "refusal" else (),
            unknown=tuple(mapper.unknown_paths),
        )

    def reader(self, tools: Mapping[str, Mapping[str, Any]]) -> Reader:
        """Begin to follow a streamed answer."""
        return MessagesReader(KNOWN, tools)

    def error(self, *, status: int, code: str, message: str, param: str, exchange: str) -> bytes:
        """Encode an error as the anthropic package reads it; our stable code stands beside its type."""
        kind = _KINDS.get(status, "api_error" if status >= 500 else "invalid_request_error")
        error = {"type": kind, "message": message, "code": code} | ({"param": param} if param else {})
        return msgspec.json.encode({"type": "error", "error": error, "request_id": exchange})

    def stream_error(self, *, code: str, message: str, exchange: str, model: str, kind: Literal["blocked", "failed"]) -> bytes:
        """Encode ``event: error``, after which clients raise; never ``message_stop``."""
        del model
        status = 403 if kind == "blocked" else 500
        return b"event: error\ndata: %s\n\n" % self.error(status=status, code=code, message=message, param="", exchange=exchange)


_KINDS: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def _content(mapper: Mapper, path: str, content: object, origin: Origin, role: str) -> None:
    if type(content) is str:
        mapper.part(path, origin, content, role=role)
        return
    for number, block in enumerate(items(content, path)):
        _block(mapper, f"{path}[{number}]", block, origin, role)


def _block(mapper: Mapper, path: str, block: dict[str, Any], origin: Origin, role: str) -> None:
    mapped: tuple[str, ...]
    identifier(block.get("id"), f"{path}.id")
    identifier(block.get("tool_use_id"), f"{path}.tool_use_id")
    match block.get("type"):
        case "text":
            mapper.part(f"{path}.text", origin, string(block.get("text"), f"{path}.text"), role=role)
            mapped = ("text",)
        case "thinking" | "redacted_thinking" as kind:
            name = "thinking" if kind == "thinking" else "data"
            mapper.add(f"{path}.{name}", origin, "reasoning", string(block.get(name), f"{path}.{name}"), role=role)
            mapped = (name,)
        case "tool_use":
            mapper.add(f"{path}.name", "model", "tool_name", string(block.get("name"), f"{path}.name"), role=role)
            mapper.add(f"{path}.input", "model", "tool_arguments", compact(block.get("input")), role=role)
            mapped = ("name", "input")
        case "tool_result":
            if block.get("content") is not None:
                _content(mapper, f"{path}.content", block["content"], "tool", "tool")
            mapped = ("content",)
        case "search_result":
            _search_result(mapper, path, block)
            mapped = ("title", "source", "content")
        case "image" | "document":
            _source(mapper, path, block, role)
            mapped = ("source", "title", "context")
        case _:
            mapper.unknown(path, block, origin=origin, role=role)
            return
    mapper.rest(path, block, KNOWN["block"], *mapped)
    mapper.add(f"{path}.citations", "document", "metadata", "\n".join(strings(block.get("citations"))), joined=True)


def _search_result(mapper: Mapper, path: str, block: dict[str, Any]) -> None:
    for name in ("title", "source"):
        mapper.add(f"{path}.{name}", "document", "metadata", string(block.get(name) or "", f"{path}.{name}"))
    _content(mapper, f"{path}.content", block.get("content"), "document", "tool")


def _source(mapper: Mapper, path: str, block: dict[str, Any], role: str) -> None:
    source = mapping(block.get("source"), f"{path}.source")
    at = f"{path}.source"
    for name in ("title", "context"):
        mapper.add(f"{path}.{name}", "document", "metadata", string(block.get(name) or "", f"{path}.{name}"))
    media_type = string(source.get("media_type") or "", f"{at}.media_type")
    match source.get("type"):
        case "text":
            mapper.add(f"{at}.data", "document", "text", string(source.get("data"), f"{at}.data"), role=role, media_type=media_type)
        case "content":
            _content(mapper, f"{at}.content", source.get("content"), "document", "document")
        case "base64":
            mapper.media(at, f"data:{media_type};base64,{string(source.get('data'), f'{at}.data')}", role=role)
        case "url":
            mapper.media(f"{at}.url", string(source.get("url"), f"{at}.url"), role=role)
        case "file":
            mapper.media(f"{at}.file_id", string(source.get("file_id"), f"{at}.file_id"), role=role)
        case _:
            mapper.unknown(at, source, role=role)
            return
    mapper.rest(at, source, frozenset({"type", "media_type"}), "data", "content", "url", "file_id")


def _tool(mapper: Mapper, path: str, tool: dict[str, Any], tools: dict[str, Mapping[str, Any]]) -> None:
    kind = tool.get("type") or "custom"
    if type(kind) is not str or not (kind == "custom" or kind.startswith(_CLIENT_TOOLS)):
        mapper.unknown(path, tool)  # the server itself would run it
        return
    name = string(tool.get("name"), f"{path}.name")
    if name in tools:
        raise RefusedError(f"the tool {name[:100]!r} is offered twice", code="duplicate_tool", param="tools")
    tools[name] = schema_of(tool.get("input_schema"), f"{path}.input_schema") if kind == "custom" else {}
    mapper.tool(path, name, tool.get("description"), [tool.get("input_schema"), tool.get("input_examples")])
    known = frozenset({"type", "cache_control", "strict", "eager_input_streaming", "defer_loading", "allowed_callers"})
    if kind != "custom":
        known |= {"display_width_px", "display_height_px", "display_number", "max_characters"}
    mapper.rest(path, tool, known, "name", "description", "input_schema", "input_examples")


def _answer_block(mapper: Mapper, path: str, block: dict[str, Any], calls: list[ToolCall], tools: Mapping[str, Mapping[str, Any]]) -> None:
    if block.get("type") == "tool_use":
        arguments = compact(block.get("input"))
        calls.append(tool_call(path, string(block.get("name"), f"{path}.name"), arguments, tools, 0))
        mapper.rest(path, block, KNOWN["block"], "name", "input", origin="model")
    else:
        _block(mapper, path, block, "model", "assistant")


def _details(mapper: Mapper, details: object) -> None:
    if details is not None:
        mapper.add("$.stop_details", "model", "refusal", "\n".join(strings(details)), joined=True)
