"""``bartizan bench gateway``: CPU a request, latency, memory and stretch of streams, with everything on, against an instant upstream.

CPU is the gateway's process tree, children too, from ``/proc``, over each whole round, divided by the answers: it holds also on a
machine where other things run. Latencies don't; compare them with the direct ones of the same run.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from bartizan.bench.gateway_peers import Load
from bartizan.errors import WorkError

Kind = Literal["json", "sse", "paced"]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of load: medians over rounds. ``cpu_us`` is CPU microseconds a request, children included."""

    kind: Kind
    connections: int
    cpu_us: float
    per_second: float
    p50_ms: float
    p99_ms: float
    first_byte_p50_ms: float
    failures: int


class Paced(msgspec.Struct, frozen=True, kw_only=True):
    """16 streams of 64 events at 100 a second, direct and through the gateway."""

    stretch: float
    """Total time through the gateway over direct, medians; 1.05 is 5 % longer."""
    added_first_byte_p50_ms: float
    cpu_us_an_event: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured in one run."""

    ready_s: float
    resident_mb: float
    cells: tuple[Cell, ...]
    paced: Paced
    load_average: float


def measure(*, rounds: int = 5, seconds: float = 2.0, connections: tuple[int, ...] = (1, 16, 64), unseen: bool = False) -> Report:
    """Run everything, with ``unseen`` no text twice; raises WorkError when a process does not come up or answers fail."""
    with tempfile.TemporaryDirectory(prefix="bartizan-bench-") as folder, _process("gateway_peers", "upstream") as (_, told):
        upstream = int(told)
        began = time.perf_counter()
        with _process("gateway_served", str(Path(folder) / "data"), str(upstream)) as (pid, line):
            ready = time.perf_counter() - began
            port, key = line.split()
            _load(int(port), key, 4, 0.5, "json")
            cells = [
                _cell(pid, int(port), key, kind, count, rounds, seconds, unseen=unseen) for kind in ("json", "sse") for count in connections
            ]
            paced = _paced(pid, int(port), key, upstream, rounds, seconds, unseen=unseen)
            resident = _resident_mb(pid)
    return Report(ready_s=round(ready, 2), resident_mb=resident, cells=tuple(cells), paced=paced, load_average=round(os.getloadavg()[0], 1))


def _cell(pid: int, port: int, key: str, kind: Kind, connections: int, rounds: int, seconds: float, *, unseen: bool) -> Cell:
    found = []
    for _ in range(rounds):
        before = _cpu_s(pid)
        load = _load(port, key, connections, seconds, kind, unseen=unseen)
        found.append((load, (_cpu_s(pid) - before) / max(1, load.answers) * 1e6))
    return Cell(
        kind=kind,
        connections=connections,
        cpu_us=round(statistics.median(cpu for _, cpu in found), 1),
        per_second=round(statistics.median(load.answers / load.seconds for load, _ in found), 1),
        p50_ms=round(statistics.median(statistics.median(load.total_ms) for load, _ in found), 2),
        p99_ms=round(statistics.median(_p99(load.total_ms) for load, _ in found), 2),
        first_byte_p50_ms=round(statistics.median(statistics.median(load.first_byte_ms) for load, _ in found), 2),
        failures=sum(load.failures for load, _ in found),
    )


def _paced(pid: int, port: int, key: str, upstream: int, rounds: int, seconds: float, *, unseen: bool) -> Paced:
    stretch, added, cpu = [], [], []
    for _ in range(rounds):
        direct = _load(upstream, key, 16, seconds, "paced")
        before = _cpu_s(pid)
        through = _load(port, key, 16, seconds, "paced", unseen=unseen)
        cpu.append((_cpu_s(pid) - before) / max(1, through.answers) / 64 * 1e6)
        stretch.append(statistics.median(through.total_ms) / statistics.median(direct.total_ms))
        added.append(statistics.median(through.first_byte_ms) - statistics.median(direct.first_byte_ms))
    return Paced(
        stretch=round(statistics.median(stretch), 4),
        added_first_byte_p50_ms=round(statistics.median(added), 2),
        cpu_us_an_event=round(statistics.median(cpu), 1),
    )


def _load(port: int, key: str, connections: int, seconds: float, kind: Kind, *, unseen: bool = False) -> Load:
    command = [sys.executable, "-m", "bartizan.bench.gateway_peers", "load", str(port), key, str(connections), str(seconds), kind]
    command += ["unseen"] if unseen else []
    done = subprocess.run(command, capture_output=True, check=False, timeout=seconds + 60)  # noqa: S603 - our own module
    if done.returncode:
        raise WorkError(f"the load generator failed: {done.stderr.decode(errors='replace')[-500:]}")
    return msgspec.json.decode(done.stdout, type=Load)


@contextlib.contextmanager
def _process(module: str, *arguments: str) -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", f"bartizan.bench.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            line = process.stdout.readline().strip() if process.stdout else ""
            if not line:
                raise WorkError(f"{module} did not start")
            yield process.pid, line
        finally:
            process.terminate()
            process.wait(20)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _tree(int(child))
    return found


def _cpu_s(pid: int) -> float:
    """User and system time of a process tree, its ended children included."""
    ticks = 0
    for each in _tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else 0.0
