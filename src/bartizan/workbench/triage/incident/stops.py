"""A service that stops on one host alone, off any schedule, with nobody logging on or off."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.workbench.triage.incident.sighting import Place

_WAIT: Final = 120.0
_NEAR: Final = 120.0
_FULL_HOUR: Final = 3600.0
_UPDATE: Final = 600.0
_SELDOM: Final = 6 * 3600.0


class Stop(msgspec.Struct):
    """Changes of services on one host within seconds of each other."""

    host: str
    at: float
    rows: list[tuple[float, int, Place]]
    explained: bool = False


class Stops:
    """Waits two minutes for what would explain a change: a wave over several hosts, a logon or logoff, an update, the full hour."""

    def __init__(self) -> None:
        self._waiting: list[Stop] = []
        self._sessions: dict[str, float] = {}
        self._accounts: dict[str, float] = {}
        self._unsure: dict[str, float] = {}
        self._updates: dict[str, float] = {}
        self._last: dict[str, float] = {}

    @property
    def waiting(self) -> bool:
        """Whether any change waits."""
        return bool(self._waiting)

    def update(self, at: float, host: str) -> None:
        """Note that the host fetches software."""
        self._updates[host] = at
        for stop in self._waiting:
            if stop.host == host:
                stop.explained = True

    def session(self, at: float, host: str, *, known: bool) -> None:
        """Note that somebody logged on or off. Words that are new count only once an alert about accounts bears them out."""
        if known or at - self._accounts.get(host, float("-inf")) <= _NEAR:
            self._explain(at, host)
        else:
            self._unsure[host] = at

    def account(self, at: float, host: str) -> None:
        """Note that an account was used in a new way."""
        self._accounts[host] = at
        if at - self._unsure.get(host, float("-inf")) <= _NEAR:
            self._explain(at, host)

    def _explain(self, at: float, host: str) -> None:
        self._sessions[host] = at
        for stop in self._waiting:
            if stop.host == host and abs(stop.at - at) <= _NEAR:
                stop.explained = True

    def change(self, at: float, row: int, place: Place, *, learnt: bool) -> None:
        """Note that a service changed."""
        for stop in self._waiting:
            if stop.host == place.host and abs(stop.at - at) <= _NEAR:
                stop.rows.append((at, row, place))
                return
        before = self._last.get(place.host)
        self._last[place.host] = at
        explained = not learnt or at % _FULL_HOUR < _NEAR or (before is not None and at - before < _SELDOM)
        explained = explained or abs(at - self._sessions.get(place.host, float("-inf"))) <= _NEAR
        explained = explained or at - self._updates.get(place.host, float("-inf")) <= _UPDATE
        for stop in self._waiting:
            stop.explained = explained = True  # a wave over several hosts
        self._waiting.append(Stop(place.host, at, [(at, row, place)], explained))

    def due(self, now: float) -> list[Stop]:
        """Return the changes that nothing explained within the wait."""
        ready = [stop for stop in self._waiting if now - stop.at >= _WAIT]
        if ready:
            self._waiting = [stop for stop in self._waiting if now - stop.at < _WAIT]
        return [stop for stop in ready if not stop.explained and any("stop" in place.signature.title.lower() for _, _, place in stop.rows)]
