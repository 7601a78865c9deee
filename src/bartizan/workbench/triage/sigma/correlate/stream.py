"""Correlations over a stream: a buffer that restores event-time order, one window a group, timers for windows that must end."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import BartizanError
from bartizan.workbench.triage.sigma.correlate.window import Entry, entry_of, group_of, holds, value_of, waits_for_end
from bartizan.workbench.triage.sigma.ir import About, Correlation

_MOST_CITED: Final = 1000
"""Records that a match names; those at the window's beginning come first."""
_FIELDS_KEPT: Final = 4096
"""Characters of a field's value that wait in the buffer."""


class Occurrence(msgspec.Struct, frozen=True, array_like=True):
    """A record that matched rules: when, its id, the ids and names of the rules, and the fields that correlations look at."""

    at: float
    record: str
    rules: tuple[str, ...]
    fields: dict[str, object]
    cites: tuple[str, ...] = ()


class CorrelationMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation that began to hold for a group; ``records`` are those in the window at that moment, oldest first."""

    rule: str
    at: float
    first_at: float
    group: dict[str, str]
    value: float
    records: tuple[str, ...]


class Dropped(msgspec.Struct, kw_only=True):
    """What was left out, by reason; never silently: callers report it."""

    late: int = 0
    over_limit: int = 0


class _Group(msgspec.Struct):
    entries: list[Entry]
    holds: bool = False
    ends: float = 0.0


class _Saved(msgspec.Struct, frozen=True, kw_only=True):
    definitions: bytes
    position: str
    newest: float
    done: float
    waiting: tuple[Occurrence, ...]
    groups: tuple[tuple[int, tuple[str, ...], _Group], ...]
    dropped: Dropped


class Correlator:
    """Feeds occurrences to correlations in event time.

    An occurrence waits until ``lateness_s`` seconds of event time have passed after it, so any order within that bound gives the
    same matches; what comes later than that is counted in ``dropped`` and left out. Windows hold at most ``most_entries`` matches
    a group and ``most_total`` in all; beyond that the oldest go, counted too.

    A correlation with ``gt`` or ``gte`` (and a temporal one without NOT) is judged at each match over the ``timespan_s`` before it
    and reported when it begins to hold. Any other condition is judged when a window ends that began with the group's first match.
    """

    def __init__(
        self,
        correlations: Sequence[Correlation],
        *,
        lateness_s: float = 300.0,
        most_entries: int = 10_000,
        most_total: int = 500_000,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._correlations = tuple(correlations)
        self._lateness = lateness_s
        self._most_entries = most_entries
        self._most_total = most_total
        self._names = dict(names or {})
        self._wanted = self._by_rule()
        self._kept_fields = frozenset(_fields(self._correlations))
        self._waiting: list[tuple[float, str, int, Occurrence]] = []
        self._count = 0
        self._newest = float("-inf")
        self._done = float("-inf")
        self._groups: dict[tuple[int, tuple[str, ...]], _Group] = {}
        self._timers: list[tuple[float, int, tuple[str, ...]]] = []
        self._total = 0
        self.dropped = Dropped()

    def _by_rule(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, one in enumerate(self._correlations):
            for reference in one.rules:
                found.setdefault(reference, []).append(number)
        return found

    def wants(self, rule: str) -> bool:
        """Say whether any correlation looks at matches of this rule, by id or name."""
        return rule in self._wanted or self._names.get(rule, "") in self._wanted

    def feed(self, at: float, record: str, rules: Iterable[str], fields: Mapping[str, object]) -> list[CorrelationMatch]:
        """Take a record that matched rules (by id or name); return the correlations that are now known to have begun to hold."""
        wanted = tuple(rule for rule in rules if self.wants(rule))
        if wanted and at < self._done:
            self.dropped.late += 1
            wanted = ()
        if wanted:
            kept = {name: _short(fields[name]) for name in self._kept_fields if name in fields}
            self._count += 1
            heapq.heappush(self._waiting, (at, record, self._count, Occurrence(at, record, wanted, kept)))
        return self.advance(at)

    def advance(self, at: float) -> list[CorrelationMatch]:
        """Tell the time of a record, matched or not: what waited long enough is judged."""
        if at <= self._newest:
            return []
        self._newest = at
        return self._until(at - self._lateness)

    def finish(self) -> list[CorrelationMatch]:
        """Judge everything that waits; the input has ended."""
        return self._until(float("inf"))

    def _until(self, limit: float) -> list[CorrelationMatch]:
        found: list[CorrelationMatch] = []
        while self._waiting and self._waiting[0][0] < limit:
            occurrence = heapq.heappop(self._waiting)[3]
            found += self._end_windows(occurrence.at)
            found += self._take(occurrence)
            self._tidy(occurrence.at)
        if limit != float("inf"):
            self._done = max(self._done, limit)
        found += self._end_windows(limit)
        return found

    def _take(self, occurrence: Occurrence) -> Iterator[CorrelationMatch]:
        names = {name for rule in occurrence.rules for name in (rule, self._names.get(rule, "")) if name}
        for number in sorted({number for name in names for number in self._wanted.get(name, ())}):
            correlation = self._correlations[number]
            places = tuple(place for place, reference in enumerate(correlation.rules) if reference in names)
            group = group_of(correlation, correlation.rules[places[0]], occurrence.fields)
            if group is not None:
                match = Entry(occurrence.at, occurrence.record, places, cites=occurrence.cites)
                entry = entry_of(correlation, match, occurrence.fields)
                yield from self._add(number, group, entry)

    def _add(self, number: int, key: tuple[str, ...], entry: Entry) -> Iterator[CorrelationMatch]:
        correlation = self._correlations[number]
        group = self._groups.get((number, key))
        if group is None:
            group = self._groups[number, key] = _Group([])
        if waits_for_end(correlation):
            if not group.entries:
                group.ends = entry.at + correlation.timespan_s
                heapq.heappush(self._timers, (group.ends, number, key))
            self._append(group, entry)
            return
        old = 0
        while old < len(group.entries) and group.entries[old].at < entry.at - correlation.timespan_s:
            old += 1
        if old:
            self._cut(group, old)
            group.holds = holds(correlation, group.entries)
        self._append(group, entry)
        before, group.holds = group.holds, holds(correlation, group.entries)
        if group.holds and not before:
            yield from self._report(number, key, group.entries, entry.at)

    def _append(self, group: _Group, entry: Entry) -> None:
        group.entries.append(entry)
        self._total += 1
        if len(group.entries) > self._most_entries:
            self._cut(group, 1)
            self.dropped.over_limit += 1

    def _tidy(self, at: float) -> None:
        """Keep within the bound of all entries: first windows that are over, then the groups that were begun first."""
        if self._total <= self._most_total:
            return
        spans = [one.timespan_s for one in self._correlations]
        for place, group in list(self._groups.items()):
            if not group.ends and (not group.entries or group.entries[-1].at < at - spans[place[0]]):
                self._total -= len(group.entries)
                del self._groups[place]
        while self._total > self._most_total:
            self._drop_oldest_group()

    def _cut(self, group: _Group, count: int) -> None:
        del group.entries[:count]
        self._total -= count

    def _drop_oldest_group(self) -> None:
        """Forget the group that was begun first; a dictionary keeps that order."""
        at = next(iter(self._groups))
        gone = self._groups.pop(at)
        self._total -= len(gone.entries)
        self.dropped.over_limit += len(gone.entries)

    def _end_windows(self, limit: float) -> list[CorrelationMatch]:
        found: list[CorrelationMatch] = []
        while self._timers and self._timers[0][0] < limit:
            ends, number, key = heapq.heappop(self._timers)
            group = self._groups.pop((number, key), None)
            if group is None or group.ends != ends:
                continue
            self._total -= len(group.entries)
            if holds(self._correlations[number], group.entries):
                found += self._report(number, key, group.entries, ends)
        return found

    def _report(self, number: int, key: tuple[str, ...], entries: list[Entry], at: float) -> Iterator[CorrelationMatch]:
        correlation = self._correlations[number]
        group = dict(zip(correlation.group_by, key, strict=True))
        records = tuple(dict.fromkeys(one for entry in entries for one in entry.cites or (entry.record,)))[:_MOST_CITED]
        value = value_of(correlation, entries)
        about = correlation.about
        yield CorrelationMatch(rule=about.id, at=at, first_at=entries[0].at, group=group, value=value or 0.0, records=records)
        if self.wants(about.id) or self.wants(about.name):
            names = tuple(dict.fromkeys(name for name in (about.id, about.name) if name))
            yield from self._take(Occurrence(at, f"{about.id}@{at!r}/{'/'.join(key)}", names, dict(group), records))

    def save(self, position: str = "") -> bytes:
        """Return everything that is known, to go on from later; ``position`` is the caller's place in the input."""
        groups = tuple((number, key, group) for (number, key), group in self._groups.items())
        waiting = tuple(one[3] for one in sorted(self._waiting))
        saved = _Saved(
            definitions=self._definitions(),
            position=position,
            newest=self._newest,
            done=self._done,
            waiting=waiting,
            groups=groups,
            dropped=self.dropped,
        )
        return msgspec.msgpack.encode(saved)

    def restore(self, content: bytes) -> str:
        """Go on from what ``save`` returned; return the position that was saved with it.

        Raises:
            BartizanError: the content is damaged, or was saved with other correlations.
        """
        try:
            saved = msgspec.msgpack.decode(content, type=_Saved)
        except msgspec.DecodeError as error:
            raise BartizanError(f"the saved state of the correlations is damaged: {error}", hint="start without it") from error
        if saved.definitions != self._definitions():
            raise BartizanError("the saved state is of other correlations", hint="start without it; windows begin anew")
        self._newest, self._done, self.dropped = saved.newest, saved.done, saved.dropped
        self._waiting = [(one.at, one.record, place, one) for place, one in enumerate(saved.waiting)]
        self._count = len(self._waiting)
        self._groups = {(number, key): group for number, key, group in saved.groups}
        self._total = sum(len(group.entries) for group in self._groups.values())
        ending = ((group.ends, number, key) for (number, key), group in self._groups.items() if waits_for_end(self._correlations[number]))
        self._timers = sorted(ending)
        return saved.position

    def _definitions(self) -> bytes:
        return msgspec.msgpack.encode(self._correlations)


def keep(correlator: Correlator, path: Path, position: str = "") -> None:
    """Write the state to a file so that a crash at any point leaves the old or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(correlator.save(position))
        out.flush()
        os.fsync(out.fileno())
    Path(temporary).replace(path)


def names_of(rules: Iterable[About]) -> dict[str, str]:
    """Return the name for each rule id that has one, for references by name."""
    return {about.id: about.name for about in rules if about.name}


def _fields(correlations: Iterable[Correlation]) -> Iterator[str]:
    for one in correlations:
        yield from one.group_by
        yield from one.fields
        for mapping in one.aliases.values():
            yield from mapping.values()


def _short(value: object) -> object:
    return value[:_FIELDS_KEPT] if isinstance(value, str) else value
