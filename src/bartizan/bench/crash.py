"""Is anything lost that was acknowledged? A child appends and reports every place it was told; it is killed (-9) at a random moment."""

from __future__ import annotations

import asyncio
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec

from bartizan.event import ExchangeAdmitted, ExchangeCompleted, Tier, envelope, new_id
from bartizan.ledger import Ledger, offline
from bartizan.ledger.witness import Witness

_WAITERS: Final = 32
_KILLS_A_LOG: Final = 10
_TIMEOUT_S: Final = 60


class CrashResult(msgspec.Struct, kw_only=True):
    """``lost`` are places acknowledged by a child that the log does not have as told; ``alarms`` are clean logs not believed."""

    kills: int
    acknowledged: int
    interrupted: int
    """Exchanges that recovery closed."""
    lost: list[str]
    alarms: list[str]
    seconds: float


def crash(kills: int = 200, *, seed: int = 1) -> CrashResult:
    """Kill ``kills`` children, ten on one log each; verify after every kill, recover at the end of every log."""
    dice = random.Random(seed)
    result = CrashResult(kills=kills, acknowledged=0, interrupted=0, lost=[], alarms=[], seconds=0.0)
    begun = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="bartizan-crash-"))
    try:
        for start in range(0, kills, _KILLS_A_LOG):
            data = directory / str(start)
            told: dict[int, str] = {}
            for number in range(start, min(start + _KILLS_A_LOG, kills)):
                told |= _kill_one(data, dice)
                _check(data, number, told, result)
            result.acknowledged += len(told)
            _recover(data, told, result)
    finally:
        shutil.rmtree(directory)
    result.seconds = time.monotonic() - begun
    return result


def _kill_one(data: Path, dice: random.Random) -> dict[int, str]:
    """Run a child until a random number of acknowledgements were read and a random fraction of a commit more; return all it wrote."""
    after = dice.choice((0, 1, dice.randrange(200), dice.randrange(3000)))
    command = [sys.executable, "-c", f"from bartizan.bench.crash import append_until_killed; append_until_killed({str(data)!r})"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own module
    assert child.stdout is not None  # noqa: S101 - a pipe was asked for
    pipe = child.stdout.fileno()
    output = os.read(pipe, 6)  # it says "ready" before its first append
    deadline = time.monotonic() + _TIMEOUT_S
    while output.count(b"\n") <= after and time.monotonic() < deadline:
        output += os.read(pipe, 1 << 16)
    select.select([], [], [], dice.random() * 0.01)
    child.send_signal(signal.SIGKILL)
    output += child.stdout.read()
    child.wait()
    child.stdout.close()
    lines = output[: output.rfind(b"\n") + 1].decode().split("\n")[1:-1]
    return {int(place): entry for place, entry in (line.split(" ") for line in lines)}


def append_until_killed(data: str) -> None:
    """Append as a gateway does, with many waiting at once, and write ``place id`` for everything that is acknowledged."""
    ledger = Ledger.open(Path(data), role="bench")
    pipe = sys.stdout.fileno()
    os.write(pipe, b"ready\n")

    async def exchange() -> None:
        while True:
            name = new_id("ex")
            admitted = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k")
            for body in (admitted, ExchangeCompleted(outcome="answered", decision="allow")):
                item = envelope(body, account=f"acct_{name[-1]}", correlation=name)
                place = await ledger.append(item, b"some text " * 40)
                os.write(pipe, f"{place} {item.id}\n".encode())

    async def main() -> None:
        await asyncio.gather(*(exchange() for _ in range(_WAITERS)))

    asyncio.run(main())


def _check(data: Path, number: int, told: dict[int, str], result: CrashResult) -> None:
    if not (data / "log.vkey").exists():
        return
    report = offline.verify(data)
    if not report.ok:
        result.alarms.append(f"kill {number}: {report.findings[0]}")
    if report.size <= max(told, default=-1):
        result.lost.append(f"kill {number}: the log has {report.size} entries, {max(told)} was acknowledged")


def _recover(data: Path, told: dict[int, str], result: CrashResult) -> None:
    ledger = Ledger.open(data, role="bench")
    try:
        result.interrupted += len(ledger.recover())
        if ledger.open_exchanges():
            result.alarms.append(f"{data.name}: exchanges of dead writers stay open")
        there = {seq: item.id for seq, item in ledger.events()}
        result.lost += [f"{data.name}: {place} was acknowledged as {entry}" for place, entry in told.items() if there.get(place) != entry]
        if told and ledger.content(max(told)) != b"some text " * 40:
            result.lost.append(f"{data.name}: content of {max(told)}")
        witness = Witness(data / "secrets" / "witness")
        anchor = ledger.cosign(witness).note
        report = offline.verify(data, log_key=ledger.signer.vkey, witness_keys=[witness.vkey], anchor=anchor)
        if not report.ok:
            result.alarms.append(f"{data.name}: {report.findings[0]}")
    finally:
        ledger.close()
