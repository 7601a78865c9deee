"""Asking a model from inside: a request to the gateway in this process, without a socket, as the person whose key it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from bartizan.app.compose import App
from bartizan.app.gateway import gateway_app
from bartizan.config import Settings
from bartizan.errors import UpstreamError

Ask = Callable[[str, str], Awaitable[str]]
"""An instruction and what it is about, which is quoted and never an instruction; gives the model's words."""


class Asking(msgspec.Struct, frozen=True):
    """A way to ask a model, and the rooms that the asking goes on record in."""

    ask: Ask
    app: App


@asynccontextmanager
async def asking(data: Path, settings: Settings, *, role: str, key: str, model: str) -> AsyncIterator[Asking]:
    """Compose the gateway without a socket, and give a way to ask it. Answers are asked for at temperature 0."""
    app = App(data, settings, role=role)
    upstreams = app.upstreams()
    try:
        await upstreams.refresh()
        gateway = gateway_app(app, upstreams)
        app.begin()

        async def ask(instruction: str, quoted: str) -> str:
            messages = [{"role": "system", "content": instruction}, {"role": "user", "content": quoted}]
            return await chat(gateway, key, {"model": model, "messages": messages, "temperature": 0})

        yield Asking(ask, app)
    finally:
        upstreams.close()
        app.close()


async def chat(gateway: Any, key: str, body: dict[str, Any]) -> str:  # noqa: ANN401 - any ASGI application
    """Ask the gateway as a client would; raises UpstreamError with its own words when it refuses."""
    data = msgspec.json.encode(body)
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {key}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/chat/completions",
        "raw_path": b"/v1/chat/completions",
        "query_string": b"",
        "root_path": "",
        "headers": [*headers, (b"content-length", str(len(data)).encode())],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 0),
    }
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": data, "more_body": False}]
    ended = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await gateway(scope, receive, send)
    ended.set()
    status = next((int(message["status"]) for message in sent if message["type"] == "http.response.start"), 500)
    answer = b"".join(message.get("body", b"") for message in sent)
    if status != 200:
        raise UpstreamError(f"the gateway answered {status}: {answer[:300].decode('utf-8', 'replace')}", hint="bartizan policy explain")
    try:
        return msgspec.json.decode(answer, type=_Answer).choices[0].message.content
    except (msgspec.DecodeError, IndexError) as error:
        raise UpstreamError(f"the model's answer can't be read: {error}") from error


class _Message(msgspec.Struct):
    content: str = ""


class _Choice(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    choices: list[_Choice]
