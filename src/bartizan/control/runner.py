"""Runs every control of a phase: cheap ones at once, expensive ones through the pool, each failure as its ``on_error`` says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from bartizan.control.contract import Context, Opinion, Phase, Segment, ToolCall
from bartizan.control.judgement import Judgement, settle
from bartizan.control.pool import Pool
from bartizan.control.registry import Planned, Registry
from bartizan.control.stream import StreamWatch
from bartizan.control.verdicts import clean, failed, verdicts_of
from bartizan.errors import RefusedError
from bartizan.event import Channel, Verdict

_DEADLINE_CHARACTERS: Final = 256 << 10
"""Deadlines are for requests of up to this size and grow in proportion beyond it."""
_NOTHING: Final[tuple[Opinion, ...]] = ()


class _Answer(msgspec.Struct, frozen=True):
    opinions: tuple[Opinion, ...]
    cpu_us: int
    error: str = ""


class Runner:
    """Asks the registry's controls. All of a phase judge, also after one has decided, so that layers can be compared."""

    def __init__(self, registry: Registry, *, pool: Pool | None = None) -> None:
        self._registry = registry
        self._pool = pool or Pool()

    async def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Judgement:
        """Return every verdict and what follows; raises RefusedError when an enforced control finds the pool full."""
        plan = self._registry.plan(phase, context.tier)
        size = sum([len(segment.text) for segment in segments]) + (sum([len(call.arguments) for call in calls]) if calls else 0)
        slow = [item for item in plan if not item.cheap or size > item.inline]
        if not slow:
            return settle(_inline(plan, phase, segments, calls, context))
        waiting: dict[str, asyncio.Future[_Answer]] = {}
        overloaded: dict[str, _Answer] = {}
        for item in slow:
            name = item.loaded.descriptor.id
            try:
                waiting[name] = self._pool.submit(_ask, item, phase, segments, calls, context)
            except RefusedError:
                if item.mode == "enforce":
                    for other in waiting.values():
                        other.cancel()
                    raise
                overloaded[name] = _Answer((), 0, "overloaded")
        verdicts: list[Verdict] = []
        begun = time.monotonic()
        for item in plan:
            name = item.loaded.descriptor.id
            if name in waiting:
                answer = await _within(waiting[name], begun + _deadline_s(item, size) - time.monotonic())
            else:
                answer = overloaded.get(name) or _ask(item, phase, segments, calls, context)
            verdicts += (
                failed(item, answer.error, answer.cpu_us)
                if answer.error
                else verdicts_of(item, phase, answer.opinions, context, answer.cpu_us)
            )
        return settle(verdicts)

    def watch(self, channel: Channel, context: Context) -> StreamWatch:
        """Begin to follow one channel of one choice of an answer that is being written."""
        return StreamWatch(self._registry.plan("output", context.tier), channel, context)


def _deadline_s(item: Planned, size: int) -> float:
    return item.loaded.descriptor.budget_ms / 1000 * max(1.0, size / _DEADLINE_CHARACTERS)


def _inline(
    plan: Sequence[Planned], phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context
) -> list[Verdict]:
    """Call cheap controls one after the other, which is nearly every judgement. One's end is the next one's beginning on the clock."""
    verdicts: list[Verdict] = []
    begun = time.thread_time_ns()
    for item in plan:
        error, opinions = "", _NOTHING
        try:
            opinions = tuple(item.loaded.control.judge(phase, segments, calls, context))
        except Exception as failure:  # noqa: BLE001 - the plug-in edge
            error = type(failure).__name__
        now = time.thread_time_ns()
        cpu_us, begun = (now - begun) // 1000, now
        if error:
            verdicts += failed(item, error, cpu_us)
        elif opinions:
            verdicts += verdicts_of(item, phase, opinions, context, cpu_us)
        else:
            verdicts.append(clean(item, cpu_us))
    return verdicts


def _ask(item: Planned, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> _Answer:
    """Call one control, on whichever thread this is. The plug-in edge: whatever it raises becomes its ``on_error``."""
    begun = time.thread_time_ns()
    try:
        opinions = tuple(item.loaded.control.judge(phase, segments, calls, context))
    except Exception as error:  # noqa: BLE001 - the plug-in edge
        return _Answer((), (time.thread_time_ns() - begun) // 1000, type(error).__name__)
    return _Answer(opinions, (time.thread_time_ns() - begun) // 1000)


async def _within(answer: asyncio.Future[_Answer], seconds: float) -> _Answer:
    try:
        return await asyncio.wait_for(answer, max(seconds, 0.0))
    except TimeoutError:
        return _Answer((), 0, "timeout")
