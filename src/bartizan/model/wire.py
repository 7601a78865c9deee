"""One keep-alive HTTP/1.1 connection to a server, and the answer that streams in on it (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from bartizan.errors import UpstreamError

_HIGH_WATER: Final = 256 << 10
"""Bytes that may wait for a slow reader before the socket is left unread."""
_MAX_HEAD: Final = 64 << 10
_LEFTOVER: Final = 16 << 10
"""Bytes that may follow what a reader wanted to know before the connection is closed instead of kept."""


class Response:
    """An answer while it arrives. Read it to its end, or ``close()`` it: that closes the socket and so stops the server's work."""

    __slots__ = (
        "_buffered",
        "_chunks",
        "_connection",
        "_framed",
        "_left",
        "_limit",
        "_waiter",
        "complete",
        "error",
        "headers",
        "received",
        "status",
    )

    def __init__(self, connection: Connection, limit: int) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.complete = False
        self.error: UpstreamError | None = None
        self.received = 0
        self._connection: Connection | None = connection
        self._limit = limit
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._framed = False
        self._left = False
        self._waiter: asyncio.Future[None] | None = None

    async def head(self) -> None:
        """Wait until status and headers are here; raises UpstreamError."""
        while not self.status:
            if self.error is not None:
                raise self.error
            await self._wait()

    async def read(self) -> bytes:
        """Return the next bytes of the body, all that have come so far, or nothing at its end; raises UpstreamError."""
        while not self._chunks:
            if self.error is not None:
                raise self.error
            if self.complete:
                return b""
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if self._connection is not None:
            self._connection.resume()
        return data

    async def body(self) -> bytes:
        """Return the whole rest of the body; raises UpstreamError."""
        first = await self.read()
        if self.complete and not self._chunks:
            return first
        parts = [first]
        while part := await self.read():
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Give the answer up: unless it is complete, its connection is closed at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self.error = self.error or UpstreamError("the answer was given up", code="closed")
            connection.abort()
        self.wake()

    def leave(self) -> None:
        """Read no more: the little that may follow is thrown away, so that the connection can serve again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._chunks.clear()
            self._left = True
            self._limit = self.received + _LEFTOVER
            connection.resume()

    def wake(self) -> None:
        """Let the reader look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # What the connection tells.

    def begun(self, status: int, headers: dict[bytes, bytes]) -> None:
        """The head is complete."""
        self.status = status
        self.headers = headers
        self._framed = b"content-length" in headers or b"transfer-encoding" in headers
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise UpstreamError("the server compressed its answer though asked not to", code="upstream_protocol")
        if int(headers.get(b"content-length", b"0")) > self._limit:
            raise UpstreamError(f"the answer is larger than {self._limit} bytes", code="upstream_too_large")

    def add(self, chunk: bytes) -> None:
        """Take body bytes."""
        self._chunks.append(chunk)

    def arrived(self, size: int) -> bool:
        """Count what one read of the socket brought; True when the reader lags so far behind that the socket should rest."""
        self.received += size
        if self.received > self._limit:
            raise UpstreamError(f"the answer is larger than {self._limit} bytes", code="upstream_too_large")
        if self._left:
            self._chunks.clear()
            return False
        self._buffered += size
        return self._buffered > _HIGH_WATER

    def finish(self) -> None:
        """The body is complete; the connection is free again."""
        self.complete = True
        self._connection = None

    def lost(self, error: UpstreamError) -> None:
        """The connection is gone: the end of the body if only that marks it, else an error."""
        if error.code == "upstream_too_large":
            self.error = error
        if self._connection is None:
            return
        self._connection = None
        if self.status and not self._framed and error.code == "upstream_closed":
            self.complete = True
        else:
            self.error = error
        self.wake()


class Connection(asyncio.Protocol):
    """One socket. ``send`` begins an exchange; when its answer is complete ``on_free`` gets the connection back."""

    __slots__ = (
        "_head",
        "_headers",
        "_on_free",
        "_on_lost",
        "_parser",
        "_paused",
        "_transport",
        "began_at",
        "heard_at",
        "key",
        "loop",
        "response",
        "reused",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, key: object, on_free: Callable[[Connection], None], on_lost: Callable[[Connection], None]
    ) -> None:
        self.loop = loop
        self.key = key
        self.response: Response | None = None
        self.reused = False
        self.began_at = 0.0
        self.heard_at = 0.0
        """When the last byte of this answer came (loop time); 0 before the first."""
        self._on_free = on_free
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._head = 0
        self._paused = False

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_paused(self) -> bool:
        """Whether the reader, not the server, is what we wait for."""
        return self._paused

    def send(self, request: bytes, limit: int) -> Response:
        """Write a whole request; its answer may be at most ``limit`` bytes."""
        if self._transport is None:
            raise UpstreamError("the connection is closed", code="upstream_closed", retryable=True)
        self.response = response = Response(self, limit)
        self.began_at = self.loop.time()
        self.heard_at = 0.0
        self._head = 0
        self._transport.write(request)
        return response

    def abort(self, error: UpstreamError | None = None) -> None:
        """Close at once, without waiting for anything to be sent."""
        if self.response is not None and error is not None:
            self.response.lost(error)
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Read on after the reader has caught up."""
        if self._paused and self._transport is not None:
            self._paused = False
            self.heard_at = self.loop.time()
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and let the reader look."""
        response = self.response
        if response is None:
            self.abort()  # a server that speaks unasked is out of step
            return
        self.heard_at = self.loop.time()
        try:
            self._parser.feed_data(data)
            if response.arrived(len(data)) and self.response is not None and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        except UpstreamError as error:
            response.lost(error)
            self.abort(error)
            return
        except httptools.HttpParserError as error:
            cause = error.__context__
            found = cause if isinstance(cause, UpstreamError) else UpstreamError(f"reading the answer: {error}", code="upstream_protocol")
            self.abort(found)
            return
        except httptools.HttpParserUpgrade:
            self.abort(UpstreamError("the server switched protocols unasked", code="upstream_protocol"))
            return
        response.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by whichever side."""
        self._transport = None
        if self.response is not None:
            self.response.lost(
                UpstreamError(
                    "the server closed the connection" + (f": {exc}" if exc else ""),
                    code="upstream_closed",
                    retryable=not self.heard_at,
                )
            )
            self.response = None
        self._on_lost(self)

    # httptools callbacks

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header."""
        self._head += len(name) + len(value)
        if self._head > _MAX_HEAD:
            raise UpstreamError(f"the answer's headers are larger than {_MAX_HEAD} bytes", code="upstream_protocol")
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is complete; interim answers (1xx) are passed over."""
        status = self._parser.get_status_code()
        if self.response is not None and status >= 200:
            self.response.begun(status, self._headers)

    def on_body(self, chunk: bytes) -> None:
        """Hand on a part of the body."""
        if self.response is not None:
            self.response.add(chunk)

    def on_message_complete(self) -> None:
        """The answer is complete: the connection is free, or closed if the server wants that."""
        response = self.response
        if response is None or not response.status:
            return
        self.response = None
        self.resume()
        response.finish()
        response.wake()
        self.reused = True
        if self._parser.should_keep_alive():
            self._on_free(self)
        elif self._transport is not None:
            self._transport.close()
