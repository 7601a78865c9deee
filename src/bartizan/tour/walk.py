"""Walking through the steps in order, and saying of each whether it found what it promised."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bartizan.errors import BartizanError
from bartizan.tour import code, intel, monitor_step, respond, steps, triage
from bartizan.tour.stage import Stage, open_stage


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """One step: its title, what was seen, and the seconds it took. ``failed`` says what was promised and not seen."""

    title: str
    seen: tuple[str, ...]
    seconds: float
    failed: str = ""


class TourResult(msgspec.Struct, frozen=True, kw_only=True):
    """The whole tour."""

    steps: tuple[StepResult, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every step saw what it promised."""
        return not any(step.failed for step in self.steps)


Step = Callable[[Stage, Path], Awaitable[tuple[str, ...]]]

_STEPS: tuple[tuple[str, Step], ...] = (
    ("Start the gateway, the console and the keeper", steps.start),
    ("A good request", steps.good_request),
    ("An attack in disguise", steps.attack),
    ("A secret in a streamed answer", steps.leak),
    ("A tool call to a stranger", steps.tool_call),
    ("A sentence planted in a tool's result", steps.planted),
    ("An attack that no rule knows, and a colleague at work", steps.cascade),
    ("Access withdrawn while an answer is written", steps.revocation),
    ("An account warned, throttled, suspended, heard and restored", monitor_step.enforcement),
    ("Which layers stopped which attacks", steps.layers),
    ("Three threat reports, one of them hostile", intel.reports),
    ("Alerts, one of which asks to be closed", triage.alerts),
    ("A vulnerable program: found, proven, mended, verified", code.code),
    ("A response: planned, carried out, taken back", respond.response),
    ("A tampered record", steps.tampering),
)


async def walk(data: Path | None, *, begin: Callable[[int, int, str], None], end: Callable[[StepResult], None]) -> TourResult:
    """Run every step; ``begin`` is told (number, of how many, title), ``end`` the result. Stops at the first step that fails."""
    begun = time.monotonic()
    results: list[StepResult] = []
    async with open_stage(data) as (stage, config):
        for number, (title, step) in enumerate(_STEPS, 1):
            begin(number, len(_STEPS), title)
            started = time.monotonic()
            seen: tuple[str, ...] = ()
            failed = ""
            try:
                seen = await step(stage, config)
            except BartizanError as error:
                failed = str(error) + (f" ({error.hint})" if error.hint else "")
            results.append(StepResult(title=title, seen=seen, seconds=round(time.monotonic() - started, 2), failed=failed))
            end(results[-1])
            if failed:
                break
    return TourResult(steps=tuple(results), seconds=round(time.monotonic() - begun, 2))
