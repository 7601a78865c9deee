"""The review queue as folded from the record: what waits for whom, what was said, what it came to. Nothing here reads a clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from bartizan.event import (
    Envelope,
    Label,
    LabelSettled,
    ReviewDecided,
    ReviewPlanned,
    ReviewSampled,
    ReviewUnmasked,
    kind_of,
)
from bartizan.monitor.enforcement import Followed

KINDS: Final = tuple(kind_of(fact) for fact in (ReviewPlanned, ReviewSampled, ReviewDecided, ReviewUnmasked, LabelSettled))


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer's word on one item."""

    reviewer: str
    label: Label
    at: float
    seconds: float
    category: str = ""


class Item(msgspec.Struct, kw_only=True):
    """One item of the queue. Only ``id`` and what its content holds are for a reviewer's eyes."""

    id: str
    fact: ReviewSampled
    seq: int
    """The entry whose content is shown."""
    looks: list[Look] = []
    settled: LabelSettled | None = None

    def outcome(self, needed: int) -> str:
        """Return what the looks come to: ``harmful`` when so many in a row said so, ``benign`` when anybody did, else empty."""
        least = 2 if self.fact.double else 1
        if any(look.label == "benign" for look in self.looks):
            return "benign" if len(self.looks) >= least else ""
        if len(self.looks) < needed:
            return ""
        return "harmful" if any(look.label == "harmful" for look in self.looks) else "benign"


class Queue:
    """Folds review events. ``needed`` is how many looks make an item harmful."""

    def __init__(self, ledger: Followed, *, needed: int) -> None:
        self.needed = needed
        self.plans: list[ReviewPlanned] = []
        self.items: dict[str, Item] = {}
        self._open: dict[str, None] = {}
        self._spent: dict[str, list[tuple[float, float]]] = {}
        self._unmasked: set[tuple[str, str]] = set()
        ledger.subscribe(KINDS, self._fold)

    def waiting(self, reviewer: str) -> list[Item]:
        """Return the items that wait for this person's look: not yet settled, not yet seen by them, in an order of their own."""
        found = (self.items[item] for item in self._open)
        mine = [item for item in found if all(look.reviewer != reviewer for look in item.looks)]
        return sorted(mine, key=lambda item: (-len(item.looks), _order(item.id, reviewer)))

    def due(self) -> list[Item]:
        """Return items whose looks have come to something that is not on record yet."""
        return [self.items[item] for item in self._open if self.items[item].outcome(self.needed)]

    def spent(self, reviewer: str) -> list[tuple[float, float]]:
        """Return when this person reviewed, and for how many seconds."""
        return self._spent.get(reviewer, [])

    def reviewers(self) -> list[str]:
        """Return everybody who ever reviewed."""
        return sorted(self._spent)

    def is_unmasked(self, item: str, reviewer: str) -> bool:
        """Say whether this person asked to see an item without masks."""
        return (item, reviewer) in self._unmasked

    def _fold(self, seq: int, entry: Envelope) -> None:
        match entry.body:
            case ReviewPlanned() as fact:
                if all(plan.plan != fact.plan for plan in self.plans):
                    self.plans.append(fact)
            case ReviewSampled() as fact if fact.item not in self.items:
                self.items[fact.item] = Item(id=fact.item, fact=fact, seq=seq if fact.seq < 0 else fact.seq)
                self._open[fact.item] = None
            case ReviewDecided() as fact:
                self._decided(entry, fact)
            case ReviewUnmasked() as fact:
                self._unmasked.add((fact.item, entry.actor))
            case LabelSettled() as fact:
                item = self.items.get(fact.item)
                if item is not None and item.settled is None:
                    item.settled = fact
                    self._open.pop(fact.item, None)
            case _:
                pass

    def _decided(self, entry: Envelope, fact: ReviewDecided) -> None:
        item = self.items.get(fact.item)
        if item is None or any(look.reviewer == entry.actor for look in item.looks):
            return
        # A word that comes after the item was settled still counts for agreement and for canaries.
        item.looks.append(Look(reviewer=entry.actor, label=fact.label, at=entry.at, seconds=fact.seconds, category=fact.category))
        self._spent.setdefault(entry.actor, []).append((entry.at, fact.seconds))


def _order(item: str, reviewer: str) -> str:
    return hashlib.sha256(f"{reviewer}\0{item}".encode()).hexdigest()


def labels(items: Iterable[Item]) -> list[tuple[str, str]]:
    """Return the first two words on every item that two people saw blind, for Cohen's kappa."""
    return [(item.looks[0].label, item.looks[1].label) for item in items if item.fact.double and len(item.looks) >= 2]
