"""Where in a request or an answer a phrase may stand: one builder a place, for the chat and the messages dialect.

Written from the public API references of both, not from the gateway's mappers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final, Literal

Dialect = Literal["chat", "messages"]
Body = dict[str, Any]
MODEL: Final = "scripted"
LEAD: Final = "Well, "
"""Every planted phrase in running text follows this; a client that sees more than this has seen a leak."""
_PIXEL: Final = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _user(content: Any, **more: Any) -> Body:  # noqa: ANN401 - JSON
    return {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": content}], **more}


def _history(*messages: Body, **more: Any) -> Body:  # noqa: ANN401 - JSON
    return {"model": MODEL, "max_tokens": 64, "messages": [*messages, {"role": "user", "content": "go on"}], **more}


def _text(text: str) -> Body:
    return {"type": "text", "text": text}


def _function(name: str = "look", description: str = "Looks a thing up.", properties: Body | None = None) -> Body:
    schema = {"type": "object", "properties": properties or {"q": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def _tool(name: str = "look", description: str = "Looks a thing up.", properties: Body | None = None) -> Body:
    schema = {"type": "object", "properties": properties or {"q": {"type": "string"}}}
    return {"name": name, "description": description, "input_schema": schema}


def _called(arguments: str, name: str = "look") -> Sequence[Body]:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return ({"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": [call]})


def _used(value: Any, name: str = "look") -> Sequence[Body]:  # noqa: ANN401 - JSON
    block = {"type": "tool_use", "id": "c1", "name": name, "input": value}
    return ({"role": "user", "content": "hi"}, {"role": "assistant", "content": [block]})


def _result(content: Any) -> Body:  # noqa: ANN401 - JSON
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": content}]}


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _coded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _data_url(text: str) -> str:
    return "data:text/plain;base64," + _coded(text)


_CHAT: Final[dict[str, Callable[[str], Body]]] = {
    "user": lambda s: _user(LEAD + s),
    "part": lambda s: _user([_text(LEAD + s)]),
    "two-parts": lambda s: _user([_text(part) for part in _halves(s)]),
    "around-image": lambda s: _user([_text(_halves(s)[0]), {"type": "image_url", "image_url": {"url": _PIXEL}}, _text(_halves(s)[1])]),
    "image-data-url": lambda s: _user([_text("see"), {"type": "image_url", "image_url": {"url": _data_url(s)}}]),
    "image-url": lambda s: _user([{"type": "image_url", "image_url": {"url": "https://example.org/" + s}}]),
    "file": lambda s: _user([{"type": "file", "file": {"filename": "a.txt", "file_data": _data_url(s)}}]),
    "audio": lambda s: _user([{"type": "input_audio", "input_audio": {"data": _coded(s), "format": "wav"}}]),
    "unknown-part": lambda s: _user([{"type": "poem", "poem": s}]),
    "system": lambda s: _history({"role": "system", "content": LEAD + s}),
    "developer": lambda s: _history({"role": "developer", "content": LEAD + s}),
    "name": lambda s: _history({"role": "user", "name": s, "content": "hi"}),
    "earlier-answer": lambda s: _history({"role": "assistant", "content": LEAD + s}),
    "earlier-refusal": lambda s: _history({"role": "assistant", "content": "", "refusal": LEAD + s}),
    "earlier-arguments": lambda s: _history(*_called(json.dumps({"q": s})), {"role": "tool", "tool_call_id": "c1", "content": "ok"}),
    "earlier-tool-name": lambda s: _history(*_called("{}", s), {"role": "tool", "tool_call_id": "c1", "content": "ok"}),
    "tool-result": lambda s: _history(*_called("{}"), {"role": "tool", "tool_call_id": "c1", "content": LEAD + s}),
    "tool-result-parts": lambda s: _history(*_called("{}"), {"role": "tool", "tool_call_id": "c1", "content": [_text(s)]}),
    "tool-name": lambda s: _user("hi", tools=[_function(s)]),
    "tool-description": lambda s: _user("hi", tools=[_function(description=LEAD + s)]),
    "tool-parameter": lambda s: _user("hi", tools=[_function(properties={"q": {"type": "string", "description": LEAD + s}})]),
    "tool-enum": lambda s: _user("hi", tools=[_function(properties={"q": {"type": "string", "enum": [s]}})]),
    "tool-property": lambda s: _user("hi", tools=[_function(properties={s: {"type": "string"}})]),
    "response-schema": lambda s: _user(
        "hi", response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"description": LEAD + s}}}
    ),
    "prediction": lambda s: _user("hi", prediction={"type": "content", "content": LEAD + s}),
    "unknown-field": lambda s: _user("hi", poem=LEAD + s),
}
_MESSAGES: Final[dict[str, Callable[[str], Body]]] = {
    "user": lambda s: _user(LEAD + s),
    "block": lambda s: _user([_text(LEAD + s)]),
    "two-blocks": lambda s: _user([_text(part) for part in _halves(s)]),
    "around-image": lambda s: _user(
        [
            _text(_halves(s)[0]),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PIXEL.partition(",")[2]}},
            _text(_halves(s)[1]),
        ]
    ),
    "image-url": lambda s: _user([{"type": "image", "source": {"type": "url", "url": "https://example.org/" + s}}]),
    "document-text": lambda s: _user(
        [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": LEAD + s}}, _text("sum it up")]
    ),
    "document-base64": lambda s: _user(
        [
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "text/plain", "data": _coded(s)},
            }
        ]
    ),
    "document-blocks": lambda s: _user([{"type": "document", "source": {"type": "content", "content": [_text(LEAD + s)]}}]),
    "document-title": lambda s: _user(
        [{"type": "document", "title": LEAD + s, "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]
    ),
    "document-context": lambda s: _user(
        [{"type": "document", "context": LEAD + s, "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]
    ),
    "unknown-block": lambda s: _user([{"type": "poem", "poem": s}]),
    "system": lambda s: _user("hi", system=LEAD + s),
    "system-blocks": lambda s: _user("hi", system=[_text(part) for part in _halves(s)]),
    "earlier-answer": lambda s: _history({"role": "user", "content": "hi"}, {"role": "assistant", "content": [_text(LEAD + s)]}),
    "earlier-thinking": lambda s: _history(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": LEAD + s, "signature": "x"}, _text("ok")]},
    ),
    "earlier-input": lambda s: _history(*_used({"q": s}), _result("ok")),
    "earlier-input-key": lambda s: _history(*_used({s: 1}), _result("ok")),
    "earlier-tool-name": lambda s: _history(*_used({}, s), _result("ok")),
    "tool-result": lambda s: _history(*_used({}), _result(LEAD + s)),
    "tool-result-blocks": lambda s: _history(*_used({}), _result([_text(part) for part in _halves(s)])),
    "tool-name": lambda s: _user("hi", tools=[_tool(s)]),
    "tool-description": lambda s: _user("hi", tools=[_tool(description=LEAD + s)]),
    "tool-parameter": lambda s: _user("hi", tools=[_tool(properties={"q": {"type": "string", "description": LEAD + s}})]),
    "tool-enum": lambda s: _user("hi", tools=[_tool(properties={"q": {"type": "string", "enum": [s]}})]),
    "unknown-field": lambda s: _user("hi", poem=LEAD + s),
}
INPUTS: Final[dict[Dialect, dict[str, Callable[[str], Body]]]] = {"chat": _CHAT, "messages": _MESSAGES}


def chat_answer(place: str, spelled: str) -> Body:
    """Return a whole chat completion with the phrase at a place."""
    message: Body = {"role": "assistant", "content": "fine"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    match place:
        case "text":
            message["content"] = LEAD + spelled
        case "second-choice":
            choices.append({"index": 1, "message": {"role": "assistant", "content": LEAD + spelled}, "finish_reason": "stop"})
        case "reasoning":
            message["reasoning_content"] = LEAD + spelled
        case "refusal":
            message["refusal"] = LEAD + spelled
        case "tool-name":
            message["tool_calls"] = [{"id": "c", "type": "function", "function": {"name": spelled, "arguments": "{}"}}]
        case _:
            message["tool_calls"] = [{"id": "c", "type": "function", "function": {"name": "look", "arguments": json.dumps({"q": spelled})}}]
    return {"id": "x", "object": "chat.completion", "created": 1, "model": MODEL, "choices": choices}


def chat_events(place: str, spelled: str, random: Random) -> Iterator[str]:
    """Return the data of each event of a streamed chat completion."""

    def chunk(delta: Body, *, index: int = 0, finish: str | None = None) -> str:
        choice = {"index": index, "delta": delta, "finish_reason": finish}
        return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]})

    index = int(place == "second-choice")
    field = {"reasoning": "reasoning_content", "refusal": "refusal"}.get(place, "content")
    yield chunk({"role": "assistant"})
    if place.startswith("tool"):
        name, arguments = (spelled, "{}") if place == "tool-name" else ("look", json.dumps({"q": spelled}))
        yield chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": name, "arguments": ""}}]})
        for piece in cut(arguments, random):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    else:
        for piece in cut(LEAD + spelled + " and so on.", random):
            yield chunk({field: piece}, index=index)
    yield chunk({}, index=index, finish="tool_calls" if place.startswith("tool") else "stop")
    yield "[DONE]"


def messages_answer(place: str, spelled: str) -> Body:
    """Return a whole message with the phrase at a place."""
    blocks: dict[str, list[Body]] = {
        "text": [_text(LEAD + spelled)],
        "second-block": [_text("fine"), _text(LEAD + spelled)],
        "two-blocks": [_text(LEAD + _halves(spelled)[0]), _text(_halves(spelled)[1])],
        "reasoning": [{"type": "thinking", "thinking": LEAD + spelled, "signature": "x"}, _text("fine")],
        "tool-name": [{"type": "tool_use", "id": "c", "name": spelled, "input": {}}],
        "tool-arguments": [{"type": "tool_use", "id": "c", "name": "look", "input": {"q": spelled}}],
    }
    usage = {"input_tokens": 1, "output_tokens": 1}
    stop = "tool_use" if place.startswith("tool") else "end_turn"
    return {
        "id": "x",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": blocks[place],
        "stop_reason": stop,
        "usage": usage,
    }


def messages_events(place: str, spelled: str, random: Random) -> Iterator[str]:
    """Return the data of each event of a streamed message; its type is the event's name."""
    whole = messages_answer(place, spelled)
    yield json.dumps({"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}})
    for index, block in enumerate(whole["content"]):
        kind, field, text = {
            "text": ("text_delta", "text", block.get("text", "") + (" and so on." if index == len(whole["content"]) - 1 else "")),
            "thinking": ("thinking_delta", "thinking", block.get("thinking", "")),
            "tool_use": ("input_json_delta", "partial_json", json.dumps(block.get("input", {}))),
        }[block["type"]]
        empty = {"text": "", "thinking": "", "input": {}}
        start = {key: empty.get(key, value) for key, value in block.items() if key != "signature"}
        yield json.dumps({"type": "content_block_start", "index": index, "content_block": start})
        for piece in cut(text, random):
            yield json.dumps({"type": "content_block_delta", "index": index, "delta": {"type": kind, field: piece}})
        yield json.dumps({"type": "content_block_stop", "index": index})
    yield json.dumps({"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"]}, "usage": {"output_tokens": 1}})
    yield json.dumps({"type": "message_stop"})


def cut(text: str, random: Random) -> Iterator[str]:
    """Cut a text into pieces as a model's tokens do; sometimes one character each, sometimes all at once."""
    size = random.choice((1, 2, 6, len(text)))
    at = 0
    while at < len(text):
        step = random.randint(1, max(1, size))
        yield text[at : at + step]
        at += step


OUTPUTS: Final[dict[Dialect, tuple[str, ...]]] = {
    "chat": ("text", "second-choice", "reasoning", "refusal", "tool-name", "tool-arguments"),
    "messages": ("text", "second-block", "two-blocks", "reasoning", "tool-name", "tool-arguments"),
}
