"""Serving the gateway by uvicorn: httptools, uvloop, and a typed refusal on record even for what is not HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ON_LEFT: Final = "bartizan.on_left"
"""Key of the ASGI scope: a list of callables to call once the client's connection is gone. Saves a task for every request."""
_MAX_HEAD: Final = 64 << 10
"""Bytes of a request's head; the parser below sets no bound of its own."""


class _Corked:
    """A transport that sends a status line together with what follows it: one system call and one packet instead of two."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1"):
            self._head = data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a transport has
        return getattr(self._transport, name)


class EdgeProtocol(HttpToolsProtocol):
    """uvicorn's protocol with its gaps closed: bounded heads, typed refusals, and word at once when a client leaves.

    llhttp refuses smuggling (both ``content-length`` and ``transfer-encoding``, bare line feeds, bad chunks) before any of it gets here.
    """

    _head = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin; a corked transport stands between uvicorn and the socket."""
        super().connection_made(transport)
        self.transport = _Corked(transport)  # type: ignore[assignment]  # it answers to everything a transport does
        self.flow = FlowControl(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes; pipelining closes the connection, for uvicorn would stop reading and never notice that its client left."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if (self._in_head and self._head > _MAX_HEAD) or self.pipeline:
            self.send_400_response("too large a head, or pipelined")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope[ON_LEFT] = []  # type: ignore[typeddict-unknown-key]  # ASGI allows further keys

    def on_headers_complete(self) -> None:
        """The head is read."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is read: go on reading, for only so does one hear that a client left."""
        super().on_message_complete()
        self._in_head = True
        self._head = 0
        self.flow.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever serves this client."""
        super().connection_lost(exc)
        if self.cycle is not None and not self.cycle.response_complete:
            left: list[Callable[[], None]] = self.cycle.scope[ON_LEFT]  # type: ignore[typeddict-item]  # ours, from above
            for tell in left:
                tell()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in JSON, on record."""
        if not self.transport.is_closing():
            self.transport.write(b"")
            self.transport.write(self.app.malformed(msg))
            self.transport.write(b"")
            self.transport.close()


def serve_config(app: Any, *, host: str, port: int, log_level: str = "warning") -> uvicorn.Config:  # noqa: ANN401 - uvicorn's own type
    """Return the one way the gateway is served. No proxy headers are believed: who asks is told by keys alone."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=EdgeProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level=log_level,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def http_response(body: bytes, exchange_id: str) -> bytes:
    """Return a whole 400 response that closes the connection."""
    head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-request-id: {exchange_id}\r\nrequest-id: {exchange_id}\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
