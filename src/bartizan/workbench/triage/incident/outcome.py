"""Everything that triage makes of a set of alerts: incidents, suppressed groups, and where each alert went."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from bartizan.workbench.triage.incident.chain import RAISED, Chain
from bartizan.workbench.triage.incident.correlate import Correlator
from bartizan.workbench.triage.incident.families import TACTICS, Family
from bartizan.workbench.triage.incident.health import Health
from bartizan.workbench.triage.incident.incident import Grave, Group, Incident, Role, Statement, Step
from bartizan.workbench.triage.incident.sighting import Interner, Place, graver
from bartizan.workbench.triage.incident.verdict import BACKGROUND, probability, verdict
from bartizan.workbench.triage.record import Alert, Entity, Severity

_CONTEXT: Final = 0.10
"""Support and context together are at most this share of an incident's evidence, but for the few alerts after a small one."""
_STEPS: Final = 400
_CITES: Final = 5
_SHOWN: Final = 12
_MOST_NAMED: Final = 100_000
_FAR: Final = 4
_FEW: Final = 50
_GRAVE: Final = frozenset({"high", "critical"})
_UNDATED: Final = ("no time", -2)
_SEVERAL: Final = ("several hosts", -1)
"""Stands for the days on which a host had fewer than ``_FEW`` suppressed alerts, so that a sample of groups is none of stragglers."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """``members`` are row numbers by incident or group; every row is in exactly one of them."""

    incidents: tuple[Incident, ...]
    groups: tuple[Group, ...]
    members: Mapping[str, array[int]]
    alerts: int


class Triage:
    """Take alerts in, in any order; make incidents of them. Keeps a few bytes an alert.

    ``assets`` weigh hosts: a sign on a host of weight 2 counts twice as much in log odds; 1 for one that is not named.
    """

    def __init__(self, assets: Mapping[str, float] | None = None) -> None:
        self._assets = dict(assets or {})
        self._interner = Interner()
        self._places: list[Place] = []
        self._times: array[float] = array("d")
        self._ids: list[str] = []  # of the first record that an alert rests on: what statements cite
        self._entities: dict[Place, set[Entity]] = defaultdict(set)
        self._named: list[tuple[Entity, ...]] = []
        self._same: dict[tuple[Entity, ...], tuple[Entity, ...]] = {}

    def take(self, alert: Alert) -> int:
        """Take one alert in; return its row number."""
        place = self._interner.place(alert)
        self._places.append(place)
        self._times.append(alert.at)
        self._ids.append(alert.records[0])
        if alert.entities and len(known := self._entities[place]) < _SHOWN:
            known.update(alert.entities)
        named = tuple(entity for entity in alert.entities if entity.kind != "host")
        self._named.append(self._same.setdefault(named, named) if len(self._same) < _MOST_NAMED else named)
        return len(self._places) - 1

    def conclude(self) -> Outcome:
        """Correlate what was taken in, in order of time."""
        correlator, health = Correlator(self._assets), Health()
        times, places = self._times, self._places
        for row in sorted((row for row, at in enumerate(times) if at > 0), key=times.__getitem__):
            place = places[row]
            correlator.feed(times[row], row, place, self._named[row])
            health.see(times[row], place.signature.tool, place.host)
        return self._outcome(correlator.finish(), health)

    def _outcome(self, chains: list[Chain], health: Health) -> Outcome:
        taken = bytearray(len(self._times))
        members: dict[str, array[int]] = {}
        incidents: list[Incident] = []
        named: dict[int, str] = {}
        for chain in chains:
            roles = _roles(chain, taken)
            rows = array("Q", (row for listed in roles.values() for row in listed))
            if not rows:
                continue
            made = self._incident(chain, roles, health, named)
            named[chain.number] = made.id
            members[made.id] = rows
            incidents.append(made)
        groups = self._groups(taken, health, members)
        return Outcome(incidents=tuple(incidents), groups=tuple(groups), members=members, alerts=len(self._times))

    def _incident(self, chain: Chain, roles: Mapping[Role, list[int]], health: Health, named: Mapping[int, str]) -> Incident:
        rows = [row for listed in roles.values() for row in listed]
        first = min(roles["evidence"], key=lambda row: (self._times[row], row))
        start, end = min(self._times[row] for row in rows), max(self._times[row] for row in rows)
        statements = self._statements(chain)
        steps = self._timeline(roles)
        tactics = {facet.family.tactic for facet in chain.facets.values() if facet.strength >= 0.3}
        hosts = tuple(host for host, _ in chain.hosts.most_common())
        severity = _severity(chain, len(tactics))
        entities = {entity for place in chain.places for entity in self._entities.get(place, ())}
        return Incident(
            id=hashlib.sha256(f"{self._ids[first]}|{chain.first_sign}".encode()).hexdigest()[:16],
            title=_title(chain),
            verdict=verdict(chain.score),
            p=probability(chain.score),
            severity=severity,
            first_at=chain.first_sign,
            raised_at=chain.raised or chain.suspected or end,
            start=start,
            end=end,
            hosts=hosts,
            entities=tuple(sorted(entities)),
            tactics=tuple(tactic for tactic in TACTICS if tactic in tactics),
            techniques=tuple(dict.fromkeys(s.technique for s in statements if s.technique)),
            alerts=len(rows),
            statements=statements,
            timeline=steps,
            missing=health.silent(start, end, set(hosts)),
            follows=named.get(chain.follows, "") if chain.follows is not None else "",
        )

    def _statements(self, chain: Chain) -> tuple[Statement, ...]:
        made = []
        for facet in sorted(chain.facets.values(), key=lambda facet: (-facet.strength, facet.first, facet.family.id)):
            family = facet.family
            text = f"{_named(family)}: {_many(facet.count, 'alert')}, strongest on {facet.place.host or 'an unnamed host'}; {facet.why}"
            cites = tuple(dict.fromkeys(self._ids[row] for row in facet.cited))
            made.append(
                Statement(text=text, weight=round(facet.strength, 2), tactic=family.tactic, technique=family.technique, cites=cites)
            )
        return tuple(made)

    def _timeline(self, roles: Mapping[Role, list[int]]) -> tuple[Step, ...]:
        by_place: dict[tuple[Role, Place], list[int]] = defaultdict(list)
        for role, rows in roles.items():
            for row in rows:
                by_place[role, self._places[row]].append(row)
        steps = []
        for (role, place), rows in by_place.items():
            rows.sort(key=lambda row: (self._times[row], row))
            family, signature = place.family, place.signature
            steps.append(
                Step(
                    at=self._times[rows[0]],
                    until=self._times[rows[-1]],
                    host=place.host,
                    tool=signature.tool,
                    title=signature.title,
                    severity=place.worst,
                    family=family.id,
                    tactic=family.tactic,
                    technique=family.technique,
                    role=role,
                    count=len(rows),
                    cites=tuple(self._ids[row] for row in rows[:_CITES]),
                )
            )
        return tuple(sorted(steps, key=lambda step: (step.at, step.host, step.title))[:_STEPS])

    def _groups(self, taken: bytearray, health: Health, members: dict[str, array[int]]) -> list[Group]:
        by_day: dict[tuple[str, int], array[int]] = {}
        for row, flag in enumerate(taken):
            if not flag:
                key = (self._places[row].host, int(self._times[row] // 86400)) if self._times[row] > 0 else _UNDATED
                by_day.setdefault(key, array("Q")).append(row)
        for key, rows in [item for item in by_day.items() if len(item[1]) < _FEW and item[0] != _UNDATED]:
            by_day.setdefault(_SEVERAL, array("Q")).extend(rows)
            del by_day[key]
        groups = []
        for (host, day), rows in sorted(by_day.items()):
            group = self._group(host, day, rows, health)
            groups.append(group)
            members[group.id] = rows
        return groups

    def _group(self, host: str, day: int, rows: Iterable[int], health: Health) -> Group:
        listed = list(rows)
        counts = Counter(self._places[row].signature.title for row in listed)
        start, end = min(self._times[row] for row in listed), max(self._times[row] for row in listed)
        silent = health.silent(start, end, {host}) if day >= 0 else ()
        reason = "a sensor fell silent" if silent else "no time that can be read" if (host, day) == _UNDATED else ""
        name = datetime.fromtimestamp(day * 86400, UTC).date().isoformat() if day >= 0 else "several days"
        return Group(
            id="group:" + hashlib.sha256(f"{host}|{name}|{self._ids[listed[0]]}".encode()).hexdigest()[:16],
            host=host,
            day=name,
            verdict="not evaluable" if reason else "benign",
            p=BACKGROUND,
            start=start,
            end=end,
            alerts=len(listed),
            reason=reason or "no sign strong enough, alone or with others",
            signatures=tuple(counts.most_common(_SHOWN)),
            missing=silent,
            grave=self._grave(listed, reason),
        )

    def _grave(self, rows: Iterable[int], reason: str) -> tuple[Grave, ...]:
        by_place: dict[Place, list[int]] = defaultdict(list)
        for row in rows:
            if self._places[row].signature.severity in _GRAVE:
                by_place[self._places[row]].append(row)
        made = (
            Grave(
                title=place.signature.title,
                host=place.host,
                severity=place.signature.severity,
                count=len(listed),
                first_at=min(self._times[row] for row in listed),
                reason=reason or _usual(place),
                cites=tuple(self._ids[row] for row in listed[:_CITES]),
            )
            for place, listed in by_place.items()
        )
        return tuple(sorted(made, key=lambda each: (each.severity != "critical", each.count, each.title))[:_SHOWN])


def _usual(place: Place) -> str:
    if place.hours > 1:
        return f"seen in {place.hours} hours on this host, and no other sign near it"
    return "seen before on this host or others, and no other sign near it"


def _severity(chain: Chain, tactics: int) -> Severity:
    """Return the gravest of its alerts, and no less than how far the attack has come says."""
    severity: Severity = "informational"
    for place in chain.places:
        severity = graver(severity, place.worst)
    if chain.score >= RAISED:
        severity = graver(severity, "critical" if tactics >= _FAR else "high")
    return severity


def _roles(chain: Chain, taken: bytearray) -> dict[Role, list[int]]:
    """Say which rows are evidence, support and context; a row that another incident has already is left to it."""
    evidence = _take(taken, chain.rows)
    budget = int(len(evidence) * _CONTEXT)
    support = _take(taken, (row for _, row, _, _ in chain.support[:budget]))
    ahead = [row for _, row, place in reversed(chain.aside) if place.host in chain.hosts]
    context = _take(taken, ahead, budget - len(support))
    if not support and not context:
        context = _take(taken, (entry[2] for entry in sorted(chain.after, reverse=True)))
    return {"evidence": evidence, "support": support, "context": context}


def _take(taken: bytearray, rows: Iterable[int], most: int | None = None) -> list[int]:
    got: list[int] = []
    for row in rows:
        if most is not None and len(got) >= most:
            break
        if not taken[row]:
            taken[row] = 1
            got.append(row)
    return got


def _title(chain: Chain) -> str:
    best = sorted(chain.facets.values(), key=lambda facet: -facet.strength)[:3]
    words = ", ".join(_named(facet.family) for facet in sorted(best, key=lambda facet: facet.first))
    hosts = [host for host, _ in chain.hosts.most_common(2)]
    more = f" and {len(chain.hosts) - 2} more" if len(chain.hosts) > 2 else ""
    return f"{words} on {', '.join(hosts)}{more}"


def _named(family: Family) -> str:
    """Name a family for people; what is of no family of ours goes by the tactic of its first alert."""
    if family.id != "other":
        return family.id.replace("_", " ")
    return f"{family.tactic.replace('-', ' ')} and other signs" if family.tactic else "other signs"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
