"""A million alerts: memory, and whether the last hundred thousand cost more than the first.

The alerts are made while they are read (a made-up network, see ``triage_world``), so that the process holds triage and nothing else.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bartizan.bench.triage_world import BEGIN, DAY, HOSTS, INTRUSION, NOISE, alert
from bartizan.workbench.triage.incident import Triage
from bartizan.workbench.triage.incident.correlate import Correlator
from bartizan.workbench.triage.incident.sighting import Interner
from bartizan.workbench.triage.record import Alert, Severity

_TENTHS: Final = 10


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds for each tenth of the stream in the correlator; ``slowdown`` is the last three over the first three."""

    alerts: int
    incidents: int
    peak_mb: int
    """Of the whole process, after everything."""
    cpu_us: float
    """A whole run's CPU per alert, reading and concluding included."""
    tenths: tuple[float, ...]
    slowdown: float


def measure(data: Path | None = None, rules: Sequence[Path] = (), peer: Path | None = None, count: int = 0) -> Figures:
    """Run ``count`` alerts, a million without."""
    del data, rules, peer
    total = count or 1_000_000
    tenths = _stream(total)
    triage = Triage()
    begun = time.process_time()
    for each in alerts(total):
        triage.take(each)
    outcome = triage.conclude()
    cpu = time.process_time() - begun
    return Figures(
        alerts=outcome.alerts,
        incidents=len(outcome.incidents),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        cpu_us=round(cpu / total * 1e6, 1),
        tenths=tuple(round(each, 2) for each in tenths),
        slowdown=round(sum(tenths[-3:]) / sum(tenths[:3]), 2),
    )


def alerts(total: int) -> Iterator[Alert]:
    """Yield alerts of ten weeks in order of time: noise on thirty hosts, every fifth day an intrusion."""
    chance = random.Random(4)
    hosts = [f"{host}-{number}" for number in range(5) for host in HOSTS]
    step, at, attack = 70 * DAY / total, BEGIN, BEGIN + 3 * DAY
    pending: list[tuple[float, str, str, str, Severity]] = []
    for number in range(total):
        at += step * chance.uniform(0.5, 1.5)
        if at >= attack:
            pending = [(attack + after, host, tool, title, severity) for after, host, tool, title, severity in INTRUSION]
            attack += 5 * DAY
        if pending and pending[0][0] <= at:
            _, host, tool, title, severity = pending.pop(0)
            yield alert(f"a{number}", at, f"{host}-1", tool, title, severity)
            continue
        tool, title = chance.choices(NOISE, weights=(30, 20, 30, 3, 2, 1))[0]
        yield alert(f"n{number}", at, chance.choice(hosts), tool, title)


def _stream(total: int) -> list[float]:
    """Feed the correlator as a stream; return the CPU seconds of each tenth, the making of the alerts left out."""
    interner, correlator = Interner(), Correlator()
    spent: list[float] = []
    block: list[Alert] = []
    row = 0
    for each in alerts(total):
        block.append(each)
        if len(block) * _TENTHS >= total:
            begun = time.process_time()
            for one in block:
                correlator.feed(one.at, row, interner.place(one))
                row += 1
            spent.append(time.process_time() - begun)
            block.clear()
    return spent
