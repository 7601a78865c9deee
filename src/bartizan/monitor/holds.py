"""Holds, whose beginning and end both take others' consent: what is asked for as bytes, and what is done once it has all its approvals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from bartizan.casework import Approval, Desk
from bartizan.errors import RefusedError
from bartizan.event import HoldPlaced, HoldReleased, kind_of
from bartizan.identity import Principal, Profile, duties
from bartizan.ledger import Ledger

PLACE: Final = "hold"
RELEASE: Final = "hold.release"
ACTIONS: Final = frozenset({PLACE, RELEASE})


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hold that is asked for: the accounts (``*`` for all) and why."""

    accounts: list[str]
    reason: str


class Unwanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of a hold that is asked for."""

    hold: str
    reason: str


def ask_to_place(desk: Desk, profile: Profile, accounts: Sequence[str], reason: str, *, actor: Principal) -> str:
    """Ask others to approve a hold; returns the approval's id."""
    subject = msgspec.json.encode(Wanted(accounts=list(accounts), reason=reason))
    return desk.ask(PLACE, subject, actor=actor, needed=needed(profile), summary=f"hold {len(accounts)} account(s)")


def ask_to_release(ledger: Ledger, desk: Desk, profile: Profile, hold: str, reason: str, *, actor: Principal) -> str:
    """Ask others to approve the end of a hold; returns the approval's id. Raises RefusedError 404 ``unknown_hold``."""
    if hold not in ledger.erasure.holds():
        raise RefusedError("there is no such hold in force", code="unknown_hold", status=404, hint="bartizan ledger holds")
    subject = msgspec.json.encode(Unwanted(hold=hold, reason=reason))
    return desk.ask(RELEASE, subject, actor=actor, needed=needed(profile), summary="release a hold")


def needed(profile: Profile) -> int:
    """Return how many persons besides the proposer have to agree."""
    return duties().hold_approvers[profile]


def read(approval: Approval, subject: bytes) -> Wanted | Unwanted:
    """Return what an approval is about; raises RefusedError ``invalid_hold``."""
    try:
        if approval.action == PLACE:
            return msgspec.json.decode(subject, type=Wanted)
        return msgspec.json.decode(subject, type=Unwanted)
    except msgspec.DecodeError as error:
        raise RefusedError(f"reading the hold that was asked for: {error}", code="invalid_hold", hint="ask again") from error


def fulfil(ledger: Ledger, approval: Approval, subject: bytes) -> None:
    """Do what was approved, once: what is on record under this approval already is not done again."""
    wanted = read(approval, subject)
    facts = (entry.body for _, entry in ledger.events(kinds=(kind_of(HoldPlaced), kind_of(HoldReleased))))
    if any(isinstance(fact, HoldPlaced | HoldReleased) and approval.id in fact.approvals for fact in facts):
        return
    if isinstance(wanted, Wanted):
        ledger.erasure.hold(wanted.accounts, reason=wanted.reason, approvals=(approval.id,), actor=approval.proposer)
    else:
        ledger.erasure.release(wanted.hold, reason=wanted.reason, approvals=(approval.id,), actor=approval.proposer)
