"""Forgetting: keys are destroyed, receipts stay, holds come first; text and facts become noise and every proof stays valid."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from bartizan.config import RetentionSettings
from bartizan.errors import RefusedError
from bartizan.event import ContentErased, Envelope, HoldPlaced, HoldReleased, RetentionApplied, envelope, kind_of, new_id
from bartizan.ledger.draft import Draft
from bartizan.ledger.header import decode_header
from bartizan.ledger.sealing import Vault
from bartizan.ledger.writer import Writer
from bartizan.store import Head, KeyRow, KeyStore, LogStore, Purpose

EVERYTHING: Final = "*"
"""A hold on this subject holds everyone."""

_DEFAULT: Final = RetentionSettings()
_RECEIPT_KEYS: Final = 500
_RECLAIM_ROWS: Final = 2000
_PURPOSES: Final[tuple[Purpose, ...]] = ("content", "facts")
_HOLDS: Final = (kind_of(HoldPlaced), kind_of(HoldReleased))
_RECEIPT: Final = kind_of(ContentErased)

Events = Callable[[tuple[str, ...], int], Iterator[tuple[int, Envelope]]]
"""Yields entries of some kinds before a place."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did: keys destroyed (``subject/class/period/id``), keys kept by a hold, and the places of its receipts."""

    keys: tuple[str, ...] = ()
    held: int = 0
    receipts: tuple[int, ...] = ()


class _Receipt(msgspec.Struct, frozen=True):
    """As kept in the keyring until it is on record."""

    envelope: Envelope
    erased: tuple[int, ...]


_receipts = msgspec.json.Decoder(_Receipt)


class Erasure:
    """Decides under the ledger's write lock, so that no entry slips in between a hold, a destroyed key and its receipt."""

    def __init__(
        self, store: LogStore, keys: KeyStore, vault: Vault, writer: Writer, *, events: Events, draft: Callable[..., Draft]
    ) -> None:
        self._store = store
        self._keys = keys
        self._vault = vault
        self._writer = writer
        self._events = events
        self._draft = draft
        self._pending: list[int] = []

    def holds(self) -> dict[str, tuple[str, ...]]:
        """Return the subjects of every hold in force."""
        return self._holds(self._store.head())

    def hold(self, subjects: Sequence[str], *, reason: str, approvals: Sequence[str] = (), actor: str = "system") -> str:
        """Place a hold on accounts (or ``*``); returns its id."""
        body = HoldPlaced(hold=new_id("hold"), subjects=tuple(subjects), reason=reason, approvals=tuple(approvals))
        self._writer.append_now([self._draft(envelope(body, actor=actor, correlation=body.hold))])
        return body.hold

    def release(self, hold: str, *, reason: str, approvals: Sequence[str] = (), actor: str = "system") -> int:
        """End a hold; raises RefusedError if it is not in force."""

        def job(head: Head) -> list[Draft]:
            if hold not in self._holds(head):
                raise RefusedError(f"there is no hold {hold} in force", code="unknown_hold", status=404)
            body = HoldReleased(hold=hold, reason=reason, approvals=tuple(approvals))
            return [self._draft(envelope(body, actor=actor, correlation=hold))]

        return self._writer.decide(job)[0]

    def erase(self, subjects: Sequence[str], *, reason: str, requested_by: str = "", actor: str = "system") -> Erased:
        """Destroy every content key of some accounts; raises RefusedError (``held``) and destroys nothing if one of them is held."""
        done: list[KeyRow] = []

        def job(head: Head) -> list[Draft]:
            held = self._held(head)
            kept = sorted(set(subjects) if EVERYTHING in held else held & set(subjects))
            if kept:
                raise RefusedError(
                    f"{', '.join(kept)}: held", code="held", status=409, hint="release the hold first: bartizan ledger release"
                )
            done.extend(self._keys.select("content", subjects=subjects))
            return self._destroy(done, reason=reason, requested_by=requested_by, actor=actor)

        return self._finish(done, [], job)

    def apply_retention(self, now: float, settings: RetentionSettings) -> Erased:
        """Destroy every key whose period ended longer ago than its class is kept, except what a hold keeps; then reclaim the space.

        Content of held accounts stays. Keys of facts are shared by a tenant, so any hold keeps all of those.
        """
        done: list[KeyRow] = []
        kept: list[KeyRow] = []

        def job(head: Head) -> list[Draft]:
            held = self._held(head)
            due = [row for purpose in _PURPOSES for row in self._keys.select(purpose) if _overdue(row, settings, now)]
            for row in due:
                keep = EVERYTHING in held or (row.subject in held if row.purpose == "content" else bool(held))
                (kept if keep else done).append(row)
            drafts = self._destroy(done, reason="retention", requested_by="", actor="retention")
            applied = RetentionApplied(until=now, keys=len(done), held=len(kept))
            return [*drafts, self._draft(envelope(applied, actor="retention"))]

        erased = self._finish(done, kept, job)
        self.reclaim()
        return erased

    def reclaim(self) -> None:
        """Drop the ciphertext under keys that receipts say are destroyed, some rows at a time; later entries reuse the space."""
        dead = self._destroyed()
        for purpose in _PURPOSES if dead else ():
            place, seen = -1, [-1]
            while True:
                self._writer.aside(functools.partial(self._sweep, dead, purpose, place, seen))
                place = seen[0]
                if place < 0:
                    break

    def _sweep(self, dead: set[int], purpose: Purpose, after: int, seen: list[int]) -> None:
        seen[0] = self._store.reclaim(dead, purpose, after=after, limit=_RECLAIM_ROWS)

    def _destroyed(self) -> set[int]:
        dead: set[int] = set()
        size, after = self._store.head().size, -1
        while rows := self._store.entries(after=after, before=size, kinds=(_RECEIPT,), state_only=True, limit=500):
            after = rows[-1].seq
            dead.update(key for row in rows for key in decode_header(row.header).erased)
        return dead

    def settle(self) -> list[int]:
        """Put receipts on record whose keys were destroyed just before a crash."""
        waiting = self._keys.unsettled()
        if not waiting:
            return []

        def job(head: Head) -> list[Draft]:
            there = {item.id for _, item in self._events((_RECEIPT,), head.size)}
            receipts = [_receipts.decode(body) for _, body in waiting]
            return [self._draft(item.envelope, erased=item.erased) for item in receipts if item.envelope.id not in there]

        places = self._writer.decide(job)
        self._keys.settle([receipt for receipt, _ in waiting])
        return places

    def _finish(self, done: list[KeyRow], kept: list[KeyRow], job: Callable[[Head], list[Draft]]) -> Erased:
        self.settle()
        places = self._writer.decide(job)
        self._keys.settle(self._pending)
        self._pending = []
        return Erased(keys=tuple(_name(row) for row in done), held=len(kept), receipts=tuple(places))

    def _destroy(self, rows: Sequence[KeyRow], *, reason: str, requested_by: str, actor: str) -> list[Draft]:
        """Destroy keys, which is durable before the receipts are; a crash in between leaves the receipts in the keyring for ``settle``."""
        receipts = []
        for start in range(0, len(rows), _RECEIPT_KEYS):
            part = rows[start : start + _RECEIPT_KEYS]
            body = ContentErased(keys=tuple(_name(row) for row in part), reason=reason, requested_by=requested_by)
            receipts.append(_Receipt(envelope(body, actor=actor), tuple(row.id for row in part)))
        if receipts:
            self._pending = list(self._keys.destroy([row.id for row in rows], [msgspec.json.encode(receipt) for receipt in receipts]))
            self._vault.forget()
        return [self._draft(receipt.envelope, erased=receipt.erased) for receipt in receipts]

    def _held(self, head: Head) -> set[str]:
        return {subject for subjects in self._holds(head).values() for subject in subjects}

    def _holds(self, head: Head) -> dict[str, tuple[str, ...]]:
        holds: dict[str, tuple[str, ...]] = {}
        for _, item in self._events(_HOLDS, head.size):
            if isinstance(item.body, HoldPlaced):
                holds[item.body.hold] = item.body.subjects
            elif isinstance(item.body, HoldReleased):
                holds.pop(item.body.hold, None)
        return holds


def _name(row: KeyRow) -> str:
    return f"{row.purpose}/{row.subject}/{row.retention}/{row.period}/{row.id}"


def _ends(period: str) -> float:
    """Return the UTC second at which a day (``YYYY-MM-DD``) or month (``YYYY-MM``) is over."""
    first = dt.date.fromisoformat(period if len(period) > 7 else f"{period}-01")
    after = first + dt.timedelta(days=1 if len(period) > 7 else 31)
    if len(period) == 7:
        after = after.replace(day=1)
    return dt.datetime(after.year, after.month, after.day, tzinfo=dt.UTC).timestamp()


def _overdue(row: KeyRow, settings: RetentionSettings, now: float) -> bool:
    """Say whether a key's period ended longer ago than its class is kept; a class that the settings leave out has its default."""
    content = row.purpose == "content"
    days = {**(_DEFAULT.content_days if content else _DEFAULT.facts_days), **(settings.content_days if content else settings.facts_days)}
    return _ends(row.period) + days[row.retention] * 86_400 <= now
