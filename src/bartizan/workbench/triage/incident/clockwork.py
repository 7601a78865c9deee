"""Alerts that repeat like a clock, by day and by night: a machine that reports home, however long it has been doing so.

It looks at gaps only, never at a baseline, so an attack that runs from the first day is seen as well as one that starts later.
"""

from __future__ import annotations

from array import array
from typing import Final

from bartizan.workbench.triage.incident.sighting import Place

_BLOCK: Final = 128
_EVEN: Final = 0.35
_LONGEST: Final = 900.0
_LEAST: Final = 3 * 3600.0


class Run:
    """An unbroken run of even gaps at one place; ``rows`` and ``times`` are those not yet handed out."""

    __slots__ = ("_count", "_squares", "_sum", "chain", "last", "mean", "rows", "since", "times")

    def __init__(self, at: float) -> None:
        self.since = self.last = at
        self.rows: array[int] = array("Q")
        self.times: array[float] = array("d")
        self.mean = 0.0
        self.chain: int | None = None
        self._count = 0
        self._sum = self._squares = 0.0

    def clear(self) -> None:
        """Forget what was handed out."""
        self.rows = array("Q")
        self.times = array("d")

    def gap(self, at: float) -> bool:
        """Count one gap; False when a block of them turns out uneven."""
        gap = at - self.last
        self.last = at
        self._count += 1
        self._sum += gap
        self._squares += gap * gap
        if self._count < _BLOCK:
            return True
        mean = self._sum / self._count
        spread = max(0.0, self._squares / self._count - mean * mean) ** 0.5
        self.mean = mean
        self._count, self._sum, self._squares = 0, 0.0, 0.0
        return 1.0 <= mean <= _LONGEST and spread <= _EVEN * mean


class Clockwork:
    """Runs in progress, one a place."""

    def __init__(self) -> None:
        self._runs: dict[Place, Run] = {}

    def beat(self, at: float, place: Place) -> bool:
        """Count one alert of a run that was handed out already; False when the run has ended."""
        run = self._runs.get(place)
        if run is None or run.chain is None:
            return True
        if at - run.last > max(120.0, 8 * run.mean) or not run.gap(at):
            del self._runs[place]
            return False
        return True

    def see(self, at: float, row: int, place: Place) -> Run | None:
        """Count one alert; return its run when it has been even for hours."""
        run = self._runs.get(place)
        broken = run is not None and run.mean > 0 and at - run.last > max(120.0, 8 * run.mean)
        if run is None or broken or not run.gap(at):
            run = self._runs[place] = Run(at)
        run.rows.append(row)
        run.times.append(at)
        return run if run.mean > 0 and at - run.since >= _LEAST else None
