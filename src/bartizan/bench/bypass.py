"""``bartizan bench bypass``: replay the bypass corpus through a gateway with everything on, and count what came through."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import uvicorn

from bartizan.bench.bypass_cases import NEEDLE, Case, cases, plainly_before
from bartizan.bench.bypass_places import LEAD, MODEL
from bartizan.bench.bypass_transforms import TRANSFORMS, Transform
from bartizan.config import ControlSetting, GatewaySettings, GuardSettings, LimitSettings, RuleSetting, UpstreamSettings
from bartizan.control import Registry, Runner
from bartizan.event import Tier
from bartizan.gateway import Gateway
from bartizan.gateway.server import serve_config
from bartizan.guard import builtin
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.model import Upstreams
from bartizan.policy import Policy

_PATHS: Final = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
_TIMEOUT_S: Final = 20.0


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What one case came to. ``leaked`` counts characters after LEAD, or of the spelled phrase, that the client saw."""

    id: str
    blocked: bool
    leaked: int
    status: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``passed`` and ``leaking`` name the cases that were not blocked, or not in time; at most 40 of each."""

    cases: int
    blocked: int
    leaked_cases: int
    leaked_characters: int
    by_direction: dict[str, str]
    passed: tuple[str, ...]
    leaking: tuple[str, ...]
    control: str
    """The same places with a harmless word: what is refused there too is refused for its place (media, malformed), not for its words."""


def measure(
    share: float = 1.0,
    *,
    transforms: dict[str, Transform] | None = None,
    visible: Callable[[str, str], int] = plainly_before,
    seed: int = 1,
) -> Report:
    """Replay the corpus, or a random share of it, through a fresh gateway; ``transforms`` replaces those of the corpus.

    ``visible`` is what ``cases`` takes.
    """
    random = Random(seed)
    chosen = [case for case in cases(transforms, seed=seed, visible=visible) if share >= 1 or random.random() < share]
    harmless = list(cases({"plain": TRANSFORMS["plain"]}, seed=seed, needle="apricot"))
    return summed(chosen, asyncio.run(replayed(chosen)), asyncio.run(replayed(harmless)))


def summed(chosen: Sequence[Case], tried: Sequence[Tried], harmless: Sequence[Tried]) -> Report:
    """Fold what was tried into a report."""
    outcomes = list(zip(chosen, tried, strict=True))
    whole, stopped = Counter(case.direction for case, _ in outcomes), Counter(case.direction for case, one in outcomes if one.blocked)
    return Report(
        cases=len(outcomes),
        blocked=sum(stopped.values()),
        leaked_cases=sum(one.leaked > 0 for _, one in outcomes),
        leaked_characters=sum(one.leaked for _, one in outcomes),
        by_direction={direction: f"{stopped[direction]} of {count} blocked" for direction, count in whole.items()},
        passed=tuple(one.id for _, one in outcomes if not one.blocked)[:40],
        leaking=tuple(one.id for _, one in outcomes if one.leaked)[:40],
        control=f"{sum(not one.blocked for one in harmless)} of {len(harmless)} pass",
    )


async def replayed(chosen: Iterable[Case]) -> list[Tried]:
    """Send every case through one gateway, one after another."""
    upstream = _Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with _gateway(port) as (address, key):
            return [await _tried(case, upstream, address, key) for case in chosen]


async def _tried(case: Case, upstream: _Upstream, port: int, key: str) -> Tried:
    upstream.case = case
    body = case.raw or json.dumps(case.body).encode()
    body = body.replace(f'"{MODEL}"'.encode(), f'"{MODEL}-{case.dialect}"'.encode())
    headers = {"host": "localhost", "authorization": f"Bearer {key}", "x-api-key": key, "content-type": "application/json"}
    lines = [f"{name}: {value}" for name, value in {**headers, **dict(case.headers), "content-length": str(len(body))}.items()]
    head = f"POST {_PATHS[case.dialect]} HTTP/1.1\r\nconnection: close\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    async with asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
    status = int(answer.split(b" ", 2)[1])
    seen = _dechunked(answer.partition(b"\r\n\r\n")[2], chunked=b"transfer-encoding: chunked" in answer.lower())
    blocked = status >= 400 or b"blocked_by_policy" in seen or b"content_filter" in seen
    return Tried(id=case.id, blocked=blocked, leaked=_leaked(case, seen.decode("utf-8", "replace")), status=status)


def _leaked(case: Case, seen: str) -> int:
    """Count characters that the client should not have seen: after LEAD in running text, of the spelling anywhere."""
    texts: dict[str, str] = {}
    for part in seen.split("\n") if case.stream else [seen]:
        for path, text in _strings(part.removeprefix("data:").strip()):
            texts[path] = texts.get(path, "") + text
    if case.direction == "input":
        return sum(len(case.spelled) for text in texts.values() if case.spelled in text or case.needle in text.lower())
    after = sum(max(0, len(text.partition(LEAD)[2]) - case.visible) for text in texts.values() if LEAD in text)
    return after or sum(len(case.spelled) for text in texts.values() if case.spelled in text or case.needle in text.lower())


def _strings(text: str) -> Iterator[tuple[str, str]]:
    try:
        yield from _leaves(json.loads(text), "")
    except ValueError:
        return


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    match value:
        case str():
            yield path, value
        case dict():
            for name, member in value.items():
                yield from _leaves(member, f"{path}.{name}.{value.get('index', '')}")
        case list():
            for member in value:
                yield from _leaves(member, path)


def _dechunked(data: bytes, *, chunked: bool) -> bytes:
    parts, at = [], 0
    while chunked and (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].split(b";")[0] or b"0", 16)
        parts.append(data[end + 2 : end + 2 + size])
        at = end + size + 4
        if not size:
            break
    return b"".join(parts) if chunked else data


class _Upstream:
    """A model server that sends exactly the bytes of the case, cut where the case says."""

    def __init__(self) -> None:
        self.case: Case | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until it closes."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
                await reader.readexactly(length)
                await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        if self.case is None:
            return
        reply = self.case.upstream_reply
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {reply.content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for piece in reply.pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def _gateway(upstream: int) -> AsyncIterator[tuple[int, str]]:
    """Run a gateway with ledger, identity, policy and every built-in control, blocking the needle; yields its port and a key."""
    guard = GuardSettings(rules=(RuleSetting(id="needle", phrase=NEEDLE),))
    address = f"http://127.0.0.1:{upstream}"
    ways = {
        "chat": UpstreamSettings(kind="openai", url=address, models=(f"{MODEL}-chat",)),
        "messages": UpstreamSettings(kind="anthropic", url=address, models=(f"{MODEL}-messages",)),
    }
    unlimited = {tier: LimitSettings(requests_per_minute=0, concurrent=0, tokens_per_minute=0) for tier in Tier}
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.open(Path(folder), role="gateway")
        directory, policy = Directory(ledger), Policy(ledger)
        factories = builtin(guard)
        controls = {factory.descriptor.id: ControlSetting(mode="enforce") for factory in factories}  # those that ship in shadow, too
        runner = Runner(Registry.load(factories, controls=controls, found=()))
        gateway = Gateway(ledger, directory, policy, runner, Upstreams.of(ways), GatewaySettings(), limits=unlimited)
        registrar = Registrar(ledger, directory)
        ledger.catch_up()
        person = registrar.register("service", "bench", ("member",), actor=None)
        key = registrar.issue_key(person.id, actor=None).secret.reveal()
        server = _Server(serve_config(gateway, host="127.0.0.1", port=0))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve())
            await server.up.wait()
            yield server.servers[0].sockets[0].getsockname()[1], key
            server.should_exit = True
            await serving
        ledger.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 - uvicorn's own type
        await super().startup(sockets)
        self.up.set()
