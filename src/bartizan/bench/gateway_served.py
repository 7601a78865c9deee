"""The gateway as ``bartizan bench gateway`` measures it: durable ledger, identity, policy and every built-in control in force."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from bartizan.app.compose import App
from bartizan.app.gateway import gateway_app, settle_memory
from bartizan.config import LimitSettings, Settings, UpstreamSettings
from bartizan.event import Tier
from bartizan.gateway import serve_config


async def _serve(data: Path, upstream: int) -> None:
    unlimited = {tier: LimitSettings(requests_per_minute=0, concurrent=0, tokens_per_minute=0) for tier in Tier}
    upstreams = {"bench": UpstreamSettings(kind="openai", url=f"http://127.0.0.1:{upstream}", models=("bench",))}
    app = App(data, Settings(upstreams=upstreams, limits=unlimited), role="gateway")
    gateway = gateway_app(app, app.upstreams())
    app.begin()
    person = app.registrar.register("service", "bench", ("member",), actor=None)
    key = app.registrar.issue_key(person.id, actor=None).secret.reveal()
    settle_memory()
    server = _Server(serve_config(gateway, host="127.0.0.1", port=0), key)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(app.ledger.follow())
        await server.serve()
        following.cancel()
    app.close()


class _Server(uvicorn.Server):
    """Uvicorn, printing port and key once it serves."""

    def __init__(self, config: uvicorn.Config, key: str) -> None:
        super().__init__(config)
        self._key = key

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(f"{self.servers[0].sockets[0].getsockname()[1]} {self._key}\n")
        sys.stdout.flush()


def main(argv: list[str]) -> None:
    """Run as ``DATA UPSTREAM_PORT``."""
    import uvloop  # noqa: PLC0415 - only this process needs it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(argv[0]), int(argv[1])))


if __name__ == "__main__":
    main(sys.argv[1:])
