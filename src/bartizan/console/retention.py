"""Retention: what is kept how long and why, holds, erasures with their receipts; erasing and asking for a hold."""

from __future__ import annotations

import msgspec

from bartizan.console import filters
from bartizan.console.parts import Ask, Done, Page, Parts, allowed
from bartizan.event import ErasureChecked, HoldPlaced, RetentionApplied, StoreChecked, kind_of
from bartizan.identity import duties
from bartizan.ledger import ceiling, classes, erase_checked
from bartizan.policy import Resource

_MOST = 200


class ClassRow(msgspec.Struct, frozen=True, kw_only=True):
    """One class: days kept and their bounds, for text and for facts."""

    name: str
    holds: str
    content_days: int
    content_bounds: tuple[int, int]
    facts_days: int
    facts_bounds: tuple[int, int]
    basis: str


class HoldRow(msgspec.Struct, frozen=True, kw_only=True):
    """A hold in force."""

    id: str
    at: float
    subjects: tuple[str, ...]
    reason: str
    approvals: tuple[str, ...]


class ReceiptRow(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure that was checked: which stores were searched for how many pieces, and what was found."""

    entry: int
    at: float
    account: str
    by: str
    needles: int
    keys_left: int
    stores: tuple[StoreChecked, ...]


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """The page as JSON. ``highest_tier`` is what anybody may be given, since texts are kept as long as they are."""

    classes: tuple[ClassRow, ...]
    elevated_days: int
    highest_tier: str
    approvers: int
    holds: tuple[HoldRow, ...]
    receipts: tuple[ReceiptRow, ...]
    applied: tuple[tuple[float, int, int], ...]
    """The last runs of the schedule: when, keys destroyed, keys held."""
    filters: dict[str, str]


def retention(parts: Parts, ask: Ask) -> Page:
    """Show it all; ``account`` narrows holds and receipts to one account."""
    account = filters.text(ask.query, "account")
    settings = parts.settings.retention
    in_force = parts.ledger.erasure.holds()
    holds, receipts, applied = [], [], []
    for seq, entry in parts.ledger.events(kinds=(kind_of(HoldPlaced), kind_of(ErasureChecked), kind_of(RetentionApplied))):
        match entry.body:
            case HoldPlaced() as fact if fact.hold in in_force and (not account or account in fact.subjects or "*" in fact.subjects):
                holds.append(HoldRow(id=fact.hold, at=entry.at, subjects=fact.subjects, reason=fact.reason, approvals=fact.approvals))
            case ErasureChecked() as fact if account in ("", fact.account):
                receipts.append(
                    ReceiptRow(
                        entry=seq,
                        at=entry.at,
                        account=fact.account,
                        by=entry.actor,
                        needles=fact.needles,
                        keys_left=fact.keys_left,
                        stores=fact.stores,
                    )
                )
            case RetentionApplied() as fact:
                applied.append((entry.at, fact.keys, fact.held))
            case _:
                pass
    body = Retention(
        classes=tuple(
            ClassRow(
                name=name,
                holds=rule.holds,
                content_days=settings.content_days.get(name, 0),
                content_bounds=rule.content,
                facts_days=settings.facts_days.get(name, 0),
                facts_bounds=rule.facts,
                basis=rule.basis,
            )
            for name, rule in classes().rules.items()
        ),
        elevated_days=classes().elevated_days,
        highest_tier=ceiling(settings).value,
        approvers=duties().hold_approvers[parts.directory.profile],
        holds=tuple(holds[-_MOST:]),
        receipts=tuple(reversed(receipts[-_MOST:])),
        applied=tuple(reversed(applied[-10:])),
        filters={"account": account} if account else {},
    )
    record = Resource(type="Record", id="record")
    hold = Resource(type="Hold", id="new", attributes={"proposer": ask.who.person})
    extra = {"may_erase": allowed(parts, ask, "content.erase", record), "may_hold": allowed(parts, ask, "hold.place", hold)}
    return Page(template="retention.html", title="Retention", body=body, extra=extra)


def erase(parts: Parts, ask: Ask) -> Done:
    """Erase one account's text and look through every store for what is left of it."""
    account = ask.field("account", most=100)
    erase_checked(parts.ledger, account, reason=ask.field("reason"), requested_by=ask.form.get("requested_by", "")[:200], actor=ask.who.id)
    return Done(location=filters.link("/retention", {"account": account}), notice="erased")


def hold(parts: Parts, ask: Ask) -> Done:
    """Ask others to approve a hold on an account; it is in force once they did."""
    needed = duties().hold_approvers[parts.directory.profile]
    subject = msgspec.json.encode({"accounts": [ask.field("account", most=100)], "reason": ask.field("reason")})
    parts.desk.ask("hold", subject, actor=ask.who, needed=needed, summary="hold 1 account(s)")
    return Done(location="/cases", notice="hold-asked")


def hold_subject(_parts: Parts, ask: Ask) -> Resource:
    """Say that a route is about a new hold."""
    return Resource(type="Hold", id="new", attributes={"proposer": ask.who.person})
