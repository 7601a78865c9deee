"""The other ends of ``bartizan bench gateway``, each its own process: an upstream that answers at once or at a pace, and a load generator.

Both do as little as an HTTP peer can, so that the gateway between them is what is measured.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Final, cast

import httptools
import msgspec

EVENTS: Final = 64
_WORD: Final = "The quick brown fox jumps over the lazy dog while seven wise owls watch from the old oak tree near the quiet river bank. "
_PROMPT: Final = (
    "You help the harbour office of a small town. Answer in plain words, name the tide table that you rely on, and never guess a berth. "
)
"""The operator's prompt has no words of the answer's: an answer that repeats its prompt is a leak, and would be stopped."""


def _answer() -> bytes:
    message = {"role": "assistant", "content": (_WORD * 3)[:280], "refusal": None}
    usage = {"prompt_tokens": 300, "completion_tokens": 64, "total_tokens": 364}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench", "choices": [choice], "usage": usage}
    data = msgspec.json.encode(body)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data)


def _events() -> list[bytes]:
    words = (_WORD * 4).split(" ")
    out = []
    for number in range(EVENTS):
        delta = {"content": words[number] + " "} if number < EVENTS - 1 else {}
        choice = {"index": 0, "delta": delta, "finish_reason": None if number < EVENTS - 1 else "stop"}
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
        data = msgspec.json.encode(head | {"choices": [choice]})
        event = b"data: %s\n\n" % data
        out.append(b"%x\r\n%s\r\n" % (len(event), event))
    out.append(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    return out


_JSON: Final = _answer()
_SSE_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_SSE: Final = _events()
_SSE_WHOLE: Final = _SSE_HEAD + b"".join(_SSE)
_LEAST_JSON: Final = len(_JSON.partition(b"\r\n\r\n")[2])
_LEAST_SSE: Final = sum(len(event) for event in _SSE) * 9 // 10


class _Upstream(asyncio.Protocol):
    """Answers every request; paces the stream where the body says ``"seed":1``."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpRequestParser(self)
        self.body: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self.body)
        self.body = []
        if b'"stream":true' not in body:
            self.transport.write(_JSON)
        elif b'"seed":1' in body:
            self.transport.write(_SSE_HEAD)
            self.pace(0, asyncio.get_running_loop().time())
        else:
            self.transport.write(_SSE_WHOLE)

    def pace(self, number: int, began: float) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(_SSE[number])
        if number + 1 < len(_SSE):
            asyncio.get_running_loop().call_at(began + (number + 1) * 0.01, self.pace, number + 1, began)


class Load(msgspec.Struct, kw_only=True):
    """What a run of load found: answers, failures, and times in milliseconds from the request's last byte."""

    answers: int = 0
    failures: int = 0
    seconds: float = 0.0
    first_byte_ms: list[float] = []
    total_ms: list[float] = []


class _Caller(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, ask: Callable[[], bytes], load: Load, until: float, stream: bool, done: asyncio.Event) -> None:  # noqa: FBT001 - bench
        self.request = ask
        self.load = load
        self.until = until
        self.stream = stream
        self.done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpResponseParser(self)
        self.ask()

    def ask(self) -> None:
        self.tail = b""
        self.size = 0
        self.first = 0.0
        self.asked = time.perf_counter()
        self.transport.write(self.request())

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        if not self.first:
            self.first = time.perf_counter()
        self.tail = data[-14:]
        self.size += len(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        whole = self.parser.get_status_code() == 200 and (not self.stream or self.tail == b"data: [DONE]\n\n")
        whole = whole and self.size >= (_LEAST_SSE if self.stream else _LEAST_JSON)  # the model's answer, and no safe one in its place
        self.load.answers += whole
        self.load.failures += not whole
        self.load.first_byte_ms.append((self.first - self.asked) * 1000)
        self.load.total_ms.append((now - self.asked) * 1000)
        if now < self.until and whole:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.done.set()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def _asker(head: str, fields: dict[str, object], *, unseen: bool) -> Callable[[], bytes]:
    """Return what makes the next request: always the same one, or one whose texts were in no request before."""

    def request(body: bytes) -> bytes:
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body

    if not unseen:
        same = request(msgspec.json.encode(fields))
        return lambda: same
    numbers = count()

    def fresh() -> bytes:
        number = next(numbers)
        words = (_WORD * 8)[:880].split(" ")
        random.Random(f"{time.time_ns()} {number}").shuffle(words)
        messages = [{"role": "system", "content": f"{number} " + (_PROMPT * 5)[:490]}, {"role": "user", "content": " ".join(words)}]
        return request(msgspec.json.encode(fields | {"messages": messages}))

    return fresh


async def _load(port: int, key: str, connections: int, seconds: float, kind: str, *, unseen: bool) -> None:
    fields = {
        "model": "bench",
        "messages": [{"role": "system", "content": (_PROMPT * 5)[:500]}, {"role": "user", "content": (_WORD * 8)[:900]}],
        "max_tokens": 64,
        "temperature": 0.2,
    }
    fields |= {"stream": True} if kind != "json" else {}
    fields |= {"seed": 1} if kind == "paced" else {}
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    request = _asker(head, fields, unseen=unseen)
    load = Load()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    ends = [asyncio.Event() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(partial(_Caller, request, load, began + seconds, kind != "json", end), "127.0.0.1", port)
    for end in ends:
        await end.wait()
    load.seconds = time.perf_counter() - began
    sys.stdout.buffer.write(msgspec.json.encode(load) + b"\n")


def main(argv: list[str]) -> None:
    """Run as ``upstream`` or as ``load PORT KEY CONNECTIONS SECONDS KIND [unseen]``."""
    import uvloop  # noqa: PLC0415 - not where only the structs are wanted

    work = (
        _serve() if argv[0] == "upstream" else _load(int(argv[1]), argv[2], int(argv[3]), float(argv[4]), argv[5], unseen="unseen" in argv)
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main(sys.argv[1:])
