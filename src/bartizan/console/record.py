"""The record itself: its size and checkpoint, what the witness proves, who writes, what is held, who looked and what was erased."""

from __future__ import annotations

import base64
from typing import Final, TypeVar

import msgspec

from bartizan.console.parts import Ask, Page, Parts
from bartizan.console.proof import seen_at, witness_keys
from bartizan.event import (
    ContentErased,
    ContentRead,
    Envelope,
    HoldPlaced,
    HoldReleased,
    RetentionApplied,
    WriterStarted,
    WriterStopped,
    kind_of,
)
from bartizan.ledger.witness import LIMITS

_KINDS: Final = tuple(
    kind_of(fact) for fact in (WriterStarted, WriterStopped, ContentErased, ContentRead, HoldPlaced, HoldReleased, RetentionApplied)
)
_SHOWN: Final = 100
_UNSEEN: Final = (
    "No witness has cosigned yet: whoever holds the log key and these files could rewrite them unseen. bartizan ledger witness."
)
_Row = TypeVar("_Row")


class RecordState(msgspec.Struct, frozen=True, kw_only=True):
    """How the record stands. ``witness`` says in words what the newest cosignature proves, and what it does not."""

    origin: str
    entries: int
    root: str
    checkpoint: str
    log_key: str
    witnessed: int
    witnessed_at: float
    witness_keys: tuple[str, ...]
    witness: str


class WriterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A process that appended."""

    writer: str
    role: str
    version: str
    started_at: float
    stopped_at: float


class HoldRow(msgspec.Struct, frozen=True, kw_only=True):
    """A hold: nothing of its subjects may be erased until it is released."""

    hold: str
    subjects: tuple[str, ...]
    reason: str
    placed_at: float
    released_at: float
    approvals: tuple[str, ...]


class ActRow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody read text, or keys were destroyed."""

    seq: int
    at: float
    actor: str
    what: str
    why: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The page as JSON: newest first, at most a hundred of each."""

    state: RecordState
    writers: tuple[WriterRow, ...]
    holds: tuple[HoldRow, ...]
    readings: tuple[ActRow, ...]
    erasures: tuple[ActRow, ...]
    retention_ran_at: float


def ledger(parts: Parts, _ask: Ask) -> Page:
    """Show how the record stands."""
    writers: dict[str, WriterRow] = {}
    holds: dict[str, HoldRow] = {}
    readings: list[ActRow] = []
    erasures: list[ActRow] = []
    retention_ran_at = 0.0
    for seq, entry in parts.ledger.events(kinds=_KINDS):
        match entry.body:
            case WriterStarted() as fact:
                writers[fact.writer] = WriterRow(
                    writer=fact.writer, role=fact.role, version=fact.version, started_at=entry.at, stopped_at=0.0
                )
            case WriterStopped() as fact if fact.writer in writers:
                writers[fact.writer] = msgspec.structs.replace(writers[fact.writer], stopped_at=entry.at)
            case HoldPlaced() as fact:
                holds[fact.hold] = HoldRow(
                    hold=fact.hold,
                    subjects=fact.subjects,
                    reason=fact.reason,
                    placed_at=entry.at,
                    released_at=0.0,
                    approvals=fact.approvals,
                )
            case HoldReleased() as fact if fact.hold in holds:
                holds[fact.hold] = msgspec.structs.replace(holds[fact.hold], released_at=entry.at)
            case ContentRead() as fact:
                what = f"text of {_entries(fact.entries)}" if fact.entries else "what many did"
                readings.append(_act(seq, entry, what, fact.purpose))
            case ContentErased() as fact:
                erasures.append(_act(seq, entry, f"{len(fact.keys)} keys: {', '.join(fact.keys[:3])}", fact.reason))
            case RetentionApplied() as fact:
                retention_ran_at = entry.at
                if fact.keys or fact.held:
                    erasures.append(_act(seq, entry, f"{fact.keys} keys, {fact.held} held back", "retention schedule"))
            case _:
                pass
    body = Record(
        state=state(parts),
        writers=_newest(list(writers.values())),
        holds=_newest(list(holds.values())),
        readings=_newest(readings),
        erasures=_newest(erasures),
        retention_ran_at=retention_ran_at,
    )
    return Page(template="ledger.html", title="Ledger", body=body)


def state(parts: Parts) -> RecordState:
    """Return how the record stands now."""
    checkpoint, cosigned = parts.ledger.checkpoint(), parts.ledger.cosigned()
    at = seen_at(parts.ledger, cosigned) if cosigned is not None else 0.0
    return RecordState(
        origin=checkpoint.origin,
        entries=checkpoint.size,
        root=base64.b64encode(checkpoint.root).decode(),
        checkpoint=checkpoint.note,
        log_key=parts.ledger.signer.vkey,
        witnessed=cosigned.size if cosigned is not None and at else 0,
        witnessed_at=at,
        witness_keys=witness_keys(parts.ledger),
        witness=f"Up to there the log only ever grew, if the witness's key is safe. {LIMITS[0].upper()}{LIMITS[1:]}." if at else _UNSEEN,
    )


def _newest(rows: list[_Row]) -> tuple[_Row, ...]:
    return tuple(reversed(rows[-_SHOWN:]))


def _act(seq: int, entry: Envelope, what: str, why: str) -> ActRow:
    return ActRow(seq=seq, at=entry.at, actor=entry.actor, what=what, why=why)


def _entries(entries: tuple[int, ...]) -> str:
    return ("entries " if len(entries) > 1 else "entry ") + ", ".join(map(str, entries[:5]))
