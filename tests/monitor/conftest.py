"""A whole gateway over a real ledger, a scripted model behind it, people, and signals raised as the detectors would."""

import asyncio
import contextlib
import time

import msgspec
import pytest

from bartizan.app.compose import App
from bartizan.app.gateway import gateway_app
from bartizan.config import LedgerSettings, LimitSettings, Settings, UpstreamSettings
from bartizan.event import SignalRaised, Tier, envelope, new_id
from bartizan.model.script import Reply, Rule, Script
from bartizan.model.scripted import ScriptedServer


class Clock:
    """Wall time that a test moves."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


class Answer(msgspec.Struct):
    status: int
    headers: dict
    body: bytes

    def json(self):
        return msgspec.json.decode(self.body)


def signal(
    account, *evidence, n=1, level="medium", confidence=0.97, kind="account", category="cyber_exploit", members=(), links=(), until=None
):
    now = time.time() if until is None else until
    return SignalRaised(
        signal=new_id("signal"),
        account="" if members else account,
        rule=f"rule-{n}",
        rule_version="3",
        kind=kind,
        level=level,
        category=category,
        score=4.2,
        threshold=3.0,
        confidence=confidence,
        since=now - 60,
        until=now,
        window="2026-11",
        evidence=evidence or ("ex_" + "0" * 32,),
        members=members,
        links=links,
    )


class Rig:
    def __init__(self, app, gateway, server):
        self.app, self.gateway, self.server = app, gateway, server
        self.keys = {}
        self.people = {}

    def person(self, name, *roles):
        known = self.app.registrar.register("person", name, roles or ("member",), actor=None)
        self.people[name] = known
        self.keys[name] = self.app.registrar.issue_key(known.id, actor=None).secret.reveal()
        return known

    def now(self, name):
        self.app.ledger.catch_up()
        return self.app.directory.principal(self.people[name].id, at=time.time())

    def raise_signal(self, fact):
        self.app.ledger.append_now(envelope(fact, actor="monitor", account=fact.account, correlation=fact.signal))
        return fact

    async def call(self, method, path, key, body=None, headers=(), on_part=None):
        self.app.ledger.catch_up()
        sent = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(b"authorization", f"Bearer {key}".encode()), (b"content-length", str(len(sent)).encode()), *headers],
        }
        if not key:
            scope["headers"] = scope["headers"][1:]
        messages = []
        gone = asyncio.Event()
        given = [{"type": "http.request", "body": sent, "more_body": False}]

        async def receive():
            if given:
                return given.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            messages.append(message)
            if on_part is not None:
                on_part(message)

        await self.gateway(scope, receive, send)
        start = messages[0]
        return Answer(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            b"".join(message.get("body", b"") for message in messages[1:]),
        )

    async def ask(self, name, text="hello", on_part=None, **fields):
        body = {"model": "scripted", "messages": [{"role": "user", "content": text}], **fields}
        return await self.call("POST", "/v1/chat/completions", self.keys[name], body, on_part=on_part)


_LIMITS = {tier: LimitSettings(requests_per_minute=6000, concurrent=64, tokens_per_minute=0) for tier in Tier}


@contextlib.asynccontextmanager
async def running(data, *, script=None, follow=False, **settings):
    async with ScriptedServer(script or Script(rules=(Rule(reply=Reply(texts=("fine",))),), models=("scripted", "safer"))) as server:
        chosen = Settings(
            ledger=LedgerSettings(linger_ms=0),
            upstreams={"scripted": UpstreamSettings(kind="openai", url=server.url, models=("scripted", "safer"))},
            **({"limits": _LIMITS} | settings),
        )
        app = App(data, chosen, role="gateway")
        upstreams = app.upstreams()
        gateway = gateway_app(app, upstreams)
        app.begin()
        following = asyncio.get_running_loop().create_task(app.ledger.follow()) if follow else None
        try:
            yield Rig(app, gateway, server)
        finally:
            if following is not None:
                following.cancel()
            gateway.live.close()
            upstreams.close()
            app.close()


@pytest.fixture
def serve(tmp_path):
    return lambda **settings: running(tmp_path / "data", **settings)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Return a function that opens one gateway for a whole module, and one that runs a coroutine on its loop."""
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:

        def opening(**settings):
            context = running(tmp_path_factory.mktemp("shared") / "data", **settings)
            rig = runner.run(context.__aenter__())
            stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
            return rig, runner.run

        yield opening


@pytest.fixture
def raised():
    return signal
