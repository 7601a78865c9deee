"""How one shape of record of one kind is judged: which of its values are looked up where, and what is known about the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import call, itemgetter
from typing import Any

from bartizan.workbench.triage.sigma.bucket import Bucket
from bartizan.workbench.triage.sigma.ir import Atom
from bartizan.workbench.triage.sigma.keywords import Keywords, joined
from bartizan.workbench.triage.sigma.remembered import Budget, Remembered
from bartizan.workbench.triage.sigma.values import each, text_of

Row = Callable[[Mapping[str, object]], tuple[Any, ...]]


class Plan:
    """Judges events with the same names in the same order, of one bucket.

    ``where`` finds the event's name for a rule's field. ``memo`` maps what the values met to the rules that matched.
    """

    def __init__(
        self,
        bucket: Bucket,
        where: Callable[[str], str | None],
        remembered: Mapping[str, Remembered],
        keywords: Keywords | None,
        budget: Budget,
    ) -> None:
        self._bucket = bucket
        self._keywords = keywords
        self._budget = budget
        self._columns: list[Remembered] = []
        names: list[str] = []
        base: set[int] = set()
        for field, memory in remembered.items():
            name = where(field)
            if name is None:
                base |= memory.scan.if_absent
            else:
                names.append(name)
                self._columns.append(memory)
        self._base = frozenset(base)
        self._row = _row(names)
        self._lookups = tuple(memory.values.get for memory in self._columns)
        self._memo: dict[tuple[Any, ...], tuple[int, ...]] = {}
        self._references = tuple(_Reference(number, atom, where) for number, atom in bucket.references)
        budget.register(self._memo.clear)

    def matched(self, event: Mapping[str, object], line: bytes) -> tuple[int, ...]:
        """Return the numbers of the rules that the event matches.

        Raises:
            TypeError: a value is a list or mapping; make the event flat first.
        """
        seen = tuple(map(call, self._lookups, self._row(event)))
        extra: tuple[bool, ...] = ()
        if self._references:
            extra = tuple(one.holds(event) for one in self._references)
            seen += extra
        if self._keywords is not None and self._keywords.may_hold(line or joined(event)) and (words := self._keywords.of(event)):
            return self._judge(event, extra, words, remember=False)
        found = self._memo.get(seen)
        return self._learn(event, extra) if found is None else found

    def _learn(self, event: Mapping[str, object], extra: tuple[bool, ...]) -> tuple[int, ...]:
        """Judge an event of a combination not met before; nothing may be forgotten from here on until it is judged."""
        self._budget.settle()
        return self._judge(event, extra, frozenset(), remember=True)

    def _judge(self, event: Mapping[str, object], extra: tuple[bool, ...], words: frozenset[int], *, remember: bool) -> tuple[int, ...]:
        seen: list[int] = []
        for memory, value in zip(self._columns, self._row(event), strict=True):
            number = memory.values.get(value)
            seen.append(memory.learn(value) if number is None else number)
        signature = (*seen, *extra)
        found = self._memo.get(signature) if remember else None
        if found is None:
            true = self._base.union(words, *(memory.sets[number] for memory, number in zip(self._columns, seen, strict=True)))
            true |= {one.number for one, holds in zip(self._references, extra, strict=True) if holds}
            found = self._bucket.matched(true)
            if remember:
                self._memo[signature] = found
                self._budget.used += 40 + 8 * len(signature) + 100
        return found


class _Reference:
    """An atom that compares two fields of an event."""

    def __init__(self, number: int, atom: Atom, where: Callable[[str], str | None]) -> None:
        self.number = number
        self._op = atom.op
        self._left = where(atom.field)
        self._right = where(atom.value)

    def holds(self, event: Mapping[str, object]) -> bool:
        """Say whether any value of the one field stands in the relation to any value of the other, without case."""
        if self._left is None or self._right is None:
            return False
        right = [text_of(one).lower() for one in each(event[self._right])]
        return any(_related(self._op, text_of(one).lower(), other) for one in each(event[self._left]) for other in right)


def _related(op: str, left: str, right: str) -> bool:
    match op:
        case "ref":
            return left == right
        case "refstarts":
            return left.startswith(right)
        case "refends":
            return left.endswith(right)
        case _:
            return right in left


def _row(names: list[str]) -> Row:
    match names:
        case []:
            return lambda _: ()
        case [only]:
            return lambda event: (event[only],)
        case _:
            return itemgetter(*names)
