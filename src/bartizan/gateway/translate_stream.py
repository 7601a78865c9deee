"""Streamed answers from one dialect into the other, event by event; each result waits in its event's place until it is released."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from bartizan.errors import UpstreamError
from bartizan.gateway.chat_stream import usage_of as chat_usage
from bartizan.gateway.dialect import Tokens
from bartizan.gateway.messages_stream import usage_of as messages_usage
from bartizan.gateway.sse import ServerEvent
from bartizan.gateway.translate_answer import TO_CHAT, TO_MESSAGES, chat_usage_object


class StreamToChat:
    """Anthropic's events in, chat completion chunks out."""

    def __init__(self, *, model: str, exchange: str, include_usage: bool) -> None:
        self._head = {"id": exchange, "object": "chat.completion.chunk", "created": int(time.time()), "model": model}
        self._include_usage = include_usage
        self._calls: dict[Any, int] = {}
        self._tokens = Tokens()
        self._ended = False

    def __call__(self, event: ServerEvent) -> bytes:
        """Translate one event."""
        fields = _decode(event.data)
        match fields.get("type"):
            case "message_start":
                self._tokens = messages_usage(fields["message"].get("usage") or {}, self._tokens)
                return self._chunk({"role": "assistant", "content": ""})
            case "content_block_start":
                return self._start(fields["index"], fields["content_block"])
            case "content_block_delta":
                return self._delta(fields["index"], fields["delta"])
            case "message_delta":
                self._tokens = messages_usage(fields.get("usage") or {}, self._tokens)
                return self._chunk({}, TO_CHAT.get(fields["delta"].get("stop_reason") or "", "stop"))
            case "message_stop":
                return self.close()
            case _:
                return b""

    def close(self) -> bytes:
        """The stream ended."""
        if self._ended:
            return b""
        self._ended = True
        usage = b""
        if self._include_usage:
            usage = b"data: %s\n\n" % msgspec.json.encode(self._head | {"choices": [], "usage": chat_usage_object(self._tokens)})
        return usage + b"data: [DONE]\n\n"

    def _start(self, index: object, block: dict[str, Any]) -> bytes:
        match block.get("type"):
            case "tool_use":
                number = self._calls[index] = len(self._calls)
                call = {"index": number, "id": block.get("id"), "type": "function", "function": {"name": block["name"], "arguments": ""}}
                return self._chunk({"tool_calls": [call]})
            case "text" if block.get("text"):
                return self._chunk({"content": block["text"]})
            case "thinking" if block.get("thinking"):
                return self._chunk({"reasoning_content": block["thinking"]})
            case _:
                return b""

    def _delta(self, index: object, delta: dict[str, Any]) -> bytes:
        match delta.get("type"):
            case "text_delta":
                return self._chunk({"content": delta["text"]})
            case "thinking_delta":
                return self._chunk({"reasoning_content": delta["thinking"]})
            case "input_json_delta":
                call = {"index": self._calls[index], "function": {"arguments": delta["partial_json"]}}
                return self._chunk({"tool_calls": [call]})
            case _:
                return b""

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: %s\n\n" % msgspec.json.encode(self._head | {"choices": [choice]})


class StreamToMessages:
    """Chat completion chunks in, Anthropic's events out."""

    def __init__(self, *, model: str, exchange: str) -> None:
        self._model = model
        self._exchange = exchange
        self._begun = False
        self._ended = False
        self._index = -1
        self._open = ""
        """Which block is open: its kind, with the call's index for a tool call."""
        self._closed: set[str] = set()
        self._stop = "end_turn"
        self._tokens = Tokens()

    def __call__(self, event: ServerEvent) -> bytes:
        """Translate one event."""
        if event.data == b"[DONE]":
            return self.close()
        chunk = _decode(event.data)
        out = self._begin()
        if chunk.get("usage"):
            self._tokens = chat_usage(chunk["usage"])
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if thoughts := delta.get("reasoning_content") or delta.get("reasoning"):
                out += self._block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
                out += self._delta({"type": "thinking_delta", "thinking": thoughts})
            if text := delta.get("content") or delta.get("refusal"):
                out += self._block("text", {"type": "text", "text": ""})
                out += self._delta({"type": "text_delta", "text": text})
            for position, call in enumerate(delta.get("tool_calls") or ()):
                out += self._call(call.get("index", position), call)
            if finish := choice.get("finish_reason"):
                self._stop = TO_MESSAGES.get(finish, "end_turn")
        return out

    def close(self) -> bytes:
        """The stream ended."""
        if self._ended:
            return b""
        self._ended = True
        out = self._begin() + self._end_block()
        usage = {"input_tokens": self._tokens.input, "output_tokens": self._tokens.output}
        out += _event("message_delta", {"delta": {"stop_reason": self._stop, "stop_sequence": None}, "usage": usage})
        return out + _event("message_stop", {})

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message = {"id": self._exchange, "type": "message", "role": "assistant", "model": self._model, "content": []}
        usage = {"input_tokens": 0, "output_tokens": 0}
        return _event("message_start", {"message": message | {"stop_reason": None, "stop_sequence": None, "usage": usage}})

    def _call(self, number: object, call: dict[str, Any]) -> bytes:
        function = call.get("function") or {}
        block: dict[str, Any] = {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": {}}
        out = self._block(f"call {number}", block)
        if arguments := function.get("arguments"):
            out += self._delta({"type": "input_json_delta", "partial_json": arguments})
        return out

    def _block(self, key: str, block: dict[str, Any]) -> bytes:
        if self._open == key:
            return b""
        if key in self._closed and key.startswith("call"):
            raise UpstreamError("the model's tool calls are interleaved, which a message can't say", code="upstream_protocol")
        out = self._end_block()
        self._index += 1
        self._open = key
        return out + _event("content_block_start", {"index": self._index, "content_block": block})

    def _end_block(self) -> bytes:
        if not self._open:
            return b""
        self._closed.add(self._open)
        self._open = ""
        return _event("content_block_stop", {"index": self._index})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode({"type": name} | fields))


def _decode(data: bytes | None) -> dict[str, Any]:
    value = msgspec.json.decode(data or b"{}")
    return value if type(value) is dict else {}
