"""The scripted double: an HTTP server on loopback that speaks both dialects as its script says, and remembers what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any, Final, Self, cast

import httptools
import msgspec

from bartizan.model.script import Reply, Script, chat_answer, chat_events, error_body, messages_answer, messages_events

_MAX_BODY: Final = 64 << 20


class Seen(msgspec.Struct, kw_only=True):
    """One request that reached the double. ``left_at`` is when its client closed the connection before the answer was complete."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    left_at: float = 0.0
    left: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    answered: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    @property
    def fields(self) -> dict[str, Any]:
        """The body, parsed."""
        return cast("dict[str, Any]", msgspec.json.decode(self.body))


class ScriptedServer:
    """``async with ScriptedServer(script) as server: ... server.url``. Change ``script`` at any time."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.seen: list[Seen] = []
        self.arrived = asyncio.Condition()
        self.url = ""
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Begin to listen; ``url`` says where."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), host, port)
        self.url = f"http://{host}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def nth(self, number: int) -> Seen:
        """Wait until so many requests have come and return the last of them."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.seen) >= number)
        return self.seen[number - 1]

    def joined(self, connection: _Connection) -> None:
        """Follow a connection."""
        self._connections.add(connection)

    def parted(self, connection: _Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._seen: Seen | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._writable.set()
        self._server.parted(self)
        if self._seen is not None:
            self._seen.left_at = time.time()
            self._seen.left.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        if sum(map(len, self._body)) > _MAX_BODY:
            self.abort()

    def on_message_complete(self) -> None:
        seen = Seen(path=self._url.decode("latin-1"), headers=self._headers, body=b"".join(self._body), at=time.time())
        self._seen = seen
        self._task = asyncio.get_running_loop().create_task(self._answer(seen))
        self._server.tasks.add(self._task)
        self._task.add_done_callback(self._server.tasks.discard)

    async def _answer(self, seen: Seen) -> None:
        async with self._server.arrived:
            self._server.seen.append(seen)
            self._server.arrived.notify_all()
        with contextlib.suppress(ConnectionError):
            await self._reply(seen)
            if self._seen is seen:
                self._seen = None
            seen.answered.set()

    async def _reply(self, seen: Seen) -> None:
        kind = "anthropic" if seen.path.endswith("/messages") else "openai"
        if seen.path.endswith("/models"):
            models = [{"id": name, "object": "model"} for name in self._server.script.models]
            await self._whole(200, msgspec.json.encode({"object": "list", "data": models}), "application/json", {}, 0)
            return
        fields = seen.fields
        reply = self._server.script.reply(seen.body, fields)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.error is not None:
            error = error_body(kind, reply.error.message)
            await self._whole(reply.error.status, error, "application/json", reply.error.headers, 0)
        elif reply.raw:
            await self._whole(200, reply.raw.encode(), reply.raw_type, {}, reply.fragment_bytes)
        elif fields.get("stream"):
            await self._stream(kind, reply, chat_events(reply, fields) if kind == "openai" else messages_events(reply, fields))
        else:
            answer = chat_answer(reply, fields) if kind == "openai" else messages_answer(reply, fields)
            await self._whole(200, answer, "application/json", {}, reply.fragment_bytes)

    async def _whole(self, status: int, body: bytes, media_type: str, headers: dict[str, str], fragment: int) -> None:
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} Scripted\r\ncontent-type: {media_type}\r\n{extra}content-length: {len(body)}\r\n\r\n"
        await self._write(head.encode() + body, fragment)

    async def _stream(self, kind: str, reply: Reply, events: Iterator[bytes]) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        begun, parts = time.monotonic(), [head]
        for number, event in enumerate(events):
            if number == reply.close_after:
                await self._write(b"".join(parts), reply.fragment_bytes)
                self.abort()
                return
            if number == reply.error_after:
                parts.append(_chunk((b"event: error\n" if kind == "anthropic" else b"") + b"data: %s\n\n" % error_body(kind, "scripted")))
                break
            parts.append(_chunk(event.replace(b"\n", b"\r\n") if reply.crlf else event))
            if reply.tokens_per_s:
                await self._write(b"".join(parts), reply.fragment_bytes)
                parts.clear()
                await asyncio.sleep(max(0.0, begun + (number + 1) / reply.tokens_per_s - time.monotonic()))
        parts.append(b"0\r\n\r\n")
        await self._write(b"".join(parts), reply.fragment_bytes)

    async def _write(self, data: bytes, fragment: int) -> None:
        size = fragment or len(data)
        for at in range(0, len(data), size):
            await self._writable.wait()
            if self._transport is None:
                raise ConnectionResetError
            self._transport.write(data[at : at + size])
            if fragment:
                await asyncio.sleep(0)  # one TCP segment each


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
