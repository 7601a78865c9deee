"""A real uvicorn on loopback, the scripted model behind it, and a ledger in memory; identity, policy and controls are the real ones."""

import asyncio
import contextlib
import hashlib

import msgspec
import pytest
import re2
import uvicorn
import uvloop

from bartizan.config import GatewaySettings, UpstreamSettings
from bartizan.control import Descriptor, Factory, Opinion, Registry, Release, Runner
from bartizan.errors import StoreError
from bartizan.event import Span, Tier
from bartizan.gateway import Gateway
from bartizan.gateway.server import serve_config
from bartizan.identity import Directory, Registrar
from bartizan.model import Timeouts, Upstreams
from bartizan.model.script import Reply, Rule, Script
from bartizan.model.scripted import ScriptedServer
from bartizan.policy import Policy, change, shipped


class MemoryLedger:
    def __init__(self):
        self.entries = []
        self.folds = []
        self.broken = False
        self.gate = None
        self.asked = asyncio.Event()
        self.changed = asyncio.Condition()

    def subscribe(self, kinds, fold):
        self.folds.append((frozenset(kinds), fold))

    def _add(self, entry, content):
        if self.broken:
            raise StoreError("disk full")
        seq = len(self.entries)
        msgspec.json.encode(entry)
        self.entries.append((entry, content))
        for kinds, fold in self.folds:
            if entry.kind in kinds:
                fold(seq, entry)
        return seq

    async def append(self, entry, content=None):
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        seq = self._add(entry, content)
        async with self.changed:
            self.changed.notify_all()
        return seq

    def append_now(self, *items):
        return [self._add(*(item if isinstance(item, tuple) else (item, None))) for item in items]

    def catch_up(self):
        return len(self.entries)

    def pseudonym(self, kind, name):
        return f"{kind}_{hashlib.sha256(f'{kind}:{name}'.encode()).hexdigest()[:32]}"

    def bodies(self, kind):
        return [entry.body for entry, _ in self.entries if entry.kind.startswith(kind)]

    def contents(self, kind):
        return [content for entry, content in self.entries if entry.kind.startswith(kind)]

    async def wait_for(self, kind, count=1):
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(self.bodies(kind)) >= count), 10)
        return self.bodies(kind)[count - 1]


WORD = re2.compile(r"k ?u ?m ?q ?u ?a ?t")
HOLD = 6


class _Watch:
    def __init__(self):
        self.text = ""
        self.released = 0

    def feed(self, text, *, final=False):
        self.text += text
        if found := WORD.search(self.text):
            return Release(
                upto=found.start(),
                opinions=(
                    Opinion(category="blocked_phrase", rule="kumquat", spans=(Span(path="", start=found.start(), end=found.end()),)),
                ),
            )
        self.released = len(self.text) if final else max(self.released, len(self.text) - HOLD)
        return Release(upto=self.released)


class Kumquat:
    descriptor = Descriptor(
        id="kumquat", version="1", layer="input", phases=("input", "output", "tool"), title="t", doc="d", categories=("blocked_phrase",)
    )

    def judge(self, phase, segments, calls, context):
        texts = [segment.text for segment in segments] + [call.arguments for call in calls]
        return [Opinion(category="blocked_phrase", rule="kumquat") for text in texts if WORD.search(text)]

    def watch(self, channel, context):
        return _Watch()


class _Server(uvicorn.Server):
    def __init__(self, config):
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.up.set()


class Rig:
    """Everything a test needs to speak to a running gateway."""

    def __init__(self, gateway, ledger, directory, registrar, server, key, principal, url):
        self.gateway, self.ledger, self.directory, self.registrar = gateway, ledger, directory, registrar
        self.server, self.key, self.principal, self.url = server, key, principal, url

    def script(self, *rules, **reply):
        rules = rules or (Rule(reply=Reply(**reply)),)
        self.server.script = Script(rules=rules)

    async def raw(self, data, *, half_close=False):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.url.rpartition(":")[2]))
        writer.write(data)
        await writer.drain()
        if half_close:
            writer.write_eof()
        return reader, writer

    async def post(self, path, body, headers=None, *, method="POST"):
        if not isinstance(body, bytes):
            body = msgspec.json.encode(body)
        sent = {"authorization": f"Bearer {self.key}", "content-length": str(len(body)), "connection": "close", "host": "x"} | (
            headers or {}
        )
        head = (
            f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value is not None) + "\r\n"
        )
        reader, writer = await self.raw(head.encode() + body)
        data = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return Answer(data)


class Answer:
    def __init__(self, data):
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        if self.headers.get("transfer-encoding") == "chunked":
            body = _dechunk(body)
        self.body = body

    @property
    def json(self):
        return msgspec.json.decode(self.body)


def _dechunk(data):
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        out += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return out


@contextlib.asynccontextmanager
async def running(
    *, settings=None, limits=None, kind="openai", script=None, tier=Tier.TRUSTED, control=Kumquat, timeouts=None, role=("member",), rows=""
):
    ledger = MemoryLedger()
    directory, policy = Directory(ledger), Policy(ledger)
    if rows:
        change(ledger, policy, actor=None, cedar=shipped().cedar, rows=rows, reason="test")
    registrar = Registrar(ledger, directory)
    principal = registrar.register("service", "app", role, actor=None)
    key = registrar.issue_key(principal.id, actor=None).secret.reveal()
    factory = Factory(descriptor=control.descriptor, build=control)
    runner = Runner(Registry.load([factory], found=()))
    async with ScriptedServer(script) as server:
        upstreams = Upstreams.of(
            {"scripted": UpstreamSettings(kind=kind, url=server.url, models=("scripted", "gpt-*", "claude-*"))},
            timeouts=timeouts or Timeouts(),
            max_response_bytes=(settings or GatewaySettings()).max_response_bytes,
        )
        gateway = Gateway(ledger, directory, policy, runner, upstreams, settings or GatewaySettings(), limits=limits)
        uv = _Server(serve_config(gateway, host="127.0.0.1", port=0))
        task = asyncio.get_running_loop().create_task(uv.serve())
        try:
            await asyncio.wait_for(uv.up.wait(), 10)
            port = uv.servers[0].sockets[0].getsockname()[1]
            yield Rig(gateway, ledger, directory, registrar, server, key, principal, f"http://127.0.0.1:{port}")
        finally:
            uv.should_exit = True
            uv.force_exit = True
            await task
            upstreams.close()


@pytest.fixture
def serve():
    return running


@pytest.fixture
def go():
    def run(coroutine):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(coroutine)

    return run
