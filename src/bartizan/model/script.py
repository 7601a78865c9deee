"""What the scripted double says: rules in a small TOML or JSON file, rendered in either dialect."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.errors import ConfigError

_CREATED: Final = 1_767_225_600


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool call of the double; ``arguments`` go out as they stand, valid JSON or not."""

    name: str
    arguments: str = "{}"


class Failure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error instead of an answer."""

    status: int = 500
    message: str = "scripted failure"
    headers: dict[str, str] = {}


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said, and how it arrives. ``texts`` has one entry a choice; with ``n`` choices missing ones repeat the last."""

    texts: tuple[str, ...] = ("",)
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = ""
    """The stop reason in the dialect asked; empty for the natural one."""
    error: Failure | None = None
    delay_s: float = 0.0
    """Seconds before the first byte."""
    tokens_per_s: float = 0.0
    """Pace of a stream; 0 for all at once."""
    token_chars: int = 4
    fragment_bytes: int = 0
    """Write the answer in pieces of so many bytes, each its own TCP segment; 0 for whole events."""
    crlf: bool = False
    done: bool = True
    """Whether a stream ends with its dialect's own terminal event."""
    usage: bool = True
    error_after: int = -1
    """Send an error event after so many events of a stream."""
    close_after: int = -1
    """Close the connection after so many events of a stream."""
    raw: str = ""
    """Sent as the body as it is, instead of everything above."""
    raw_type: str = "application/json"


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply for requests whose body contains ``when``, as text; an empty one fits all. The first that fits wins."""

    when: str = ""
    reply: Reply = Reply()


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules in order, and the models that the double lists. A request that no rule fits is echoed: its last text comes back."""

    rules: tuple[Rule, ...] = ()
    models: tuple[str, ...] = ("scripted",)

    def reply(self, body: bytes, fields: dict[str, Any]) -> Reply:
        """Choose the reply to a request."""
        text = body.decode("utf-8", "replace")
        for rule in self.rules:
            if rule.when in text:
                return rule.reply
        return Reply(texts=(_last_text(fields),))


def load_script(path: Path) -> Script:
    """Read a script from a ``.toml`` or ``.json`` file; raises ConfigError."""
    try:
        data = path.read_bytes()
        raw = msgspec.json.decode(data) if path.suffix == ".json" else tomllib.loads(data.decode())
        return msgspec.convert(raw, Script)
    except OSError as error:
        raise ConfigError(f"reading the script: {error.strerror}", source=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"reading the script: {error}", source=str(path), hint="docs/scripted-model.md shows the format") from error


def chat_answer(reply: Reply, fields: dict[str, Any]) -> bytes:
    """Render a whole chat completion."""
    choices = []
    for index in range(int(fields.get("n") or 1)):
        message: dict[str, Any] = {"role": "assistant", "content": _text(reply, index) or None, "refusal": reply.refusal or None}
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        if reply.calls:
            message["tool_calls"] = [_chat_call(number, call) for number, call in enumerate(reply.calls)]
        choices.append({"index": index, "message": message, "finish_reason": _chat_finish(reply), "logprobs": None})
    answer = {"id": "chatcmpl-scripted", "object": "chat.completion", "created": _CREATED, "model": fields.get("model"), "choices": choices}
    if reply.usage:
        answer["usage"] = {"prompt_tokens": 7, "completion_tokens": _tokens(reply), "total_tokens": 7 + _tokens(reply)}
    return msgspec.json.encode(answer)


def chat_events(reply: Reply, fields: dict[str, Any]) -> Iterator[bytes]:
    """Render a streamed chat completion, one event at a time."""
    head = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": _CREATED, "model": fields.get("model")}
    choices = range(int(fields.get("n") or 1))
    for index, delta in _chat_deltas(reply, choices):
        yield _data(head | {"choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]})
    for index in choices:
        yield _data(head | {"choices": [{"index": index, "delta": {}, "logprobs": None, "finish_reason": _chat_finish(reply)}]})
    if reply.usage and (fields.get("stream_options") or {}).get("include_usage"):
        usage = {"prompt_tokens": 7, "completion_tokens": _tokens(reply), "total_tokens": 7 + _tokens(reply)}
        yield _data(head | {"choices": [], "usage": usage})
    if reply.done:
        yield b"data: [DONE]\n\n"


def _chat_deltas(reply: Reply, choices: range) -> Iterator[tuple[int, dict[str, Any]]]:
    for index in choices:
        yield index, {"role": "assistant", "content": ""}
    for name, text in (("reasoning_content", reply.reasoning), ("refusal", reply.refusal)):
        for token in _cut(text, reply.token_chars):
            yield 0, {name: token}
    for index in choices:
        for token in _cut(_text(reply, index), reply.token_chars):
            yield index, {"content": token}
    for number, call in enumerate(reply.calls):
        yield 0, {"tool_calls": [_chat_call(number, Call(name=call.name, arguments="")) | {"index": number}]}
        for token in _cut(call.arguments, reply.token_chars):
            yield 0, {"tool_calls": [{"index": number, "function": {"arguments": token}}]}


def messages_answer(reply: Reply, fields: dict[str, Any]) -> bytes:
    """Render a whole message."""
    content: list[dict[str, Any]] = []
    if reply.reasoning:
        content.append({"type": "thinking", "thinking": reply.reasoning, "signature": "scripted"})
    content += [{"type": "text", "text": text} for text in reply.texts if text]
    for number, call in enumerate(reply.calls):
        content.append({"type": "tool_use", "id": f"toolu_{number}", "name": call.name, "input": msgspec.Raw(call.arguments.encode())})
    usage = {"input_tokens": 7, "output_tokens": _tokens(reply)}
    return msgspec.json.encode(_message(reply, fields) | {"content": content, "stop_reason": _messages_finish(reply), "usage": usage})


def messages_events(reply: Reply, fields: dict[str, Any]) -> Iterator[bytes]:
    """Render a streamed message, one event at a time."""
    usage = {"input_tokens": 7, "output_tokens": 1}
    yield _event("message_start", {"message": _message(reply, fields) | {"content": [], "stop_reason": None, "usage": usage}})
    blocks: list[tuple[dict[str, Any], str, str, str]] = []
    if reply.reasoning:
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", reply.reasoning))
    blocks += [({"type": "text", "text": ""}, "text_delta", "text", text) for text in reply.texts if text]
    for number, call in enumerate(reply.calls):
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": call.name, "input": {}}
        blocks.append((block, "input_json_delta", "partial_json", call.arguments))
    for index, (block, kind, field, text) in enumerate(blocks):
        yield _event("content_block_start", {"index": index, "content_block": block})
        for token in _cut(text, reply.token_chars):
            yield _event("content_block_delta", {"index": index, "delta": {"type": kind, field: token}})
        yield _event("content_block_stop", {"index": index})
    delta = {"stop_reason": _messages_finish(reply), "stop_sequence": None}
    yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": _tokens(reply)}})
    if reply.done:
        yield _event("message_stop", {})


def error_body(kind: str, message: str) -> bytes:
    """Render an error in a dialect (``openai`` or ``anthropic``)."""
    error = {"message": message, "type": "server_error", "code": None, "param": None}
    return msgspec.json.encode({"error": error} if kind == "openai" else {"type": "error", "error": error | {"type": "api_error"}})


def _message(reply: Reply, fields: dict[str, Any]) -> dict[str, Any]:
    del reply
    return {"id": "msg_scripted", "type": "message", "role": "assistant", "model": fields.get("model"), "stop_sequence": None}


def _chat_call(number: int, call: Call) -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _chat_finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.calls else "stop")


def _messages_finish(reply: Reply) -> str:
    return reply.finish or ("tool_use" if reply.calls else "end_turn")


def _text(reply: Reply, index: int) -> str:
    return reply.texts[min(index, len(reply.texts) - 1)] if reply.texts else ""


def _tokens(reply: Reply) -> int:
    return max(1, sum(len(text) for text in reply.texts) // max(1, reply.token_chars))


def _cut(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), max(1, size)))


def _data(value: object) -> bytes:
    return b"data: %s\n\n" % msgspec.json.encode(value)


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: %s\n%s" % (name.encode(), _data({"type": name} | fields))


def _last_text(fields: dict[str, Any]) -> str:
    messages = fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages and isinstance(messages[-1], dict) else {}
    content = last.get("content")
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
