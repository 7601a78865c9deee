"""Which translation stands between a client's dialect and a server's, if any."""

from __future__ import annotations

from typing import Any, Final, Protocol

from bartizan.gateway.dialect import Request
from bartizan.gateway.stream import Translate
from bartizan.gateway.translate_answer import answer_to_chat, answer_to_messages
from bartizan.gateway.translate_request import to_chat, to_messages
from bartizan.gateway.translate_stream import StreamToChat, StreamToMessages
from bartizan.model import Speaks


class Translation(Protocol):
    """Between one client dialect and one server dialect; what can't be said in the other is a typed refusal."""

    def request(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Translate a request; raises RefusedError 400 ``not_translatable``."""
        ...

    def answer(self, fields: dict[str, Any]) -> bytes:
        """Translate a whole answer; raises UpstreamError."""
        ...

    def stream(self, request: Request, exchange: str) -> Translate:
        """Begin to translate a streamed answer, event by event."""
        ...


class _ChatOverMessages:
    """An OpenAI client before an Anthropic server."""

    def request(self, fields: dict[str, Any]) -> dict[str, Any]:
        return to_messages(fields)

    def answer(self, fields: dict[str, Any]) -> bytes:
        return answer_to_chat(fields)

    def stream(self, request: Request, exchange: str) -> Translate:
        options = request.fields.get("stream_options") or {}
        return StreamToChat(model=request.model, exchange=exchange, include_usage=bool(options.get("include_usage")))


class _MessagesOverChat:
    """An Anthropic client before an OpenAI-compatible server."""

    def request(self, fields: dict[str, Any]) -> dict[str, Any]:
        return to_chat(fields)

    def answer(self, fields: dict[str, Any]) -> bytes:
        return answer_to_messages(fields)

    def stream(self, request: Request, exchange: str) -> Translate:
        return StreamToMessages(model=request.model, exchange=exchange)


_BETWEEN: Final[dict[tuple[Speaks, Speaks], Translation]] = {
    ("openai", "anthropic"): _ChatOverMessages(),
    ("anthropic", "openai"): _MessagesOverChat(),
}


def translation(client: Speaks, server: Speaks) -> Translation | None:
    """Return the translation between two dialects, None when they are one."""
    return _BETWEEN.get((client, server))
