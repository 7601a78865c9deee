"""Sensor health: which tools fell silent on which hosts, measured against their own longest silence so far."""

from __future__ import annotations

from typing import Final

import msgspec

_LEAST: Final = 100
_SILENCE: Final = 6 * 3600.0
_TIMES: Final = 3.0


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that used to speak of a host and no longer did. ``usual_s`` is its longest silence before."""

    tool: str
    host: str
    since: float
    usual_s: float


class _Sensor(msgspec.Struct):
    last: float
    count: int = 1
    longest: float = 0.0
    gone: list[tuple[float, float, float]] = []


class Health:
    """Feed every alert in order of time; ask about a stretch of time afterwards."""

    def __init__(self) -> None:
        self._sensors: dict[tuple[str, str], _Sensor] = {}
        self._now = 0.0

    def see(self, at: float, tool: str, host: str) -> None:
        """Count one sign of life."""
        self._now = max(self._now, at)
        sensor = self._sensors.get((tool, host))
        if sensor is None:
            self._sensors[tool, host] = _Sensor(at)
            return
        gap = at - sensor.last
        sensor.last = at
        sensor.count += 1
        if gap > sensor.longest:
            if sensor.count > _LEAST and gap > max(_SILENCE, _TIMES * sensor.longest):
                sensor.gone.append((at - gap, at, sensor.longest))
            sensor.longest = gap

    def silent(self, start: float, end: float, hosts: set[str] | None = None) -> tuple[Silence, ...]:
        """Return the sensors that were silent beyond their habit at any time between start and end."""
        found = []
        for (tool, host), sensor in sorted(self._sensors.items()):
            if hosts is not None and host not in hosts:
                continue
            for since, until, usual in (*sensor.gone, *self._still(sensor)):
                if since < end and until > start:
                    found.append(Silence(tool=tool, host=host, since=since, usual_s=usual))
                    break
        return tuple(found)

    def _still(self, sensor: _Sensor) -> tuple[tuple[float, float, float], ...]:
        silence = self._now - sensor.last
        if sensor.count > _LEAST and silence > max(_SILENCE, _TIMES * sensor.longest):
            return ((sensor.last, float("inf"), sensor.longest),)
        return ()
