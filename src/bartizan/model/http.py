"""The one HTTP client: keep-alive pool, egress check, timeouts, caps. HTTP/1.1 over TCP or TLS, no redirects, no proxies.

httpx costs about 14 times and aiohttp 2 to 3 times the CPU of a whole proxied request (docs/benchmarks.md), hence our own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bartizan.errors import ConfigError, UpstreamError
from bartizan.model.wire import Connection, Response

_PORTS: Final = {"http": 80, "https": 443}
_TICK_S: Final = 0.25
"""How often running answers are held against their deadlines; one timer for all of them instead of several for each."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where requests go: scheme, host and port, nothing else."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Read the origin of an http or https address; raises ConfigError."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise ConfigError(f"reading the address {url!r}: {error}") from error
        if parts.scheme not in _PORTS or not host or parts.username is not None or not host.isascii():
            raise ConfigError(f"{url!r} is no http or https address that can be called", hint="write http://host:port or https://host")
        return cls(scheme=parts.scheme, host=host.lower(), port=port or _PORTS[parts.scheme])

    @property
    def authority(self) -> str:
        """``host`` or ``host:port`` as the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until giving up: to connect, to the first byte of an answer, between its chunks, and in all."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    chunk_s: float = 60.0
    total_s: float = 600.0


class Client:
    """Calls the allowed origins and no others. One per event loop; close it when done.

    ``retries`` counts further tries on a fresh connection when a kept-alive one turns out dead before any byte of an answer came.
    ``addresses`` pins an origin to an address that was checked, so that its name is not looked up again.
    A response that is not complete when it is closed closes its connection, which is how a call is cancelled.
    """

    def __init__(
        self,
        allowed: Collection[Origin],
        *,
        timeouts: Timeouts | None = None,
        max_connections: int = 512,
        max_idle: int = 64,
        max_response_bytes: int = 16 << 20,
        retries: int = 1,
        ca_files: Mapping[Origin, str] | None = None,
        addresses: Mapping[Origin, str] | None = None,
    ) -> None:
        self._allowed = frozenset(allowed)
        self._timeouts = timeouts or Timeouts()
        self._max_connections = max_connections
        self._max_idle = max_idle
        self._addresses = dict(addresses or {})
        self._max_response_bytes = max_response_bytes
        self._retries = retries
        self._tls = {origin: _context(path) for origin, path in (ca_files or {}).items()}
        self._idle: dict[Origin, deque[Connection]] = {origin: deque() for origin in self._allowed}
        self._open: set[Connection] = set()
        self._connecting = 0
        self._busy: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def request(self, origin: Origin, request: bytes, *, max_response_bytes: int = 0) -> Response:
        """Send one whole HTTP/1.1 request and return its answer once the headers are here; raises UpstreamError."""
        if origin not in self._allowed:
            raise UpstreamError(f"calling {origin.authority} is not allowed", code="egress_denied")
        tries = 0
        while True:
            connection = self._take(origin) if tries == 0 else None
            if connection is None:
                connection = await self._connect(origin)
            reused = connection.reused
            self._watch(connection)
            response = connection.send(request, max_response_bytes or self._max_response_bytes)
            try:
                await response.head()
            except UpstreamError as error:
                # A dead kept-alive connection says nothing about this request; anything else might have been acted on.
                if reused and error.retryable and tries < self._retries:
                    tries += 1
                    continue
                raise
            except asyncio.CancelledError:
                response.close()
                raise
            return response

    def close(self) -> None:
        """Close every connection; answers still running fail."""
        for connection in tuple(self._open):
            connection.abort(UpstreamError("the client is closing", code="closed"))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def open_connections(self) -> int:
        """How many sockets are open, idle ones too."""
        return len(self._open)

    def _take(self, origin: Origin) -> Connection | None:
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connect(self, origin: Origin) -> Connection:
        if len(self._open) + self._connecting >= self._max_connections and not self._make_room():
            raise UpstreamError(f"all {self._max_connections} connections are in use", code="upstream_busy", status=503)
        loop = asyncio.get_running_loop()
        tls = self._context(origin) if origin.scheme == "https" else None
        self._connecting += 1
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, origin, self._free, self._lost),
                    self._addresses.get(origin, origin.host),
                    origin.port,
                    ssl=tls,
                    server_hostname=origin.host if tls else None,
                )
        except TimeoutError as error:
            raise UpstreamError(
                f"connecting to {origin.authority} took longer than {self._timeouts.connect_s} s", code="upstream_timeout", status=504
            ) from error
        except (OSError, ssl.SSLError) as error:
            raise UpstreamError(
                f"connecting to {origin.authority}: {error}", code="upstream_unreachable", hint="is the model server running?"
            ) from error
        finally:
            self._connecting -= 1
        self._open.add(connection)
        return connection

    def _make_room(self) -> bool:
        for idle in self._idle.values():
            if idle:
                idle.popleft().abort()
                return True
        return False

    def _context(self, origin: Origin) -> ssl.SSLContext:
        if origin not in self._tls:
            self._tls[origin] = _context("")
        return self._tls[origin]

    def _free(self, connection: Connection) -> None:
        self._busy.discard(connection)
        idle = self._idle[connection.key]  # type: ignore[index]  # the key of ours is an Origin
        if len(idle) >= self._max_idle:
            connection.abort()
        else:
            idle.append(connection)

    def _lost(self, connection: Connection) -> None:
        self._busy.discard(connection)
        self._open.discard(connection)
        with contextlib.suppress(ValueError):
            self._idle[connection.key].remove(connection)  # type: ignore[index]  # as above

    def _watch(self, connection: Connection) -> None:
        self._busy.add(connection)
        if self._timer is None:
            shortest = min(self._timeouts.first_byte_s, self._timeouts.chunk_s, self._timeouts.total_s)
            self._timer = connection.loop.call_later(min(_TICK_S, shortest / 4), self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        limits = self._timeouts
        for connection in tuple(self._busy):
            now = connection.loop.time()
            if now > connection.began_at + limits.total_s:
                late, seconds = "whole answer", limits.total_s
            elif not connection.heard_at and now > connection.began_at + limits.first_byte_s:
                late, seconds = "first byte", limits.first_byte_s
            elif connection.heard_at and not connection.is_paused and now > connection.heard_at + limits.chunk_s:
                late, seconds = "next chunk", limits.chunk_s
            else:
                continue
            connection.abort(UpstreamError(f"the {late} took longer than {seconds} s", code="upstream_timeout", status=504))
        for connection in self._busy:
            self._watch(connection)
            break


def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
