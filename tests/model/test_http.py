"""The client against servers that misbehave."""

import asyncio

import pytest

from bartizan.config import Secret, UpstreamSettings
from bartizan.errors import ConfigError, RefusedError, UpstreamError
from bartizan.model import Client, Origin, Timeouts, Upstreams
from bartizan.model.script import Reply, Rule, Script
from bartizan.model.scripted import ScriptedServer

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """A server that sends fixed bytes for each request, then maybe closes."""

    def __init__(self, *answers, close_after=None):
        self.answers = list(answers)
        self.connections = 0
        self.requests = 0
        self.close_after = close_after
        self.gone, self.asked = asyncio.Event(), asyncio.Event()
        self.tasks, self.writers = [], []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.origin = Origin.of(f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}")
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writer in self.writers:
            writer.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        self.writers.append(writer)
        while await reader.read(65536):
            self.requests += 1
            self.asked.set()
            answer = self.answers.pop(0) if self.answers else None
            if answer is None:
                continue
            writer.write(answer)
            await writer.drain()
            if self.requests == self.close_after or b"connection: close" in answer:
                break
        writer.close()
        self.gone.set()


def test_connections_are_kept_and_used_again():
    async def scenario():
        async with Peer(OK, OK, OK) as peer:
            client = Client([peer.origin])
            for _ in range(3):
                response = await client.request(peer.origin, REQUEST)
                assert await response.body() == b"ok"
            assert (peer.connections, client.open_connections) == (1, 1)
            client.close()

    asyncio.run(scenario())


def test_a_stale_connection_is_retried_once_on_a_fresh_one():
    async def scenario():
        async with Peer(OK, OK, close_after=1) as peer:
            client = Client([peer.origin])
            await (await client.request(peer.origin, REQUEST)).body()
            # The server closes now; whether we learn of it before or after writing must not matter.
            peer.close_after = None
            assert await (await client.request(peer.origin, REQUEST)).body() == b"ok"
            assert peer.connections == 2
            client.close()

    asyncio.run(scenario())


BROKEN = {
    "closed_before_a_byte": (b"connection: close", "upstream_protocol"),
    "not_http": (b"SSH-2.0-x\r\n\r\n", "upstream_protocol"),
    "both_lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "upstream_protocol"),
    "compressed": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok", "upstream_protocol"),
    "too_large_said": (b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n", "upstream_too_large"),
    "too_large_done": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000, "upstream_too_large"),
    "truncated": (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\nconnection: close\r\n\r\nok", "upstream_closed"),
    "huge_headers": (b"HTTP/1.1 200 OK\r\n" + (b"x: " + b"y" * 9000 + b"\r\n") * 9 + b"\r\n", "upstream_protocol"),
    "switches_protocols": (b"HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "upstream_protocol"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_a_typed_error(name):
    data, code = BROKEN[name]

    async def scenario():
        async with Peer(data) as peer:
            client = Client([peer.origin], max_response_bytes=1000, timeouts=Timeouts(first_byte_s=5))
            with pytest.raises(UpstreamError) as error:  # noqa: PT012 - either step may find out
                response = await client.request(peer.origin, REQUEST)
                await response.body()
            assert error.value.code == code
            assert peer.requests == 1
            client.close()

    asyncio.run(scenario())


def test_a_body_without_length_ends_with_the_connection():
    async def scenario():
        async with Peer(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello") as peer:
            client = Client([peer.origin])
            assert await (await client.request(peer.origin, REQUEST)).body() == b"hello"
            client.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "timeouts"),
    [
        (None, Timeouts(first_byte_s=0.05)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok", Timeouts(chunk_s=0.05)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok", Timeouts(total_s=0.05)),
    ],
)
def test_a_silent_server_is_given_up(answer, timeouts):
    async def scenario():
        async with Peer(answer) as peer:
            client = Client([peer.origin], timeouts=timeouts)
            with pytest.raises(UpstreamError) as error:
                await (await client.request(peer.origin, REQUEST)).body()
            assert (error.value.code, error.value.status) == ("upstream_timeout", 504)
            await asyncio.wait_for(peer.gone.wait(), 5)
            client.close()

    asyncio.run(scenario())


def test_only_allowed_origins_are_called():
    async def scenario():
        async with Peer(OK) as peer:
            client = Client([Origin.of("http://127.0.0.1:1")])
            with pytest.raises(UpstreamError) as error:
                await client.request(peer.origin, REQUEST)
            assert error.value.code == "egress_denied"
            with pytest.raises(UpstreamError) as closed:
                await client.request(Origin.of("http://127.0.0.1:1"), REQUEST)
            assert closed.value.code == "upstream_unreachable"

    asyncio.run(scenario())


def test_the_pool_refuses_rather_than_waits():
    async def scenario():
        async with Peer() as peer:
            client = Client([peer.origin], max_connections=1)
            first = asyncio.get_running_loop().create_task(client.request(peer.origin, REQUEST))
            await asyncio.wait_for(peer.asked.wait(), 5)
            with pytest.raises(UpstreamError) as error:
                await client.request(peer.origin, REQUEST)
            assert (error.value.code, error.value.status) == ("upstream_busy", 503)
            first.cancel()
            await asyncio.wait_for(peer.gone.wait(), 5)  # cancelling closes the socket
            client.close()

    asyncio.run(scenario())


def test_giving_up_an_answer_closes_its_socket_and_leaving_it_keeps_the_connection():
    async def scenario():
        script = Script(rules=(Rule(reply=Reply(texts=("word " * 500,), tokens_per_s=100)),))
        async with ScriptedServer(script) as server:
            upstreams = Upstreams.of({"s": UpstreamSettings(kind="openai", url=server.url)})
            response = await upstreams.for_model("m").send(b'{"model":"m","stream":true}')
            assert await response.read()
            response.close()
            await asyncio.wait_for((await server.nth(1)).left.wait(), 5)
            server.script = Script()
            response = await upstreams.for_model("m").send(b'{"model":"m","messages":[]}')
            response.leave()
            await asyncio.wait_for((await server.nth(2)).answered.wait(), 5)
            await (await upstreams.for_model("m").send(b'{"model":"m","messages":[]}')).body()
            assert upstreams.open_connections <= 2
            upstreams.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://user@host", "http://hö.example", "http://x:99999"])
def test_addresses_that_are_none(url):
    with pytest.raises(ConfigError):
        Origin.of(url)


def test_models_find_their_server(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "sk-secret")
    upstreams = Upstreams.of(
        {
            "any": UpstreamSettings(kind="openai", url="http://127.0.0.1:1", models=("*",)),
            "gpt": UpstreamSettings(kind="openai", url="https://api.openai.com", key=Secret("env:SECRET_KEY"), models=("gpt-*", "o1")),
            "gpt5": UpstreamSettings(kind="openai", url="http://127.0.0.1:3/x/v1", models=("gpt-5*",)),
        }
    )
    assert [upstreams.for_model(name).name for name in ("gpt-4", "gpt-5.1", "o1", "o1-mini")] == ["gpt", "gpt5", "gpt", "any"]
    assert upstreams.for_model("gpt-4").safety_field == "safety_identifier"
    assert upstreams.for_model("x").safety_field == "user"
    with pytest.raises(RefusedError):
        Upstreams.of({"gpt": UpstreamSettings(kind="openai", url="http://127.0.0.1:1", models=("gpt-*",))}).for_model("x")


def test_a_key_with_a_line_break_never_becomes_a_header(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "sk\r\nx-evil: 1")
    with pytest.raises(ConfigError):
        Upstreams.of({"a": UpstreamSettings(kind="openai", url="http://127.0.0.1:1", key=Secret("env:SECRET_KEY"))})


def test_a_server_is_asked_for_its_models():
    async def scenario():
        async with ScriptedServer(Script(models=("a", "b"))) as server:
            upstreams = Upstreams.of({"s": UpstreamSettings(kind="openai", url=server.url, models=())})
            assert await upstreams.refresh() == ()
            assert upstreams.models() == (("a", "s"), ("b", "s"))
            upstreams.close()

    asyncio.run(scenario())
