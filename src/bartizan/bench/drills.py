"""``bartizan bench drills``: break the cascade on purpose, in every way that was thought of, and see that nothing passes unjudged."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from bartizan.control import Context, Factory, Pool, Registry, Runner, Segment
from bartizan.control.contract import Descriptor, Opinion, Phase, ToolCall
from bartizan.errors import BartizanError, ControlError, RefusedError
from bartizan.event import Tier, Verdict
from bartizan.guard.encoder_pool import EncoderPool
from bartizan.guard.injection import Injection
from bartizan.guard.judged import Judged
from bartizan.guard.learned import Heads
from bartizan.guard.outputs.heads import OutputHeads

_TEXT: Final = "Explain how a service account is rotated, step by step, and what could go wrong with it."
_CHILD: Final = """
import os, sys, time
import numpy as np
from bartizan.guard.encoder_worker import serve
def load():
    def embed(texts):
        if os.environ.get("DRILL") == "slow": time.sleep(60)
        return np.ones((len(texts), 4), dtype=np.float32)
    return embed
sys.exit(serve(load, sys.stdin.buffer, sys.stdout.buffer))
"""


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """One failure, what came of a text that was sent into it, and whether that is on record. ``held``: nothing passed unjudged."""

    failure: str
    held: bool
    outcome: str
    recorded: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``passed_unjudged`` must be 0."""

    drills: int
    passed_unjudged: int
    each: tuple[Drill, ...]


def measure() -> Report:
    """Run every drill."""
    each = tuple(_drills())
    return Report(drills=len(each), passed_unjudged=sum(not drill.held for drill in each), each=each)


def _drills() -> Iterator[Drill]:
    for name, flaw in (("missing", _missing), ("changed by one byte", _changed), ("manifest emptied", _emptied)):
        yield _start(
            "linear weights " + name,
            "bartizan.guard.learned",
            "linear.npz",
            flaw,
            lambda folder: Injection(Judged(lambda: Heads.load(folder))),
        )
        yield _start("output weights " + name, "bartizan.guard.outputs", "heads.npz", flaw, OutputHeads.load)
    for name in ("slow", "killed", "queue full"):
        yield _live("encoder " + name, name)
    yield _full_pool()


def _start(failure: str, package: str, name: str, flaw: Callable[[Path], None], build: Callable[[Path], object]) -> Drill:
    """Load from damaged weights: the registry must refuse to start."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "weights"
        shutil.copytree(Path(str(files(package))) / "weights", copy)
        flaw(copy / name)
        factory = Factory(descriptor=_DESCRIPTOR, build=lambda: _Asks(lambda _: build(copy), eager=True))
        try:
            Registry.load([factory], found=())
        except ControlError as error:
            return Drill(
                failure=failure, held=True, outcome="the gateway does not start", recorded=str(error).replace(str(copy), "weights")
            )
    return Drill(failure=failure, held=False, outcome="the gateway started", recorded="")


def _live(failure: str, how: str) -> Drill:
    """Judge a text while the encoder is broken: the verdict must say so and block."""
    if how == "slow":
        os.environ["DRILL"] = "slow"
    pool = EncoderPool(command=(sys.executable, "-c", _CHILD), queue=1)
    try:
        if how == "killed":
            pool.embed([_TEXT], within_s=60)
        blocker = threading.Thread(target=_occupy, args=(pool,)) if how == "queue full" else None
        if blocker is not None:
            os.environ["DRILL"] = "slow"
            blocker.start()
            while pool._places._value:  # noqa: SLF001 - the drill waits until the one place is taken
                threading.Event().wait(0.01)

        def ask(text: str) -> None:
            if how == "killed":
                os.kill(pool.pids()[0], signal.SIGKILL)
            pool.embed([text], within_s=1.0)

        verdicts = _judged(_Asks(ask))
        if blocker is not None:
            blocker.join()
    finally:
        os.environ.pop("DRILL", None)
        pool.close()
    return _told(failure, verdicts)


def _full_pool() -> Drill:
    """Find the pool of expensive controls full."""
    gate = threading.Event()
    pool = Pool(threads=1, queue=1)
    factory = Factory(descriptor=_DESCRIPTOR, build=lambda: _Asks(lambda _: gate.wait(20)))
    runner = Runner(Registry.load([factory], found=()), pool=pool)
    outcome, recorded = "passed", ""

    async def scenario() -> None:
        nonlocal outcome, recorded
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(runner.judge("input", _segments(), (), _context()))
            await asyncio.sleep(0)
            try:
                await runner.judge("input", _segments(), (), _context())
            except BartizanError as error:
                outcome, recorded = f"refused with {error.status}" if isinstance(error, RefusedError) else "refused", str(error)
            gate.set()
            await first

    asyncio.run(scenario())
    pool.close()
    return Drill(failure="pool of expensive controls full", held=outcome != "passed", outcome=outcome, recorded=recorded)


def _occupy(pool: EncoderPool) -> None:
    with contextlib.suppress(ControlError):
        pool.embed([_TEXT], within_s=4.0)


def _missing(path: Path) -> None:
    path.unlink()


def _changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _emptied(path: Path) -> None:
    (path.parent / "manifest.json").write_text("{}", encoding="utf-8")


_DESCRIPTOR: Final = Descriptor(
    id="drilled",
    version="1",
    layer="input",
    phases=("input",),
    title="d",
    doc="d",
    cost="expensive",
    budget_ms=5000.0,
    categories=("injection",),
)


class _Asks:
    """A control whose judging is the drill."""

    descriptor = _DESCRIPTOR

    def __init__(self, ask: Callable[[str], object], *, eager: bool = False) -> None:
        self._ask = ask
        if eager:
            ask(_TEXT)

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Ask what is broken."""
        del phase, calls, context
        for segment in segments:
            self._ask(segment.text)
        return []


def _judged(control: _Asks) -> tuple[Verdict, ...]:
    runner = Runner(Registry.load([Factory(descriptor=_DESCRIPTOR, build=lambda: control)], found=()))
    return asyncio.run(runner.judge("input", _segments(), (), _context())).verdicts


def _told(failure: str, verdicts: Sequence[Verdict]) -> Drill:
    (verdict,) = verdicts
    held = verdict.category == "control_failure" and verdict.would == "block"
    return Drill(
        failure=failure, held=held, outcome=verdict.would, recorded=f"{verdict.category}: {verdict.error}, on_error={verdict.rule}"
    )


def _segments() -> tuple[Segment, ...]:
    return (Segment(path="$.messages[0].content", origin="user", channel="text", text=_TEXT),)


def _context() -> Context:
    return Context(exchange="e", tenant="t", account="a", principal="p", tier=Tier.PUBLIC, model="m", actions={})
