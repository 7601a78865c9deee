"""From a stream of alerts in order of time to chains: rarity, bursts, sweeps, clockwork, lone stops; no labels, no model."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from typing import Final

from bartizan.workbench.triage.incident.chain import RAISED, SUSPECT, Chain
from bartizan.workbench.triage.incident.clockwork import Clockwork
from bartizan.workbench.triage.incident.graph import Graph
from bartizan.workbench.triage.incident.sighting import HOUR, Place
from bartizan.workbench.triage.incident.stops import Stops
from bartizan.workbench.triage.record import Entity

LEAD: Final = 35 * 60.0
"""Seconds before the first sign that an incident looks back for context on its hosts."""
QUIET: Final = 60 * 60.0
"""Seconds without a sign after which a chain rests."""
SPAN: Final = 23.25 * HOUR
"""Longest event time of one incident, look-back apart."""
LEARNING: Final = 24 * HOUR
"""A detector of the unusual calls everything new on its first day; until then its word weighs nothing by itself."""
LONE: Final = 5.0
"""Log odds of a sign that needs no company: a lone stop, clockwork."""
_SWEEP: Final = 120.0
_STARTS: Final = 0.25
_JOINS: Final = 0.1
_SUPPORTS: Final = 0.03
_PENDING: Final = 200_000
_ASIDE: Final = 5_000
_AFTER: Final = 3
_SECONDED: Final = 2
_POISONED: Final = 0.25
"""Rarity below which no claim of a technique falls, however often somebody let it happen before."""
_ECHO: Final = 5.0
_LATER: Final = 45 * 60.0


class Correlator:
    """Feed alerts in order of time; chains come out. Deterministic: the same alerts make the same chains."""

    def __init__(self, assets: Mapping[str, float] | None = None) -> None:
        self._assets = assets or {}
        self.closed: list[Chain] = []
        self.now = float("-inf")
        self._active: dict[str, Chain] = {}
        self._resting: dict[str, Chain] = {}
        self._open: list[Chain] = []
        self._tools: dict[str, float] = {}
        self._titles: dict[str, float] = {}
        self._elsewhere: dict[str, int] = {}
        self._sweeps: dict[str, tuple[float, Place]] = {}
        self._pending: deque[tuple[float, int, Place]] = deque()
        self._clockwork = Clockwork()
        self._stops = Stops()
        self._graph = Graph(QUIET, SPAN)
        self._swept_at = 0.0
        self._numbers = 0

    def feed(self, at: float, row: int, place: Place, entities: tuple[Entity, ...] = ()) -> None:
        """Take in one alert; ``entities`` are the users, addresses and the like that it names besides its host."""
        self.now = max(self.now, at)
        place.see(at)
        self._tools.setdefault(place.signature.tool, at)
        self._titles.setdefault(place.word, at)
        if self.now - self._swept_at >= 60.0:
            self._sweep_up()
        elif self._stops.waiting:
            self._lone_stops()
        if not self._fast(at, row, place):
            self._weigh(at, row, place, entities)

    def finish(self) -> list[Chain]:
        """Close everything that is open, and return the raised and suspected chains."""
        self.now += 10 * 24 * HOUR
        self._sweep_up()
        return sorted(self.closed, key=lambda chain: (chain.first_sign, chain.number))

    def _fast(self, at: float, row: int, place: Place) -> bool:
        chain = place.chain
        if not isinstance(chain, Chain) or chain.raised is None or at - chain.last > QUIET or at - chain.start > SPAN:
            return False
        facet = chain.facets.get(place.family.id)
        if facet is None:
            return False
        if place.family.steady and not self._clockwork.beat(at, place):
            place.chain = None
            return False
        facet.count += 1
        facet.last = at
        chain.append(at, row, place)
        chain.after.clear()
        return True

    def _weigh(self, at: float, row: int, place: Place, entities: tuple[Entity, ...]) -> None:
        self._pend(at, row, place)
        kind = place.family.kind
        if kind == "routine":
            if place.family.id == "housekeeping" and self._explains(at, place):
                self._stops.update(at, place.host)
            elif place.family.id == "alerts_about_alerts":
                self._echo(at, row, place)
            self._learn(at, place)
            return
        if kind == "session":
            self._stops.session(at, place.host, known=self._explains(at, place))
        elif place.family.id == "odd_account_use":
            self._stops.account(at, place.host)
        strength, why = self._strength(at, place)
        chain = self._active.get(place.host)
        if strength >= _STARTS:
            self._sign(at, row, place, strength, why, entities)
        elif chain is not None and strength >= _JOINS and at - chain.last <= QUIET and at - chain.start <= SPAN:
            self._into(chain, at, row, place, strength, why)
        else:
            self._aside(at, row, place)
            self._learn(at, place)
        if place.family.steady:
            self._steady(at, row, place)
        if place.family.id == "service_change":
            self._stops.change(at, row, place, learnt=self._learnt(at, place))

    def _explains(self, at: float, place: Place) -> bool:
        """Say whether an alert may explain another away: in words that have been usual for a day, so no text that came with an attack."""
        return at - self._titles[place.word] >= LEARNING

    def _learnt(self, at: float, place: Place) -> bool:
        return at - self._tools[place.signature.tool] >= LEARNING

    def _strength(self, at: float, place: Place) -> tuple[float, str]:
        family = place.family
        if family.kind == "session":
            return 0.1, "logon near other signs"
        elsewhere = self._elsewhere.get(place.word, 0) - place.hours
        rarity = 1.0 / (1.0 + place.hours + 0.25 * max(0, elsewhere))
        why = (
            f"seen in {place.hours} earlier hours here, {max(0, elsewhere)} elsewhere"
            if place.hours or elsewhere > 0
            else "never seen before"
        )
        if family.kind == "hard" and rarity < _POISONED:
            rarity = _POISONED
        if place.bursts and not family.common:
            rarity, why = 1.0, "far more in five minutes than in any quiet ones"
        if family.kind == "soft" and not self._learnt(at, place):
            return 0.0, "its detector is still learning"
        return family.weight * rarity * self._assets.get(place.host, 1.0), why

    def _learn(self, at: float, place: Place) -> None:
        if place.learn(at):
            self._elsewhere[place.word] = self._elsewhere.get(place.word, 0) + 1

    def _sign(self, at: float, row: int, place: Place, strength: float, why: str, entities: tuple[Entity, ...]) -> None:
        chain = self._active.get(place.host)
        if chain is not None and (at - chain.last > QUIET or at - chain.start > SPAN):
            chain = None
        linked = self._swept(at, place) or self._graph.linked(at, entities)
        if chain is None:
            chain = linked or self._new(at)
        elif linked is not None and linked is not chain and max(chain.last, linked.last) - min(chain.start, linked.start) <= SPAN:
            chain = self._merge(chain, linked)
        resting = self._resting.get(place.host)
        if resting is not None and resting is not chain and place.family.kind == "hard" and strength >= 0.5 and at - resting.start <= SPAN:
            chain = self._wake(resting, chain)
        self._into(chain, at, row, place, strength, why)
        self._graph.name(at, place.host, entities, chain)

    def _swept(self, at: float, place: Place) -> Chain | None:
        before = self._sweeps.get(place.word)
        self._sweeps[place.word] = (at, place)
        if before is None or at - before[0] > _SWEEP or before[1].host == place.host:
            return None
        chain = self._active.get(before[1].host)
        return chain if chain is not None and at - chain.last <= QUIET and at - chain.start <= SPAN else None

    def _new(self, at: float) -> Chain:
        self._numbers += 1
        chain = Chain(self._numbers, at)
        self._open.append(chain)
        return chain

    def _merge(self, one: Chain, other: Chain) -> Chain:
        into, gone = (one, other) if one.number < other.number else (other, one)
        into.take(gone)
        self._open.remove(gone)
        for host in gone.hosts:
            if self._active.get(host) is gone:
                self._active[host] = into
        return into

    def _wake(self, resting: Chain, chain: Chain) -> Chain:
        resting.take(chain)
        resting.done = False
        if chain in self._open:
            self._open.remove(chain)
        self._open.append(resting)
        for host in resting.hosts:
            if self._active.get(host) in {None, chain}:
                self._active[host] = resting
            if self._resting.get(host) is resting:
                del self._resting[host]
        return resting

    def _into(self, chain: Chain, at: float, row: int, place: Place, strength: float, why: str) -> None:
        chain.add(at, row, place, strength, why)
        place.chain = chain
        self._active[place.host] = chain
        if chain.suspected is None and chain.score >= SUSPECT:
            chain.suspected = at
        if chain.raised is None and chain.score >= RAISED:
            chain.raised = at
            since = chain.first_sign - LEAD
            chain.aside = [held for held in self._pending if held[0] >= since][-_ASIDE:]

    def _aside(self, at: float, row: int, place: Place) -> None:
        """Unusual elsewhere while an incident is under way: it supports, but proves nothing."""
        if place.family.common or not self._open:
            return
        elsewhere = self._elsewhere.get(place.word, 0) - place.hours
        if 1.0 / (1.0 + place.hours + 0.25 * max(0, elsewhere)) < _SUPPORTS:
            return
        for chain in self._open:
            if chain.raised is not None and len(chain.facets) > _SECONDED and at - chain.last <= QUIET and at - chain.start <= SPAN:
                chain.support.append((at, row, place, "unusual while the incident was under way"))
                return

    def _echo(self, at: float, row: int, place: Place) -> None:
        """An alert about alerts, on a host and in the seconds of an incident's evidence: it goes along."""
        chain = self._active.get(place.host)
        if chain is not None and chain.raised is not None and len(chain.facets) > _SECONDED and at - chain.last <= _ECHO:
            chain.support.append((at, row, place, "says that there were alerts"))

    def _steady(self, at: float, row: int, place: Place) -> None:
        run = self._clockwork.see(at, row, place)
        if run is None:
            return
        chain = self._active.get(place.host)
        if chain is None or at - chain.start > SPAN or at - chain.last > QUIET:
            chain = self._swept(at, place) or self._new(at)
            chain.follows = run.chain
            chain.first_sign = run.times[0]
        why = f"every {run.mean:.0f} s for {(at - run.since) / HOUR:.1f} h, by day and by night"
        for when, number in zip(run.times, run.rows, strict=True):
            chain.add(when, number, place, LONE, why)
        run.chain = chain.number
        run.clear()
        place.chain = chain
        self._active[place.host] = chain
        if chain.raised is None:
            chain.raised = chain.suspected = at

    def _lone_stops(self) -> None:
        for stop in self._stops.due(self.now):
            place = stop.rows[0][2]
            chain = self._active.get(place.host)
            if chain is None or stop.at - chain.last > QUIET or stop.at - chain.start > SPAN:
                chain = self._new(stop.at)
            known = set(chain.rows)
            for at, row, each in stop.rows:
                if row not in known:
                    chain.add(at, row, each, 0.0)
                each.chain = chain
            chain.claim(place, LONE, "stopped on this host alone, off the full hour, nobody logging on or off, no update near")
            chain.start = min(chain.start, stop.at)
            self._active[place.host] = chain
            if chain.raised is None:
                chain.raised = chain.suspected = self.now

    def _pend(self, at: float, row: int, place: Place) -> None:
        self._pending.append((at, row, place))
        while self._pending and (len(self._pending) > _PENDING or at - self._pending[0][0] > LEAD + 600):
            self._pending.popleft()
        for chain in self._open:
            if chain.raised is not None and len(chain.facets) <= _SECONDED and 0 < at - chain.last <= _LATER and place.chain is not chain:
                entry = (-place.count, -at, row, place)
                if len(chain.after) < _AFTER:
                    heapq.heappush(chain.after, entry)
                else:
                    heapq.heappushpop(chain.after, entry)

    def _sweep_up(self) -> None:
        self._swept_at = self.now
        self._lone_stops()
        still: list[Chain] = []
        for chain in self._open:
            quiet = self.now - chain.last > QUIET
            if not quiet and self.now - chain.start <= SPAN:
                still.append(chain)
                continue
            chain.done = True
            for host in chain.hosts:
                if self._active.get(host) is chain:
                    del self._active[host]
            if chain.raised is None:
                self._dissolve(chain)
            else:
                for host in chain.hosts:
                    self._resting[host] = chain
        self._open = still
        for host, chain in list(self._resting.items()):
            if self.now - chain.start > SPAN:
                del self._resting[host]
                if chain not in self.closed:
                    self._close(chain)

    def _close(self, chain: Chain) -> None:
        for place in chain.places:
            if place.chain is chain:
                place.chain = None
        self.closed.append(chain)

    def _dissolve(self, chain: Chain) -> None:
        for place in chain.places:
            if place.chain is chain:
                place.chain = None
            self._learn(chain.last, place)
        if chain.suspected is not None:
            self.closed.append(chain)
