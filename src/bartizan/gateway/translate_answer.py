"""Whole answers from one dialect into the other; they were judged before."""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec

from bartizan.errors import UpstreamError
from bartizan.gateway.chat_stream import usage_of as chat_usage
from bartizan.gateway.dialect import Tokens
from bartizan.gateway.mapper import compact
from bartizan.gateway.messages_stream import usage_of as messages_usage

TO_CHAT: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
TO_MESSAGES: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def chat_usage_object(tokens: Tokens) -> dict[str, int]:
    """Return usage as chat completions have it."""
    return {"prompt_tokens": tokens.input, "completion_tokens": tokens.output, "total_tokens": tokens.input + tokens.output}


def answer_to_chat(fields: dict[str, Any]) -> bytes:
    """Translate a whole message into a chat completion."""
    content = fields["content"]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(block["text"] for block in content if block["type"] == "text") or None,
        "refusal": None,
    }
    if thoughts := "".join(block["thinking"] for block in content if block["type"] == "thinking"):
        message["reasoning_content"] = thoughts
    if calls := [
        {"id": block.get("id"), "type": "function", "function": {"name": block["name"], "arguments": compact(block.get("input"))}}
        for block in content
        if block["type"] == "tool_use"
    ]:
        message["tool_calls"] = calls
    finish = TO_CHAT.get(fields.get("stop_reason") or "", "stop")
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    head = {"id": fields.get("id"), "object": "chat.completion", "created": int(time.time()), "model": fields.get("model")}
    usage = chat_usage_object(messages_usage(fields.get("usage") or {}, Tokens()))
    return msgspec.json.encode(head | {"choices": [choice], "usage": usage})


def answer_to_messages(fields: dict[str, Any]) -> bytes:
    """Translate a whole chat completion into a message; raises UpstreamError."""
    choice = fields["choices"][0] if fields["choices"] else {"message": {}}
    message = choice["message"]
    content: list[dict[str, Any]] = []
    if thoughts := message.get("reasoning_content") or message.get("reasoning"):
        content.append({"type": "thinking", "thinking": thoughts, "signature": ""})
    if text := message.get("content") or message.get("refusal"):
        content.append({"type": "text", "text": text})
    for call in message.get("tool_calls") or ():
        function = call["function"]
        content.append({"type": "tool_use", "id": call.get("id"), "name": function["name"], "input": _object(function["arguments"])})
    stop = "refusal" if message.get("refusal") else TO_MESSAGES.get(choice.get("finish_reason") or "", "end_turn")
    tokens = chat_usage(fields.get("usage") or {})
    return msgspec.json.encode(
        {
            "id": fields.get("id"),
            "type": "message",
            "role": "assistant",
            "model": fields.get("model"),
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": tokens.input, "output_tokens": tokens.output},
        }
    )


def _object(arguments: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError as error:
        raise UpstreamError("the model's tool call is not JSON", code="upstream_protocol") from error
    if type(value) is not dict:
        raise UpstreamError("the model's tool call is not an object", code="upstream_protocol")
    return value
