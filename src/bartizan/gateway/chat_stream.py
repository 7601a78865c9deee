"""Following a streamed chat completion, chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bartizan.errors import UpstreamError
from bartizan.event import Channel
from bartizan.gateway.dialect import Piece, Text, Tokens, tool_call
from bartizan.gateway.mapper import Known, strings

_CHANNELS: Final[dict[str, Channel]] = {"content": "text", "reasoning_content": "reasoning", "reasoning": "reasoning", "refusal": "refusal"}
_decode = msgspec.json.Decoder().decode


class _PlainDelta(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: str | None = None
    content: str | None = None
    refusal: None = None


class _PlainChoice(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    delta: _PlainDelta
    index: int = 0
    finish_reason: None = None
    logprobs: None = None


class _PlainChunk(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The chunk that nine of ten are: text of one choice and nothing else. Whatever does not fit takes the thorough way."""

    choices: tuple[_PlainChoice]
    id: str = ""
    object: str = ""
    created: int = 0
    model: str = ""
    system_fingerprint: str | None = None
    service_tier: str | None = None
    obfuscation: str | None = None
    usage: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode
_TRIES: Final = 8
"""Misfits after which a stream is no longer tried the quick way."""


class _Call:
    __slots__ = ("arguments", "choice", "key", "name", "path")

    def __init__(self, key: str, choice: int, path: str) -> None:
        self.key = key
        self.choice = choice
        self.path = path
        self.name: list[str] = []
        self.arguments: list[str] = []


class ChatReader:
    """One streamed answer. Tool calls are gathered until their choice finishes: providers may interleave their fragments."""

    def __init__(self, known: Known, tools: Mapping[str, Mapping[str, Any]]) -> None:
        self.tokens = Tokens()
        self.finish = ""
        self.marks: list[str] = []
        self._answer = known["answer"] | {"choices", "error"}
        self._choice = known["choice"] | {"delta"}
        self._delta = known["delta"]
        self._tools = tools
        self._open: dict[int, dict[str, _Call]] = {}
        self._tries = _TRIES

    def plain(self, data: bytes) -> Text | None:
        """Return the text of a chunk that holds nothing else, perhaps an empty one; None for any other, which ``read`` is for."""
        if not self._tries:
            return None
        try:
            choice = _decode_plain(data).choices[0]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._tries -= 1
            return None
        self._tries = _TRIES
        return Text(choice.index, "text", choice.delta.content or "")

    def read(self, event: str, data: bytes) -> Piece:
        """Understand one chunk; raises UpstreamError when the server broke its protocol."""
        del event  # chat completions have none
        piece = Piece()
        if data == b"[DONE]":
            piece.terminal = True
            self._close(tuple(self._open), piece)
            return piece
        try:
            chunk = _decode(data)
            if chunk.get("error") is not None:
                piece.failed = "\n".join(strings(chunk["error"]))[:500] or "error"
                return piece
            for number, choice in enumerate(chunk.get("choices") or ()):
                self._read_choice(number, choice, piece)
            self._rest("$", chunk, self._answer, piece)
            if chunk.get("usage"):
                self.tokens = usage_of(chunk["usage"])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError, TypeError, KeyError, ValueError) as error:
            # One place instead of a type check at every step: a chunk of any other shape ends the exchange.
            raise UpstreamError(f"a chunk of the answer is malformed: {error}", code="upstream_protocol") from error
        return piece

    def close(self) -> Piece:
        """The stream ended: whatever was still open is whole now."""
        piece = Piece()
        self._close(tuple(self._open), piece)
        return piece

    def _read_choice(self, number: int, choice: dict[str, Any], piece: Piece) -> None:
        index = choice.get("index", number)
        delta = choice.get("delta") or {}
        if type(index) is not int:
            raise TypeError("index is not a number")
        for name, value in delta.items():
            if value:
                self._read_field(index, name, value, piece)
        self._rest(f"$.choices[{index}]", choice, self._choice, piece)
        if finish := choice.get("finish_reason"):
            self.finish = self.finish or str(finish)
            if finish == "content_filter":
                self.marks.append("content_filter")
            piece.ends = (*piece.ends, index)
            self._close((index,), piece)

    def _read_field(self, index: int, name: str, value: Any, piece: Piece) -> None:  # noqa: ANN401 - opaque provider body
        if channel := _CHANNELS.get(name):
            if type(value) is not str:
                raise TypeError(f"{name} is not a string")
            piece.texts.append(Text(index, channel, value))
            if channel == "refusal" and "refusal" not in self.marks:
                self.marks.append("refusal")
        elif name == "tool_calls":
            for position, fragment in enumerate(value):
                self._fragment(index, fragment.get("index", position), fragment, piece)
        elif name == "function_call":
            self._fragment(index, "f", {"function": value}, piece)
        elif name not in self._delta:
            self._unknown(f"$.choices[{index}].delta.{name}", index, value, piece)

    def _fragment(self, choice: int, index: object, fragment: dict[str, Any], piece: Piece) -> None:
        key = f"{choice}.{index}"
        call = self._open.setdefault(choice, {}).get(key)
        if call is None:
            call = self._open[choice][key] = _Call(key, choice, f"$.choices[{choice}].message.tool_calls[{index}]")
        inner = fragment.get("function") or fragment.get("custom") or {}
        call.name.append(inner.get("name") or "")
        call.arguments.append(inner.get("arguments") or inner.get("input") or "")
        if key not in piece.holds:
            piece.holds = (*piece.holds, key)

    def _close(self, choices: tuple[int, ...], piece: Piece) -> None:
        for choice in choices:
            for call in self._open.pop(choice, {}).values():
                piece.calls.append((call.key, tool_call(call.path, "".join(call.name), "".join(call.arguments), self._tools, call.choice)))
                piece.holds = (*piece.holds, call.key)

    def _rest(self, path: str, fields: dict[str, Any], known: frozenset[str], piece: Piece) -> None:
        if not known.issuperset(fields):
            for name, value in fields.items():
                if name not in known:
                    self._unknown(f"{path}.{name}", 0, value, piece)

    def _unknown(self, path: str, choice: int, value: object, piece: Piece) -> None:
        if text := "\n".join(strings(value)):
            piece.texts.append(Text(choice, "unknown", text))
            piece.unknown = (*piece.unknown, path[:200])


def usage_of(usage: Mapping[str, Any]) -> Tokens:
    """Read OpenAI's usage object; what is not a number counts as nothing said."""
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Tokens(input=read if type(read) is int else 0, output=written if type(written) is int else 0)
