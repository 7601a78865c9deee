"""The gateway's own visits to a server: to read its tools and, for people, to call one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bartizan import __version__
from bartizan.errors import RefusedError, UpstreamError
from bartizan.gateway.mcp import jsonrpc
from bartizan.gateway.mcp.events import EventStream
from bartizan.gateway.mcp.headers import CAPABILITIES_META, HANDSHAKE, STATELESS, VERSION_META, routing
from bartizan.gateway.mcp.jsonrpc import Message
from bartizan.gateway.mcp.server import Server

_PAGES: Final = 50
_MAX_EVENT: Final = 4 << 20


class Client:
    """One visit; begin it with ``begin``, end it with ``end``. Speaks whichever revision the server does."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = ""
        self._version = ""
        self._count = 0

    async def begin(self) -> None:
        """Introduce ourselves; raises UpstreamError."""
        info = {"name": "bartizan", "version": __version__}
        try:
            result = await self.ask("initialize", {"protocolVersion": HANDSHAKE[-1], "capabilities": {}, "clientInfo": info})
        except UpstreamError as error:
            if error.code != "mcp_error":
                raise
            self._version = STATELESS[-1]  # a server that knows no handshake says so by an error
            await self.ask("server/discover", {})
            return
        version = result.get("protocolVersion")
        self._version = version if version in HANDSHAKE else HANDSHAKE[0]
        body = msgspec.json.encode({"jsonrpc": "2.0", "method": "notifications/initialized"})
        response = await self._server.send("POST", body, session=self._session, version=self._version)
        await response.body()

    async def end(self) -> None:
        """Say goodbye, if there is a session."""
        if self._session:
            response = await self._server.send("DELETE", session=self._session, version=self._version)
            await response.body()

    async def tools(self) -> list[dict[str, Any]]:
        """Return the definitions of all tools; raises UpstreamError."""
        found: list[dict[str, Any]] = []
        cursor: object = None
        for _ in range(_PAGES):
            result = await self.ask("tools/list", {} if cursor is None else {"cursor": cursor})
            found += [tool for tool in result.get("tools", []) if type(tool) is dict]
            cursor = result.get("nextCursor")
            if type(cursor) is not str:
                return found
        raise UpstreamError(f"the MCP server {self._server.name} lists its tools on more than {_PAGES} pages", code="upstream_too_large")

    async def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return its result; raises UpstreamError ``mcp_error`` for an error response."""
        self._count += 1
        sent = dict(params)
        if self._version in STATELESS:
            sent["_meta"] = {VERSION_META: self._version, CAPABILITIES_META: {}}
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": self._count, "method": method, "params": sent})
        message = jsonrpc.read(body)
        extra = routing(message, self._version) if self._version in STATELESS else ()
        version = self._version if method != "initialize" else ""
        response = await self._server.send("POST", body, session=self._session, version=version, extra=extra)
        kind = response.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind == b"text/event-stream":
            answer = await self._from_stream(response)
        else:
            answer = _read(await response.body()) if kind == b"application/json" else None
        if given := response.headers.get(b"mcp-session-id"):
            self._session = given.decode("latin-1")
        if answer is None or answer.kind not in {"response", "error"}:
            message_text = f"the MCP server {self._server.name} answered {response.status} to {method}"
            raise UpstreamError(message_text, code="mcp_error" if 400 <= response.status < 500 else "upstream_protocol")
        if answer.kind == "error":
            detail = str(answer.fields["error"].get("message", ""))[:200]
            raise UpstreamError(f"the MCP server {self._server.name} refused {method}: {detail}", code="mcp_error")
        return answer.result

    async def _from_stream(self, response: Any) -> Message | None:  # noqa: ANN401 - a Response
        parser = EventStream(max_event_bytes=_MAX_EVENT)
        while data := await response.read():
            for event in parser.feed(data):
                answer = _read(event.data) if event.data else None
                if answer is not None and answer.id == self._count and answer.kind in {"response", "error"}:
                    response.leave()
                    return answer
        return None


def _read(data: bytes) -> Message | None:
    try:
        return jsonrpc.read(data)
    except RefusedError as error:
        raise UpstreamError(f"the MCP server's answer: {error.message}", code="upstream_protocol") from error
