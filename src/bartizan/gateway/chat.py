"""OpenAI Chat Completions: requests, answers and streams (types of the openai package, 3.54)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from bartizan.control import ToolCall
from bartizan.errors import RefusedError, UpstreamError
from bartizan.event import Channel, Origin
from bartizan.gateway.chat_stream import ChatReader, usage_of
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
from bartizan.model import Speaks

KNOWN: Final = known_fields("chat")
_ORIGINS: Final[dict[str, Origin]] = {
    "system": "operator",
    "developer": "operator",
    "user": "user",
    "assistant": "model",
    "tool": "tool",
    "function": "tool",
}
_MAPPED: Final = (
    *("model", "messages", "tools", "functions", "metadata", "stop", "prediction", "response_format"),
    *("tool_choice", "function_call", "audio"),
)
_TEXTS: Final[dict[str, Channel]] = {"content": "text", "reasoning_content": "reasoning", "reasoning": "reasoning", "refusal": "refusal"}

_REQUEST: Final = KNOWN["request"] | set(_MAPPED) | STEERING
_ANSWER: Final = KNOWN["answer"] | {"choices"}
_CHOICE: Final = KNOWN["choice"] | {"message"}
_SAID: Final = KNOWN["delta"] | set(_TEXTS) | {"audio", "tool_calls", "function_call"}
_BESIDES: Final[dict[str, Channel]] = {
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
    "refusal": "refusal",
    "name": "metadata",
}


class Chat:
    """``/v1/chat/completions``."""

    name = "chat"
    speaks: Speaks = "openai"
    path = "/v1/chat/completions"

    def read_request(self, fields: dict[str, Any], *, max_segments: int, max_choices: int) -> Request:
        """Understand a request; raises RefusedError 400."""
        mapper = Mapper(max_segments=max_segments)
        tools: dict[str, Mapping[str, Any]] = {}
        messages = items(fields.get("messages"), "$.messages")
        if not messages:
            raise RefusedError("messages is empty", code="invalid_type", param="messages")
        for number, message in enumerate(messages):
            _message(mapper, f"$.messages[{number}]", message)
        mapper.flush()
        if "tools" in fields and fields["tools"] is not None:
            for number, tool in enumerate(items(fields["tools"], "$.tools")):
                _tool(mapper, f"$.tools[{number}]", tool, tools)
        if "functions" in fields and fields["functions"] is not None:
            for number, tool in enumerate(items(fields["functions"], "$.functions")):
                _function(mapper, f"$.functions[{number}]", tool, tools)
        _rest(mapper, fields)
        mapper.rest("$", fields, _REQUEST)
        return Request(
            model=model_name(fields),
            stream=truth(fields, "stream"),
            choices=whole(fields, "n", default=1, least=1, most=max_choices),
            max_tokens=whole(fields, "max_completion_tokens", default=0) or whole(fields, "max_tokens", default=0),
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
        marks: list[str] = []
        finishes: list[str] = []
        mapper = Mapper(max_segments=1 << 20)
        try:
            for number, choice in enumerate(items(fields.get("choices"), "$.choices")):
                mapper.choice = whole(choice, "index", default=number)
                path = f"$.choices[{number}]"
                finishes.append(choice.get("finish_reason") or "")
                mapper.rest(path, choice, _CHOICE, origin="model")
                _answer_message(mapper, f"{path}.message", mapping(choice.get("message"), f"{path}.message"), calls, marks, tools)
            mapper.rest("$", fields, _ANSWER, origin="model")
        except RefusedError as error:
            raise UpstreamError(f"the model's answer is malformed: {error.message}", code="upstream_protocol") from error
        if "content_filter" in finishes:
            marks.append("content_filter")
        usage = fields.get("usage")
        return Answer(
            segments=tuple(mapper.segments),
            calls=tuple(calls),
            tokens=usage_of(usage) if type(usage) is dict else Tokens(),
            finish=finishes[0] if finishes else "",
            marks=tuple(marks),
            unknown=tuple(mapper.unknown_paths),
        )

    def reader(self, tools: Mapping[str, Mapping[str, Any]]) -> Reader:
        """Begin to follow a streamed answer."""
        return ChatReader(KNOWN, tools)

    def error(self, *, status: int, code: str, message: str, param: str, exchange: str) -> bytes:
        """Encode an error as the openai package reads it."""
        kind = "server_error" if status >= 500 else _KINDS.get(status, "invalid_request_error")
        return msgspec.json.encode(
            {"error": {"message": message, "type": kind, "param": param or None, "code": code, "request_id": exchange}}
        )

    def stream_error(self, *, code: str, message: str, exchange: str, model: str, kind: Literal["blocked", "failed"]) -> bytes:
        """Encode a last chunk that says ``content_filter`` when a control stopped the answer, then the error; never ``[DONE]``."""
        head = b""
        if kind == "blocked":
            chunk = {
                "id": exchange,
                "object": "chat.completion.chunk",
                "created": 0,
                "model": model,
                "choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}],
            }
            head = b"data: %s\n\n" % msgspec.json.encode(chunk)
        status = 403 if kind == "blocked" else 502
        return head + b"data: %s\n\n" % self.error(status=status, code=code, message=message, param="", exchange=exchange)


_KINDS: Final = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def _message(mapper: Mapper, path: str, message: dict[str, Any]) -> None:
    role = string(message.get("role"), f"{path}.role")
    origin = _ORIGINS.get(role)
    if origin is None:
        mapper.unknown(path, message, role=role[:40])
        return
    content = message.get("content")
    if type(content) is str:
        mapper.part(f"{path}.content", origin, content, role=role)
        if len(message) == 2:
            return
    else:
        for number, part in enumerate(items(content or [], f"{path}.content")):
            _part(mapper, f"{path}.content[{number}]", part, origin, role)
    for name, channel in _BESIDES.items():
        if message.get(name) is not None:
            mapper.add(f"{path}.{name}", origin, channel, string(message[name], f"{path}.{name}"), role=role)
    if message.get("audio") is not None:
        mapper.media(f"{path}.audio", "audio:" + compact(message["audio"]), role=role)
    identifier(message.get("tool_call_id"), f"{path}.tool_call_id")
    _past_calls(mapper, path, message)
    mapped = ("content", "reasoning_content", "reasoning", "refusal", "name", "tool_calls", "function_call", "audio")
    mapper.rest(path, message, KNOWN["message"], *mapped)


def _past_calls(mapper: Mapper, path: str, message: dict[str, Any]) -> None:
    if message.get("tool_calls") is not None:
        for number, call in enumerate(items(message["tool_calls"], f"{path}.tool_calls")):
            _past_call(mapper, f"{path}.tool_calls[{number}]", call)
    if message.get("function_call") is not None:
        _past_call(mapper, f"{path}.function_call", {"function": message["function_call"]})


def _part(mapper: Mapper, path: str, part: dict[str, Any], origin: Origin, role: str) -> None:
    mapped: tuple[str, ...]
    match part.get("type"):
        case "text":
            mapper.part(f"{path}.text", origin, string(part.get("text"), f"{path}.text"), role=role)
            mapped = ("text",)
        case "refusal":
            mapper.add(f"{path}.refusal", origin, "refusal", string(part.get("refusal"), f"{path}.refusal"), role=role)
            mapped = ("refusal",)
        case "image_url":
            image = part.get("image_url")
            url = image.get("url") if type(image) is dict else image
            mapper.media(f"{path}.image_url.url", string(url, f"{path}.image_url.url"), role=role)
            if type(image) is dict:
                mapper.rest(f"{path}.image_url", image, KNOWN["part"], "url")
            mapped = ("image_url",)
        case "input_audio" | "file" as kind:
            inner = mapping(part.get(kind), f"{path}.{kind}")
            data = inner.get("file_data") or inner.get("file_id") or inner.get("data") or ""
            mapper.media(f"{path}.{kind}", string(data, f"{path}.{kind}"), media_type=str(kind), role=role)
            mapper.add(f"{path}.{kind}.filename", origin, "metadata", string(inner.get("filename") or "", f"{path}.{kind}.filename"))
            mapper.rest(f"{path}.{kind}", inner, KNOWN["part"], "file_data", "file_id", "filename", "data", "format")
            mapped = (kind,)
        case _:
            mapper.unknown(path, part, origin=origin, role=role)
            return
    mapper.rest(path, part, KNOWN["part"], *mapped)


def _past_call(mapper: Mapper, path: str, call: dict[str, Any]) -> None:
    for kind, text in (("function", "arguments"), ("custom", "input")):
        if call.get(kind) is not None:
            inner = mapping(call[kind], f"{path}.{kind}")
            mapper.add(f"{path}.{kind}.name", "model", "tool_name", string(inner.get("name"), f"{path}.{kind}.name"))
            mapper.add(f"{path}.{kind}.{text}", "model", "tool_arguments", string(inner.get(text) or "", f"{path}.{kind}.{text}"))
            mapper.rest(f"{path}.{kind}", inner, frozenset(), "name", text)
    identifier(call.get("id"), f"{path}.id")
    mapper.rest(path, call, frozenset({"id", "type", "index"}), "function", "custom")


def _tool(mapper: Mapper, path: str, tool: dict[str, Any], tools: dict[str, Mapping[str, Any]]) -> None:
    match tool.get("type"):
        case "function":
            _function(mapper, f"{path}.function", mapping(tool.get("function"), f"{path}.function"), tools)
            mapper.rest(path, tool, KNOWN["part"], "function")
        case "custom":
            custom = mapping(tool.get("custom"), f"{path}.custom")
            name = string(custom.get("name"), f"{path}.custom.name")
            mapper.tool(f"{path}.custom", name, custom.get("description"), custom.get("format"))
            mapper.rest(f"{path}.custom", custom, frozenset(), "name", "description", "format")
            mapper.rest(path, tool, KNOWN["part"], "custom")
            tools[name] = {}
        case _:
            mapper.unknown(path, tool)


def _function(mapper: Mapper, path: str, function: dict[str, Any], tools: dict[str, Mapping[str, Any]]) -> None:
    name = string(function.get("name"), f"{path}.name")
    if name in tools:
        raise RefusedError(f"the tool {name[:100]!r} is offered twice", code="duplicate_tool", param=path[2:])
    tools[name] = schema_of(function.get("parameters"), f"{path}.parameters")
    mapper.tool(path, name, function.get("description"), function.get("parameters"))
    mapper.rest(path, function, frozenset({"strict"}), "name", "description", "parameters")


_TEXT_FIELDS: Final[dict[str, tuple[Origin, Channel]]] = {
    "metadata": ("user", "metadata"),
    "stop": ("user", "metadata"),
    "tool_choice": ("user", "metadata"),
    "function_call": ("user", "metadata"),
    "prediction": ("user", "text"),
    "response_format": ("operator", "tool_schema"),
}


def _rest(mapper: Mapper, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if value is None:
            continue
        if kind := _TEXT_FIELDS.get(name):
            mapper.add(f"$.{name}", *kind, "\n".join(strings(value)), joined=True)
        elif name == "audio":
            mapper.media("$.audio", "audio:" + compact(value))


def _answer_message(
    mapper: Mapper, path: str, message: dict[str, Any], calls: list[ToolCall], marks: list[str], tools: Mapping[str, Mapping[str, Any]]
) -> None:
    for name, value in message.items():
        if value and (channel := _TEXTS.get(name)):
            mapper.add(f"{path}.{name}", "model", channel, string(value, f"{path}.{name}"), role="assistant")
            if channel == "refusal":
                marks.append("refusal")
    if message.get("audio") is not None:
        mapper.unknown(f"{path}.audio", message["audio"], origin="model")
    if not (message.get("tool_calls") or message.get("function_call")):
        mapper.rest(path, message, _SAID, origin="model")
        return
    past = list(items(message.get("tool_calls") or [], f"{path}.tool_calls"))
    if message.get("function_call"):
        past.append({"function": message["function_call"]})
    for number, call in enumerate(past):
        inner = mapping(call.get("function") or call.get("custom"), f"{path}.tool_calls[{number}]")
        at = f"{path}.tool_calls[{number}]"
        arguments = string(inner.get("arguments", inner.get("input")), at)
        calls.append(tool_call(at, string(inner.get("name"), at), arguments, tools, mapper.choice))
    mapper.rest(path, message, _SAID, origin="model")
