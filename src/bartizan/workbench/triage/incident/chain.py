"""A chain: alerts that hang together by host, sweep and time, with the evidence they add up to."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Final

import msgspec

from bartizan.workbench.triage.incident.families import TACTICS, Family
from bartizan.workbench.triage.incident.sighting import Place

PRIOR: Final = -3.5
"""Log odds that a group of alerts is an attack before it has said anything."""
RAISED: Final = 0.0
SUSPECT: Final = -1.0
_SECOND: Final = 0.3
_SWEPT: Final = 3
_CITED: Final = 6


class Facet(msgspec.Struct):
    """The best evidence of one family in a chain. ``cited`` are rows, the first few and the strongest."""

    family: Family
    place: Place
    strength: float
    first: float
    last: float
    count: int = 1
    cited: list[int] = []
    why: str = ""


class Chain:
    """Work in progress; becomes an incident when it is raised."""

    def __init__(self, number: int, at: float) -> None:
        self.number = number
        self.start = self.last = at
        self.first_sign: float = at
        self.rows: array[int] = array("Q")
        self.times: array[float] = array("d")
        self.hosts: Counter[str] = Counter()
        self.facets: dict[str, Facet] = {}
        self.swept: dict[str, set[str]] = {}
        self.places: set[Place] = set()
        self.support: list[tuple[float, int, Place, str]] = []
        self.aside: list[tuple[float, int, Place]] = []
        self.after: list[tuple[int, float, int, Place]] = []
        self.raised: float | None = None
        self.suspected: float | None = None
        self.merged: Chain | None = None
        self.done = False
        self.follows: int | None = None
        self.score = PRIOR

    def add(self, at: float, row: int, place: Place, strength: float, why: str = "") -> None:
        """Take an alert in as evidence of its family."""
        self.append(at, row, place)
        facet = self.facets.get(place.family.id)
        if facet is None:
            self.facets[place.family.id] = Facet(place.family, place, strength, at, at, 1, [row], why)
        else:
            facet.count += 1
            facet.last = at
            if strength > facet.strength:
                facet.strength, facet.place, facet.why = strength, place, why
                facet.cited.append(row)
            elif len(facet.cited) < _CITED:
                facet.cited.append(row)
        if place.family.kind == "hard":
            self.swept.setdefault(place.family.id, set()).add(place.host)
        self.score = self.judge()

    def claim(self, place: Place, strength: float, why: str) -> None:
        """Say that the evidence of a family is as strong as this, whatever its alerts were worth one by one."""
        facet = self.facets[place.family.id]
        if strength >= facet.strength:
            facet.strength, facet.place, facet.why = strength, place, why
        self.score = self.judge()

    def append(self, at: float, row: int, place: Place) -> None:
        """Take a further alert of evidence that is already in."""
        self.rows.append(row)
        self.times.append(at)
        self.start = min(self.start, at)
        self.last = max(self.last, at)
        self.hosts[place.host] += 1
        self.places.add(place)

    def judge(self) -> float:
        """Add the evidence up in log odds: the best of each tactic counts in full, what repeats the tactic in part."""
        by_tactic: dict[str, list[float]] = {}
        for facet in self.facets.values():
            by_tactic.setdefault(facet.family.tactic or facet.family.id, []).append(facet.strength)
        score = PRIOR
        for strengths in by_tactic.values():
            best = max(strengths)
            score += best + _SECOND * (sum(strengths) - best)
        if any(len(hosts) >= _SWEPT for hosts in self.swept.values()):
            score += 1.0
        strong = {facet.family.tactic for facet in self.facets.values() if facet.strength >= 0.7 and facet.family.tactic in TACTICS}
        return score + 0.5 * max(0, len(strong) - 1)

    def take(self, other: Chain) -> None:
        """Merge another chain into this one."""
        for facet in other.facets.values():
            mine = self.facets.get(facet.family.id)
            if mine is None:
                self.facets[facet.family.id] = facet
                continue
            mine.count += facet.count
            mine.first, mine.last = min(mine.first, facet.first), max(mine.last, facet.last)
            if facet.strength > mine.strength:
                mine.strength, mine.place, mine.why = facet.strength, facet.place, facet.why
            mine.cited.extend(facet.cited[: max(2, _CITED - len(mine.cited))])
        self.rows.extend(other.rows)
        self.times.extend(other.times)
        self.hosts.update(other.hosts)
        for family, hosts in other.swept.items():
            self.swept.setdefault(family, set()).update(hosts)
        for place in other.places:
            place.chain = self
        self.places |= other.places
        self.support += other.support
        self.aside += other.aside
        self.start, self.last = min(self.start, other.start), max(self.last, other.last)
        self.first_sign = min(self.first_sign, other.first_sign)
        self.raised = min((at for at in (self.raised, other.raised) if at is not None), default=None)
        self.suspected = min((at for at in (self.suspected, other.suspected) if at is not None), default=None)
        other.merged = self
        self.score = self.judge()
