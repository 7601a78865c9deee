"""Following a streamed message, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from bartizan.errors import UpstreamError
from bartizan.event import Channel
from bartizan.gateway.dialect import Piece, Text, Tokens, tool_call
from bartizan.gateway.mapper import Known, strings

_decode = msgspec.json.Decoder().decode
_DELTAS: Final[dict[str, tuple[str, Channel]]] = {"text_delta": ("text", "text"), "thinking_delta": ("thinking", "reasoning")}
_SILENT: Final = frozenset({"ping"})


class _PlainText(msgspec.Struct, gc=False, forbid_unknown_fields=True, tag="text_delta"):
    text: str


class _PlainDelta(msgspec.Struct, gc=False, forbid_unknown_fields=True, tag="content_block_delta"):
    """The event that nine of ten are. Whatever does not fit takes the thorough way."""

    index: int
    delta: _PlainText


_decode_plain = msgspec.json.Decoder(_PlainDelta).decode
_PLAIN: Final = b'{"type":"content_block_delta"'


class _Block:
    __slots__ = ("arguments", "key", "name", "start")

    def __init__(self, key: str, name: str, start: str) -> None:
        self.key = key
        self.name = name
        self.start = start
        self.arguments: list[str] = []


class MessagesReader:
    """One streamed message. Blocks follow each other, so a tool call is whole at its ``content_block_stop``.

    Text of all blocks of a kind is one channel: a phrase may be split over two blocks, and clients show them joined.
    """

    def __init__(self, known: Known, tools: Mapping[str, Mapping[str, Any]]) -> None:
        self.tokens = Tokens()
        self.finish = ""
        self.marks: list[str] = []
        self._known = known
        self._tools = tools
        self._open: dict[object, _Block] = {}

    def plain(self, data: bytes) -> Text | None:
        """Return the text of a delta that holds nothing else; None for any other event, which ``read`` is for."""
        if not data.startswith(_PLAIN):
            return None
        try:
            return Text(0, "text", _decode_plain(data).delta.text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def read(self, event: str, data: bytes) -> Piece:
        """Understand one event; raises UpstreamError when the server broke its protocol."""
        piece = Piece()
        try:
            fields = _decode(data)
            if event not in {fields["type"], "message"}:
                _disagree(event, fields["type"])
            self._read(fields["type"], fields, piece)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError, TypeError, KeyError, ValueError) as error:
            # One place instead of a type check at every step: an event of any other shape ends the exchange.
            raise UpstreamError(f"an event of the answer is malformed: {error}", code="upstream_protocol") from error
        return piece

    def close(self) -> Piece:
        """The stream ended without ``message_stop``: whatever was still open is whole now."""
        piece = Piece()
        self._stop_all(piece)
        return piece

    def _read(self, kind: str, fields: dict[str, Any], piece: Piece) -> None:
        match kind:
            case "content_block_delta":
                self._delta(fields["index"], fields["delta"], piece)
                self._rest("$", fields, {"type", "index", "delta"}, piece)
            case "content_block_start":
                self._start(fields["index"], fields["content_block"], piece)
                self._rest("$", fields, {"type", "index", "content_block"}, piece)
            case "content_block_stop":
                self._stop(fields["index"], piece)
                self._rest("$", fields, {"type", "index"}, piece)
            case "message_start":
                self._message_start(fields["message"], piece)
            case "message_delta":
                self._message_delta(fields, piece)
            case "message_stop":
                piece.terminal = True
                self._stop_all(piece)
            case "error":
                piece.failed = "\n".join(strings(fields.get("error")))[:500] or "error"
            case _ if kind in _SILENT:
                self._rest("$", fields, {"type"}, piece)
            case _:
                self._unknown(f"$.{kind}"[:100], fields, piece, known=False)

    def _message_start(self, message: dict[str, Any], piece: Piece) -> None:
        self.tokens = usage_of(message.get("usage") or {}, self.tokens)
        self._rest("$.message", message, self._known["answer"] | {"content"}, piece)
        if message.get("content"):
            self._unknown("$.message.content", message["content"], piece)

    def _stop_all(self, piece: Piece) -> None:
        for index in tuple(self._open):
            self._stop(index, piece)

    def _message_delta(self, fields: dict[str, Any], piece: Piece) -> None:
        delta = fields["delta"]
        self.tokens = usage_of(fields.get("usage") or {}, self.tokens)
        self.finish = str(delta.get("stop_reason") or self.finish)
        if self.finish == "refusal":
            self.marks.append("refusal")
        if delta.get("stop_details"):
            piece.texts.append(Text(0, "refusal", "\n".join(strings(delta["stop_details"]))))
        self._rest("$.delta", delta, self._known["answer"], piece)
        self._rest("$", fields, {"type", "delta", "usage", "context_management"}, piece)

    def _start(self, index: object, block: dict[str, Any], piece: Piece) -> None:
        match block["type"]:
            case "text":
                self._text("text", block.get("text"), piece)
            case "thinking":
                self._text("reasoning", block.get("thinking"), piece)
            case "redacted_thinking":
                self._text("reasoning", block.get("data"), piece)
            case "tool_use":
                start = block.get("input") or None
                self._open[index] = _Block(f"b{index}", str(block["name"]), "" if start is None else msgspec.json.encode(start).decode())
                piece.holds = (f"b{index}",)
            case _:
                self._unknown(f"$.content[{index}]", block, piece, known=False)
                return
        self._rest(f"$.content[{index}]", block, self._known["block"] | {"text", "thinking", "data", "name", "input"}, piece)

    def _delta(self, index: object, delta: dict[str, Any], piece: Piece) -> None:
        kind = delta["type"]
        if found := _DELTAS.get(kind):
            self._text(found[1], delta[found[0]], piece)
            if len(delta) > 2:
                self._rest(f"$.content[{index}].delta", delta, {"type", found[0]}, piece)
        elif kind == "input_json_delta":
            block = self._open[index]
            block.arguments.append(delta["partial_json"])
            piece.holds = (block.key,)
        elif kind == "citations_delta":
            piece.texts.append(Text(0, "metadata", "\n".join(strings(delta))))
        elif kind != "signature_delta":
            self._unknown(f"$.content[{index}].delta", delta, piece, known=False)

    def _stop(self, index: object, piece: Piece) -> None:
        block = self._open.pop(index, None)
        if block is not None:
            arguments = "".join(block.arguments) or block.start or "{}"
            piece.calls.append((block.key, tool_call(f"$.content[{index}]", block.name, arguments, self._tools, 0)))
            piece.holds = (*piece.holds, block.key)

    def _text(self, channel: Channel, text: object, piece: Piece) -> None:
        if text is not None and type(text) is not str:
            raise TypeError("a text is not a string")
        if text:
            piece.texts.append(Text(0, channel, text))

    def _rest(self, path: str, fields: dict[str, Any], known: frozenset[str] | set[str], piece: Piece) -> None:
        for name, value in fields.items():
            if name not in known:
                self._unknown(f"{path}.{name}", value, piece)

    def _unknown(self, path: str, value: object, piece: Piece, *, known: bool = True) -> None:
        """Take an item nobody knows; a whole one counts even without text, a field only with."""
        text = "\n".join(strings(value))
        if text:
            piece.texts.append(Text(0, "unknown", text))
        if text or not known:
            piece.unknown = (*piece.unknown, path[:200])


def _disagree(event: str, kind: object) -> NoReturn:
    raise ValueError(f"an event named {event} says it is {kind}")


def usage_of(usage: Mapping[str, Any], before: Tokens) -> Tokens:
    """Read Anthropic's usage object over what was told before; tokens read from or written to a cache count as input."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    told = [usage[name] for name in names if type(usage.get(name)) is int]
    output = usage.get("output_tokens")
    return Tokens(input=sum(told) if told else before.input, output=output if type(output) is int else before.output)
