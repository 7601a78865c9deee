"""What the record costs: durable appends at several concurrencies, with records as the gateway writes them, against a plain insert."""

from __future__ import annotations

import asyncio
import queue
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from bartizan.event import Envelope, ExchangeAdmitted, ExchangeCompleted, Tier, Timings, Verdict, envelope, new_id
from bartizan.event.envelope import encode_body
from bartizan.ledger import Ledger, offline
from bartizan.store.connection import connect

_ACCOUNTS: Final = 200
_CONTROLS: Final = ("rules", "secrets", "tool_arguments")

Append = Callable[[Envelope, bytes], Awaitable[int]]


class AppendResult(msgspec.Struct, kw_only=True):
    """Medians over rounds. ``cpu_us`` is of the whole process: event loop, sealing, tree, signature and SQLite."""

    waiters: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    plain_per_second: float
    plain_cpu_us: float
    wall_ratio: float
    """Protected rate / rate of a plain one-row insert of the same bytes under the same group commit."""
    cpu_ratio: float


class VerifyResult(msgspec.Struct, kw_only=True):
    """Entries verified in a second of CPU, and bytes on disk for one entry."""

    entries: int
    headers_per_second: float
    full_per_second: float
    bytes_per_entry: float


def append(*, waiters: tuple[int, ...] = (1, 16, 64, 256), records: int = 20_000, rounds: int = 5, seed: int = 1) -> list[AppendResult]:
    """Measure each concurrency; fewer records at low ones, where every append waits for its own sync."""
    return [_append(count, max(200, min(records, count * 200)), rounds, random.Random(seed)) for count in waiters]


def _append(waiters: int, records: int, rounds: int, dice: random.Random) -> AppendResult:
    ours, plain = [], []
    contents = _contents(dice)
    for _ in range(rounds):
        directory = Path(tempfile.mkdtemp(prefix="bartizan-append-"))
        try:
            ledger = Ledger.open(directory / "ledger", role="bench")
            ours.append(uvloop.run(_drive(ledger.append, waiters, records, contents)))
            ledger.close()
            log = _PlainLog(directory / "plain.db")
            plain.append(uvloop.run(_drive(log.append, waiters, records, contents)))
            log.close()
        finally:
            shutil.rmtree(directory)
    rate, p50, p99, cpu = (statistics.median(column) for column in zip(*ours, strict=True))
    plain_rate, _, _, plain_cpu = (statistics.median(column) for column in zip(*plain, strict=True))
    return AppendResult(
        waiters=waiters,
        per_second=round(rate),
        p50_ms=round(p50 * 1000, 1),
        p99_ms=round(p99 * 1000, 1),
        cpu_us=round(cpu * 1e6, 1),
        plain_per_second=round(plain_rate),
        plain_cpu_us=round(plain_cpu * 1e6, 1),
        wall_ratio=round(rate / plain_rate, 2),
        cpu_ratio=round(cpu / plain_cpu, 2),
    )


async def _drive(append: Append, waiters: int, records: int, contents: list[bytes]) -> tuple[float, float, float, float]:
    """Return records a second, p50 and p99 seconds, CPU seconds a record."""
    latencies: list[float] = []
    left = records

    async def exchange(number: int) -> None:
        nonlocal left
        while left > 0:
            left -= 2
            admitted, completed, prompt, answer = _exchange(number + left, contents)
            for item, content in ((admitted, prompt), (completed, answer)):
                begun = time.perf_counter()
                await append(item, content)
                latencies.append(time.perf_counter() - begun)

    # Every account has its key of the day before the clock starts: a key is made once a day, and costs two syncs.
    await asyncio.gather(*(append(*_exchange(number, contents)[::2]) for number in range(_ACCOUNTS)))
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(exchange(number) for number in range(waiters)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    latencies.sort()
    done = len(latencies)
    return done / wall, latencies[done // 2], latencies[done * 99 // 100], cpu / done


def _exchange(number: int, contents: list[bytes]) -> tuple[Envelope, Envelope, bytes, bytes]:
    name, account = new_id("ex"), f"acct_{number % _ACCOUNTS:032x}"
    admitted = ExchangeAdmitted(
        dialect="chat",
        model="smollm2-135m",
        upstream="local",
        tier=Tier.VERIFIED,
        key_id="key_1",
        stream=True,
        segments=6,
        request_bytes=1500,
        policy="7",
    )
    verdicts = tuple(Verdict(control=control, version="1", layer="input", mode="enforce", cpu_us=40) for control in _CONTROLS)
    timings = Timings(admitted_ms=2.1, judged_ms=2.9, first_byte_ms=20.5, first_release_ms=21.0, done_ms=160.2)
    completed = ExchangeCompleted(
        outcome="answered",
        decision="allow",
        verdicts=verdicts,
        timings=timings,
        input_tokens=300,
        output_tokens=120,
        finish="stop",
        released_bytes=500,
    )
    first = envelope(admitted, actor="prin_1", account=account, correlation=name)
    last = envelope(completed, actor="prin_1", account=account, correlation=name, causation=first.id)
    return first, last, contents[number % len(contents)], contents[(number + 1) % len(contents)][:500]


def _contents(dice: random.Random) -> list[bytes]:
    """Return 64 prompts of about 1.5 KB that compress about as English does."""
    words = ["".join(dice.choices("etaoinshrdlucmfw", k=dice.randint(2, 9))) for _ in range(1500)]
    return [
        msgspec.json.encode({"messages": [{"role": "user", "content": " ".join(dice.choices(words, k=235))}]})[:1500] for _ in range(64)
    ]


class _PlainLog:
    """The peer: one row a record, nothing sealed, hashed or signed, under the same kind of group commit."""

    def __init__(self, path: Path) -> None:
        self._database = connect(path, journal="wal")
        self._database.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._queue: queue.SimpleQueue[tuple[bytes, asyncio.Future[int], asyncio.AbstractEventLoop] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    async def append(self, item: Envelope, content: bytes) -> int:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[int] = loop.create_future()
        head = f"{item.id}{item.tenant}{item.actor}{item.account}{item.correlation}{item.causation}".encode()
        self._queue.put((head + encode_body(item.body) + content, waiter, loop))
        return await waiter

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        last = 0
        while (first := self._queue.get()) is not None:
            if last > 8 and self._queue.qsize() < last - 1:
                time.sleep(0.002)
            batch = [first]
            while self._queue.qsize() and len(batch) < 512 and (more := self._queue.get()) is not None:
                batch.append(more)
            last = len(batch)
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO entry (body) VALUES (?)", [(body,) for body, _, _ in batch])
            self._database.execute("COMMIT")
            batch[0][2].call_soon_threadsafe(_resolve, [waiter for _, waiter, _ in batch])


def _resolve(waiters: list[asyncio.Future[int]]) -> None:
    for waiter in waiters:
        waiter.set_result(0)


def verify(*, entries: int = 50_000, rounds: int = 3, seed: int = 1) -> VerifyResult:
    """Measure the offline verifier over a log of this size, with and without the ciphertexts."""
    directory = Path(tempfile.mkdtemp(prefix="bartizan-verify-"))
    contents = _contents(random.Random(seed))
    try:
        ledger = Ledger.open(directory, role="bench")
        for start in range(0, entries, 1000):
            ledger.append_now(*(pair for number in range(500) for pair in _pairs(start + number, contents)))
        key = ledger.signer.vkey
        ledger.close()
        size = sum(path.stat().st_size for path in directory.glob("ledger.db*"))
        rates: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(rounds):
            for headers_only, seen in rates.items():
                begun = time.process_time()
                report = offline.verify(directory, log_key=key, headers_only=headers_only)
                seen.append(report.size / (time.process_time() - begun))
    finally:
        shutil.rmtree(directory)
    return VerifyResult(
        entries=report.size,
        headers_per_second=round(statistics.median(rates[True])),
        full_per_second=round(statistics.median(rates[False])),
        bytes_per_entry=round(size / report.size),
    )


def _pairs(number: int, contents: list[bytes]) -> tuple[tuple[Envelope, bytes], tuple[Envelope, bytes]]:
    admitted, completed, prompt, answer = _exchange(number, contents)
    return (admitted, prompt), (completed, answer)
