"""The official SDK's server behind a real gateway on loopback; policy, pins, casework and controls are the real ones."""

import asyncio
import contextlib
import warnings

import httpx2
import msgspec
import pytest
import uvicorn

from bartizan.bench.mcp_reference import Reference
from bartizan.casework import Casebook, Desk
from bartizan.config import GatewaySettings, GuardSettings, McpServerSettings, McpSettings
from bartizan.control import Registry, Runner
from bartizan.event import Tier, ToolsPinned, envelope
from bartizan.gateway import Gateway
from bartizan.gateway.mcp import pin_of
from bartizan.gateway.server import serve_config
from bartizan.guard import builtin
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.model import Upstreams
from bartizan.policy import Policy


class _Server(uvicorn.Server):
    def __init__(self, config):
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.up.set()


@contextlib.asynccontextmanager
async def serving(app, config=None):
    uv = _Server(config or uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on", timeout_graceful_shutdown=1))
    task = asyncio.get_running_loop().create_task(uv.serve())
    try:
        await asyncio.wait_for(uv.up.wait(), 10)
        yield uv.servers[0].sockets[0].getsockname()[1]
    finally:
        uv.should_exit = True
        uv.force_exit = True
        await task


class Rig:
    def __init__(self, **parts):
        self.__dict__.update(parts)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/mcp/ref"

    def http(self, key=None, **headers):
        return httpx2.AsyncClient(headers={"authorization": f"Bearer {key or self.key}", **headers}, timeout=10)

    def events(self, kind):
        self.ledger.catch_up()
        return [item for _, item in self.ledger.events() if item.kind.startswith(kind)]

    def last(self):
        return self.events("exchange_completed")[-1].body

    def pin(self, *names, approval=""):
        tools = tuple(pin_of(tool) for tool in self.reference.tools if not names or tool["name"] in names)
        self.ledger.append_now(envelope(ToolsPinned(server="ref", tools=tools, approval=approval), actor=self.people[0].id))
        self.ledger.catch_up()


@contextlib.asynccontextmanager
async def running(tmp_path, *, pinned=True, guard=None, mcp=None, media="log", **server):
    reference = Reference()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        async with serving(reference.app()) as upstream:
            ledger = Ledger.open(tmp_path, role="test")
            casebook = Casebook(ledger)
            directory, policy = Directory(ledger, profile="small", consent=casebook), Policy(ledger)
            registrar = Registrar(ledger, directory)
            settings = msgspec.structs.replace(
                mcp or McpSettings(), servers={"ref": McpServerSettings(url=f"http://127.0.0.1:{upstream}/mcp", **server)}
            )
            runner = Runner(Registry.load(builtin(guard or GuardSettings()), found=()))
            upstreams = Upstreams.of({})
            gateway = Gateway(ledger, directory, policy, runner, upstreams, GatewaySettings(media=media), mcp=settings, casebook=casebook)
            ledger.catch_up()
            people = [registrar.register("person", f"person{n}", ("operator",), actor=None) for n in range(3)]
            agent = registrar.register("service", "agent", ("member",), actor=None)
            key = registrar.issue_key(agent.id, actor=None).secret.reveal()
            async with serving(gateway, serve_config(gateway, host="127.0.0.1", port=0)) as port:
                rig = Rig(
                    reference=reference,
                    ledger=ledger,
                    casebook=casebook,
                    desk=Desk(ledger, casebook),
                    directory=directory,
                    registrar=registrar,
                    gateway=gateway,
                    people=people,
                    agent=agent,
                    key=key,
                    port=port,
                    tier=Tier.PUBLIC,
                )
                if pinned:
                    rig.pin()
                yield rig
            upstreams.close()
            ledger.close()


@pytest.fixture
def rig(tmp_path):
    def make(**options):
        return running(tmp_path, **options)

    return make
