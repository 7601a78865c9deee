"""Reviewing: the next item, shown masked and blind; one's word on it; rest against fatigue; and settling what looks come to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import (
    ContentRead,
    Envelope,
    Event,
    Label,
    LabelSettled,
    ReviewDecided,
    ReviewUnmasked,
    envelope,
)
from bartizan.identity import Principal
from bartizan.monitor.evidence import conversation
from bartizan.monitor.masking import masked
from bartizan.monitor.queue import Item, Queue
from bartizan.monitor.review_rules import Rules, rules

_DAY_S: Final = 86_400.0
_MOST: Final = 40_000


class Ledger(Protocol):
    """What review needs of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content, None if it had none or it was erased."""
        ...


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer sees of an item: its text and nothing else. No account, no verdict, no time, no purpose."""

    item: str
    text: str
    masked: bool
    erased: bool


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much a person reviewed in the last 24 hours, and why they may not go on now; empty when they may."""

    minutes_today: float
    minutes_at_once: float
    rest: str
    again_at: float = 0.0


class Review:
    """The write side of the queue. Who may is policy's to say, before."""

    def __init__(self, ledger: Ledger, queue: Queue, *, chosen: Rules | None = None, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._queue = queue
        self._rules = chosen or rules()
        self._clock = clock

    def load(self, reviewer: str) -> Load:
        """Return a person's load now."""
        now, limits = self._clock(), self._rules
        spent = [(at, min(seconds or limits.seconds_an_item, 10 * limits.seconds_an_item)) for at, seconds in self._queue.spent(reviewer)]
        today = [(at, seconds) for at, seconds in spent if now - _DAY_S < at <= now + _DAY_S]
        minutes = sum(seconds for _, seconds in today) / 60
        streak, last = 0.0, now
        for at, seconds in reversed(today):
            if last - at > limits.rest_minutes * 60 + seconds:
                break
            streak += seconds / 60
            last = at - seconds
        if minutes >= limits.minutes_a_day:
            return Load(minutes_today=minutes, minutes_at_once=streak, rest="enough for 24 hours", again_at=today[0][0] + _DAY_S)
        if streak >= limits.minutes_at_once:
            again = today[-1][0] + limits.rest_minutes * 60
            if now < again:
                return Load(minutes_today=minutes, minutes_at_once=streak, rest="time for a short rest", again_at=again)
            streak = 0.0
        return Load(minutes_today=minutes, minutes_at_once=streak, rest="")

    def next(self, actor: Principal) -> Shown | None:
        """Return the next item for this person, None when nothing waits; raises RefusedError 429 ``reviewer_rests``."""
        self._ledger.catch_up()
        self._check(actor)
        waiting = self._queue.waiting(actor.id)
        return self._shown(waiting[0], actor) if waiting else None

    def show(self, item: str, actor: Principal) -> Shown:
        """Return one item that waits for this person; raises RefusedError 404."""
        self._ledger.catch_up()
        return self._shown(self._item(item, actor), actor)

    def unmask(self, item: str, actor: Principal, *, reason: str) -> Shown:
        """Return an item without masks; that it was asked for, and why, is on record first."""
        self._ledger.catch_up()
        known = self._item(item, actor)
        if not reason.strip():
            raise RefusedError("unmasking needs a reason", code="bad_field", param="reason")
        self._write(ReviewUnmasked(item=item, reason=reason.strip()[:500]), actor, item)
        return self._shown(known, actor)

    def decide(self, item: str, label: Label, actor: Principal, *, category: str = "", seconds: float = 0.0) -> None:
        """Record one's word; raises RefusedError 404 for an item that does not wait for this person, 429 where they are to rest."""
        self._ledger.catch_up()
        self._check(actor)
        known = self._item(item, actor)
        unmasked = self._queue.is_unmasked(item, actor.id)
        word = ReviewDecided(item=item, label=label, category=category[:100], seconds=max(0.0, min(seconds, 3600.0)), unmasked=unmasked)
        self._write(word, actor, item)
        if all(look.reviewer != actor.id for look in known.looks):
            raise RefusedError("your word came too late", code="item_settled", status=409)
        self.settle()

    def settle(self) -> int:
        """Put on record what looks have come to; idempotent. Returns how many items."""
        self._ledger.catch_up()
        due = self._queue.due()
        if due:
            self._ledger.append_now(*(self._settled(item) for item in due))
            self._ledger.catch_up()
        return len(due)

    def _settled(self, item: Item) -> Envelope:
        outcome = item.outcome(self._queue.needed)
        fact = LabelSettled(
            item=item.id,
            exchange=item.fact.exchange,
            label="harmful" if outcome == "harmful" else "benign",
            category=next((look.category for look in item.looks if look.category), ""),
            stratum=item.fact.stratum,
            flagged=item.fact.flagged,
            looks=len(item.looks),
        )
        return envelope(fact, actor="monitor", correlation=item.id, at=self._clock())

    def _check(self, actor: Principal) -> None:
        if actor.kind != "person":
            raise RefusedError("only persons review", code="not_a_person", status=403)
        load = self.load(actor.id)
        if load.rest:
            wait = max(1.0, load.again_at - self._clock())
            raise RefusedError(load.rest, code="reviewer_rests", status=429, retry_after_s=wait, hint="tired reviewers miss more")

    def _item(self, item: str, actor: Principal) -> Item:
        known = self._queue.items.get(item)
        if known is None or known.settled is not None or any(look.reviewer == actor.id for look in known.looks):
            raise RefusedError("no such item waits for you", code="unknown_item", status=404, hint="bartizan review next")
        return known

    def _shown(self, item: Item, actor: Principal) -> Shown:
        unmasked = self._queue.is_unmasked(item.id, actor.id)
        self._write(ContentRead(entries=(item.seq,), purpose="review, unmasked" if unmasked else "review, masked"), actor, item.id)
        content = self._ledger.content(item.seq)
        text = conversation(content)
        return Shown(
            item=item.id,
            text=text[:_MOST] if unmasked else masked(text, most=_MOST),
            masked=not unmasked,
            erased=content is None,
        )

    def _write(self, fact: Event, actor: Principal, item: str) -> None:
        self._ledger.append_now(envelope(fact, tenant=actor.tenant, actor=actor.id, correlation=item, at=self._clock()))
        self._ledger.catch_up()
