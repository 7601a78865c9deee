"""Safe completion in either dialect: the notice that goes up with a request, and the safe refusal that comes down instead of an answer."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bartizan.gateway.actions import NOTICE, REFUSAL
from bartizan.model import Speaks

_LEADING: Final = frozenset({"system", "developer"})
_BLOCK_START: Final = b"\nevent: content_block_start\n"
_BLOCK_STOP: Final = b"\nevent: content_block_stop\n"


def with_notice(speaks: Speaks, fields: dict[str, Any], notice: str = NOTICE) -> dict[str, Any]:
    """Return a request with a notice beside the operator's prompt, which stays as it is."""
    if speaks == "openai":
        messages = fields["messages"]
        at = next((number for number, message in enumerate(messages) if message.get("role") not in _LEADING), len(messages))
        return fields | {"messages": [*messages[:at], {"role": "system", "content": notice}, *messages[at:]]}
    system = fields.get("system")
    blocks = [] if system is None else [{"type": "text", "text": system}] if type(system) is str else list(system)
    return fields | {"system": [*blocks, {"type": "text", "text": notice}]}


def safe_answer(speaks: Speaks, *, exchange: str, model: str, stream: bool) -> bytes:
    """Return a whole answer that is the safe refusal."""
    if stream:
        return safe_end(speaks, exchange=exchange, model=model, blocks=Blocks())
    if speaks == "openai":
        choice = {"index": 0, "message": {"role": "assistant", "content": REFUSAL, "refusal": None}, "finish_reason": "content_filter"}
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        head = {"id": exchange, "object": "chat.completion", "created": 0, "model": model}
        return msgspec.json.encode(head | {"choices": [choice | {"logprobs": None}], "usage": usage})
    return msgspec.json.encode(
        _message(exchange, model)
        | {
            "content": [{"type": "text", "text": REFUSAL}],
            "stop_reason": "refusal",
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
    )


class Blocks:
    """Counts the content blocks that a client of Anthropic's dialect was sent, since those that follow must go on from there."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.sent = False

    def sent_out(self, out: bytes) -> None:
        """Take what went out: whole events."""
        lines = b"\n" + out
        self.sent = True
        self.begun += lines.count(_BLOCK_START)
        self.ended += lines.count(_BLOCK_STOP)


def safe_end(speaks: Speaks, *, exchange: str, model: str, blocks: Blocks) -> bytes:
    """Return what ends a stream with the safe refusal, begun or not; it ends as an answer does, marked as filtered or refused."""
    if speaks == "openai":
        head = {"id": exchange, "object": "chat.completion.chunk", "created": 0, "model": model}
        text = "\n\n" + REFUSAL if blocks.sent else REFUSAL
        deltas = [({"role": "assistant", "content": text}, None), ({}, "content_filter")]
        chunks = [head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}]} for delta, end in deltas]
        return b"".join(b"data: %s\n\n" % msgspec.json.encode(chunk) for chunk in chunks) + b"data: [DONE]\n\n"
    out = b""
    if not blocks.sent:
        message = _message(exchange, model) | {"content": [], "stop_reason": None, "stop_sequence": None}
        out += _event("message_start", {"message": message | {"usage": {"input_tokens": 0, "output_tokens": 0}}})
    if blocks.begun > blocks.ended:
        out += _event("content_block_stop", {"index": blocks.begun - 1})
    index = blocks.begun
    out += _event("content_block_start", {"index": index, "content_block": {"type": "text", "text": ""}})
    out += _event("content_block_delta", {"index": index, "delta": {"type": "text_delta", "text": REFUSAL}})
    out += _event("content_block_stop", {"index": index})
    out += _event("message_delta", {"delta": {"stop_reason": "refusal", "stop_sequence": None}, "usage": {"output_tokens": 0}})
    return out + _event("message_stop", {})


def _message(exchange: str, model: str) -> dict[str, Any]:
    return {"id": exchange, "type": "message", "role": "assistant", "model": model}


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode({"type": name} | fields))
