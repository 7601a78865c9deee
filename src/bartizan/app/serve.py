"""Serving one role's ASGI application, and what must happen around it: following the record, recovery, a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import uvicorn

from bartizan.app.compose import App
from bartizan.app.supervise import MODEL_KEY, Order
from bartizan.config import Settings, load
from bartizan.errors import ConfigError
from bartizan.event import Tier, envelope

Told = Callable[..., None]
_GRACE_S: Final = 8
_BACKLOG: Final = 2048


def gateway(order: Order, ready: Told) -> None:
    """Serve the gateway until told to stop."""
    from bartizan.app.gateway import check_actions, gateway_app, settle_memory  # noqa: PLC0415 - the console does without it
    from bartizan.gateway import serve_config  # noqa: PLC0415 - the console does without it

    app = App(Path(order.data), settings_of(order), role="gateway", observe=order.observe)
    app.ledger.append_now(*(envelope(fact) for fact in app.registry.registered()))
    listening = listen(order.host, order.port)

    async def serve() -> None:
        upstreams = app.upstreams(model_port=order.model_port)
        await upstreams.refresh()
        asgi = gateway_app(app, upstreams, observe=order.observe)
        app.begin()
        check_actions({tier: app.policy.actions(tier) for tier in Tier}, app.settings.gateway)
        settle_memory()
        try:
            config = serve_config(asgi, host=order.host, port=order.port)
            await run(config, app, listening, lambda: ready(order, port=port_of(listening)))
        finally:
            upstreams.close()

    _loop(serve)
    app.close()


def console(order: Order, ready: Told) -> None:
    """Serve the console until told to stop."""
    from bartizan.app.console import console_app  # noqa: PLC0415 - the gateway does without it

    app = App(Path(order.data), settings_of(order), role="console", observe=order.observe)
    listening = listen(order.host, order.port)
    config = uvicorn.Config(
        console_app(app),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    _loop(lambda: _Server(config, lambda: ready(order, port=port_of(listening))).serve(sockets=[listening]))
    app.close()


def model(order: Order, ready: Told) -> None:
    """Serve the local model until told to stop."""
    from bartizan.model import local  # noqa: PLC0415 - nobody else needs it

    key = os.environ.get(MODEL_KEY, "")
    local.serve(Path(order.model_file), host=order.host, port=order.port, ready=lambda port: ready(order, port=port), key=key)


async def run(config: uvicorn.Config, app: App, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve on an open socket while following the record; returns after a graceful stop."""
    server = _Server(config, ready)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(app.ledger.follow())
        await server.serve(sockets=[listening])
        following.cancel()


class _Server(uvicorn.Server):
    """Uvicorn, telling when it serves."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Finish on SIGTERM and SIGINT and return; uvicorn would raise the signal again and end the process before its record is closed."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; raises ConfigError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"listening on {host}:{port}: {error.strerror}", hint="choose another port, or stop what listens there"
        ) from error
    listening.set_inheritable(False)
    return listening


def port_of(listening: socket.socket) -> int:
    """Return the port a socket listens on."""
    return int(listening.getsockname()[1])


def settings_of(order: Order) -> Settings:
    """Read the settings a child was pointed to."""
    return load(Path(order.config) if order.config else None)


def _loop(serve: Callable[[], Any]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        asyncio.run(serve())
    else:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(serve())
