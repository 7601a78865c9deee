"""Serving the gateway by uvicorn: httptools, uvloop, and a typed refusal on record even for what is not HTTP."""

from __future__ import annotations

from typing import Any, Final, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_HEAD: Final = 64 << 10
"""Bytes of headers; the parser below sets no bound of its own."""


class Malformed(Protocol):
    """Answers and records what could not be parsed as HTTP."""

    def malformed(self, reason: str) -> bytes:
        """Return the whole HTTP response."""
        ...


class EdgeProtocol(HttpToolsProtocol):
    """uvicorn's protocol with three gaps closed: bounded headers, typed refusals, and clients that leave behind a pipelined request.

    llhttp refuses smuggling (both ``content-length`` and ``transfer-encoding``, bare line feeds, bad chunks) before any of it gets here.
    """

    _head = 0

    def on_message_begin(self) -> None:
        """Start counting."""
        self._head = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._head += len(name) + len(value) + 4
        if self._head > _MAX_HEAD:
            raise ValueError("headers too large")
        super().on_header(name, value)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a second request before the first is answered closes the connection, for uvicorn would stop reading and so
        never notice that the client left.
        """
        super().data_received(data)
        if self.pipeline:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in JSON, on record."""
        self.transport.write(self.app.malformed(msg))
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
