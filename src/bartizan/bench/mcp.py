"""``bartizan bench mcp``: MCP's official conformance suite against the reference server, directly and through the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import re2
import uvicorn

from bartizan.bench.mcp_reference import Reference
from bartizan.casework import Casebook
from bartizan.config import GatewaySettings, GuardSettings, LimitSettings, McpServerSettings, McpSettings
from bartizan.control import Registry, Runner
from bartizan.errors import ConfigError
from bartizan.event import Tier, ToolsPinned, envelope
from bartizan.gateway import Gateway
from bartizan.gateway.mcp import pin_of
from bartizan.gateway.server import serve_config
from bartizan.guard import builtin
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.model import Upstreams
from bartizan.policy import Policy

_LINE: Final = re2.compile(r"(\S+): (\d+) passed, (\d+) failed")
_PATIENCE_S: Final = 300.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario of the suite: checks passed and failed; with neither, it only warns or informs."""

    name: str
    passed: int
    failed: int


class _Keyed:
    """The gateway as an application that speaks with one key: the suite knows no credentials."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self._gateway = gateway
        self._key = key.encode()
        self.malformed = gateway.malformed

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", b"Bearer " + self._key)]}
        await self._gateway(scope, receive, send)


def run(node: str, suite: Path) -> Mapping[str, list[Scenario]]:
    """Run the suite (the package's ``dist/index.js``) under ``node``, 22 or later; raises ConfigError if it can't be run."""
    program = shutil.which(node)
    if program is None or not suite.exists():
        raise ConfigError(
            "the conformance suite is not here", hint="npm install @modelcontextprotocol/conformance, then --node and --suite"
        )
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the SDK warns that features of older revisions are old
        return asyncio.run(_both(program, suite, Path(folder)))


async def _both(node: str, suite: Path, folder: Path) -> Mapping[str, list[Scenario]]:
    reference = Reference()
    async with _serving(reference.app()) as upstream:
        url = f"http://127.0.0.1:{upstream}/mcp"
        direct = await _suite(node, suite, url, folder / "direct")
        async with _guarded(url, reference, folder / "data") as port:
            guarded = await _suite(node, suite, f"http://127.0.0.1:{port}/mcp/reference", folder / "guarded")
    return {"direct": direct, "guarded": guarded}


async def _suite(node: str, suite: Path, url: str, out: Path) -> list[Scenario]:
    process = await asyncio.create_subprocess_exec(
        *(node, str(suite), "server", "--url", url, "--suite", "all", "-o", str(out)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    text, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_S)
    summary = text.decode("utf-8", "replace").partition("=== SUMMARY ===")[2]
    return [
        Scenario(name=name, passed=int(passed), failed=int(failed)) for name, passed, failed in _LINE.findall(summary) if name != "Total"
    ]


@contextlib.asynccontextmanager
async def _guarded(url: str, reference: Reference, data: Path) -> AsyncIterator[int]:
    """Serve the gateway with every control in force, the server's tools pinned, and media let through for the suite's pictures."""
    ledger = Ledger.open(data, role="bench")
    casebook = Casebook(ledger)
    directory, policy = Directory(ledger, consent=casebook), Policy(ledger)
    registrar = Registrar(ledger, directory)
    settings = McpSettings(servers={"reference": McpServerSettings(url=url, client_requests="guard")})
    runner = Runner(Registry.load(builtin(GuardSettings()), found=()))
    limits = {Tier.PUBLIC: LimitSettings(requests_per_minute=0, concurrent=0, tokens_per_minute=0)}
    gateway = Gateway(
        ledger, directory, policy, runner, Upstreams.of({}), GatewaySettings(media="log"), limits=limits, mcp=settings, casebook=casebook
    )
    ledger.catch_up()
    key = registrar.issue_key(registrar.register("service", "suite", ("member",), actor=None).id, actor=None).secret.reveal()
    ledger.append_now(envelope(ToolsPinned(server="reference", tools=tuple(pin_of(tool) for tool in reference.tools))))
    ledger.catch_up()
    keyed = _Keyed(gateway, key)
    try:
        async with _serving(keyed, serve_config(keyed, host="127.0.0.1", port=0)) as port:
            yield port
    finally:
        ledger.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextlib.asynccontextmanager
async def _serving(app: Any, config: uvicorn.Config | None = None) -> AsyncIterator[int]:  # noqa: ANN401 - an ASGI application
    server = _Server(config or uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=1))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        await asyncio.wait_for(server.up.wait(), 10)
        try:
            yield int(server.servers[0].sockets[0].getsockname()[1])
        finally:
            server.should_exit = True
            server.force_exit = True


def main(node: str, suite: Path) -> bool:
    """Run, print each scenario by name with both results, and say whether all passed both ways."""
    begun = time.monotonic()
    results = run(node, suite)
    guarded = {scenario.name: scenario for scenario in results["guarded"]}
    for one in results["direct"]:
        other = guarded.get(one.name, Scenario(name=one.name, passed=0, failed=1))
        print(f"{one.name:<34} direct {one.passed} passed, {one.failed} failed; guarded {other.passed} passed, {other.failed} failed")
    for way, scenarios in results.items():
        passed, failed = sum(each.passed for each in scenarios), sum(each.failed for each in scenarios)
        print(f"{way}: {len(scenarios)} scenarios, {passed} checks passed, {failed} failed")
    print(f"{time.monotonic() - begun:.0f} s")
    return all(scenario.failed == 0 for scenarios in results.values() for scenario in scenarios) and bool(results["direct"])
