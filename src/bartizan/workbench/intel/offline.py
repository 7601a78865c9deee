"""Reading reports without a data directory: nothing is recorded and nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bartizan.workbench.intel.brief import Brief, brief
from bartizan.workbench.intel.document import Failure
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.pipeline import Pipeline, files_under


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What some files came to, in order of their names."""

    reports: tuple[Report, ...]
    failures: tuple[Failure, ...]


def read(paths: Sequence[Path], *, say: Callable[[str], None] = lambda _: None, children: int = 0) -> Reading:
    """Read files and folders; what can't be read is a failure and the rest goes on."""
    return asyncio.run(_read(paths, say, children))


def brief_of(reading: Reading, *, summary: int = 10) -> Brief:
    """Return the brief of what was read."""
    return brief(reading.reports, summary=summary)


async def _read(paths: Sequence[Path], say: Callable[[str], None], children: int) -> Reading:
    sources = files_under(paths)
    order = {source.name: place for place, source in enumerate(sources)}
    outcomes = []
    async with Pipeline(children=min(children or len(sources) or 1, 8) if len(sources) < 2 else children) as pipeline:
        async for outcome in pipeline.read_all(sources):
            outcomes.append(outcome)
            if len(outcomes) % 100 == 0:
                say(f"{len(outcomes)} of {len(sources)} files read")
    outcomes.sort(key=lambda outcome: order[outcome.name])
    first: dict[str, Report] = {}
    for outcome in outcomes:
        for report in outcome.reports:
            first.setdefault(report.document.id, report)
    return Reading(
        reports=tuple(first.values()),
        failures=tuple(failure for outcome in outcomes for failure in outcome.failures),
    )
