"""The gateway as ``bartizan bench gateway`` measures it: durable ledger, identity, policy and every built-in control in force."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from pathlib import Path

import uvicorn

from bartizan.config import GatewaySettings, GuardSettings, LimitSettings, UpstreamSettings
from bartizan.control import Registry, Runner
from bartizan.event import Tier
from bartizan.gateway import Gateway
from bartizan.gateway.server import serve_config
from bartizan.guard import builtin
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.model import Upstreams
from bartizan.policy import Policy


async def _serve(data: Path, upstream: int) -> None:
    ledger = Ledger.open(data, role="gateway")
    directory, policy = Directory(ledger), Policy(ledger)
    registry = Registry.load(builtin(GuardSettings()), found=())
    ledger.subscribe(Registry.KINDS, registry.fold)
    unlimited = {tier: LimitSettings(requests_per_minute=0, concurrent=0, tokens_per_minute=0) for tier in Tier}
    upstreams = Upstreams.of({"bench": UpstreamSettings(kind="openai", url=f"http://127.0.0.1:{upstream}", models=("bench",))})
    gateway = Gateway(ledger, directory, policy, Runner(registry), upstreams, GatewaySettings(), limits=unlimited)
    registrar = Registrar(ledger, directory)
    ledger.catch_up()
    person = registrar.register("service", "bench", ("member",), actor=None)
    key = registrar.issue_key(person.id, actor=None).secret.reveal()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    server = _Server(serve_config(gateway, host="127.0.0.1", port=0), key)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(ledger.follow())
        await server.serve()
        following.cancel()
    ledger.close()


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
