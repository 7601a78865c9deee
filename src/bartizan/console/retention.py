"""Retention: what is kept how long and why, holds, erasures with their receipts; erasing and asking for a hold."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from bartizan.casework import Approval
from bartizan.console import filters
from bartizan.console.cases import ConsentRow, consent_row
from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing
from bartizan.errors import RefusedError
from bartizan.event import ContentRead, ErasureChecked, HoldPlaced, RetentionApplied, StoreChecked, envelope, kind_of
from bartizan.ledger import ceiling, classes, erase_checked
from bartizan.monitor import holds
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


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A hold, or the end of ``hold``, that somebody is asked to agree to: what exactly."""

    row: ConsentRow
    accounts: tuple[str, ...]
    hold: str
    reason: str


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
    asked: tuple[ConsentRow, ...]
    """Holds, and ends of holds, that wait for consent."""
    receipts: tuple[ReceiptRow, ...]
    applied: tuple[tuple[float, int, int], ...]
    """The last runs of the schedule: when, keys destroyed, keys held."""
    filters: dict[str, str]


def retention(parts: Parts, ask: Ask) -> Page:
    """Show it all; ``account`` narrows holds and receipts to one account."""
    account = filters.text(ask.query, "account")
    settings = parts.settings.retention
    in_force = parts.ledger.erasure.holds()
    held, receipts, applied = [], [], []
    for seq, entry in parts.ledger.events(kinds=(kind_of(HoldPlaced), kind_of(ErasureChecked), kind_of(RetentionApplied))):
        match entry.body:
            case HoldPlaced() as fact if fact.hold in in_force and (not account or account in fact.subjects or "*" in fact.subjects):
                held.append(HoldRow(id=fact.hold, at=entry.at, subjects=fact.subjects, reason=fact.reason, approvals=fact.approvals))
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
    waiting = [each for each in parts.casebook.approvals() if each.action in holds.ACTIONS]
    asked = [consent_row(each, ask.at) for each in waiting]
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
        approvers=holds.needed(parts.directory.profile),
        holds=tuple(held[-_MOST:]),
        asked=tuple(row for row in asked if row.state == "open"),
        receipts=tuple(reversed(receipts[-_MOST:])),
        applied=tuple(reversed(applied[-10:])),
        filters={"account": account} if account else {},
    )
    record = Resource(type="Record", id="record")
    hold = hold_subject(parts, ask)
    extra = {
        "may_erase": allowed(parts, ask, "content.erase", record),
        "may_hold": allowed(parts, ask, "hold.place", hold),
        "may_release": allowed(parts, ask, "hold.release", hold),
        "may_agree": {
            each.id
            for each in waiting
            if allowed(parts, ask, "hold.approve", Resource(type="Hold", id=each.id, attributes={"proposer": each.proposer}))
        },
    }
    return Page(template="retention.html", title="Retention", body=body, extra=extra)


def erase(parts: Parts, ask: Ask) -> Done:
    """Erase one account's text and look through every store for what is left of it."""
    account = ask.field("account", most=100)
    erase_checked(parts.ledger, account, reason=ask.field("reason"), requested_by=ask.form.get("requested_by", "")[:200], actor=ask.who.id)
    return Done(location=filters.link("/retention", {"account": account}), notice="erased")


def hold(parts: Parts, ask: Ask) -> Done:
    """Ask others to approve a hold on an account; it is in force once they did."""
    holds.ask_to_place(parts.desk, parts.directory.profile, [ask.field("account", most=100)], ask.field("reason"), actor=ask.who)
    return Done(location="/retention", notice="hold-asked")


def release(parts: Parts, ask: Ask) -> Done:
    """Ask others to approve the end of a hold; it is in force until they did."""
    which, reason = ask.field("hold", most=100), ask.field("reason")
    holds.ask_to_release(parts.ledger, parts.desk, parts.directory.profile, which, reason, actor=ask.who)
    return Done(location="/retention", notice="release-asked")


def hold_subject(_parts: Parts, ask: Ask) -> Resource:
    """Say that a route is about a new hold, or the end of one."""
    return Resource(type="Hold", id="new", attributes={"proposer": ask.who.person})


def consent(parts: Parts, ask: Ask) -> Page:
    """Show exactly what is asked for; that it was read is on record first."""
    known = _asked(parts, ask)
    subject = _subject(parts, ask, known)
    wanted = holds.read(known, subject)
    body = Consent(
        row=consent_row(known, ask.at),
        accounts=tuple(wanted.accounts) if isinstance(wanted, holds.Wanted) else parts.ledger.erasure.holds().get(wanted.hold, ()),
        hold="" if isinstance(wanted, holds.Wanted) else wanted.hold,
        reason=wanted.reason,
    )
    return Page(template="hold.html", title="Consent", body=body)


def answer(parts: Parts, ask: Ask) -> Done:
    """Give one's word on exactly the bytes that were shown; with the last one that it takes the hold begins or ends."""
    verdict = ask.form.get("decision", "")
    known = _asked(parts, ask)
    if verdict not in {"approved", "refused"}:
        raise RefusedError("there is no such decision", code="bad_field", param="decision", hint="approved or refused")
    if ask.form.get("sha256", "") != known.subject_sha256:
        raise RefusedError("this is not what was asked for", code="wrong_subject", status=409, hint="open the page again")
    subject = _subject(parts, ask, known)
    holds.read(known, subject)
    state = parts.desk.answer(known.id, cast("Literal['approved', 'refused']", verdict), actor=ask.who, reason=ask.field("reason"))
    if state.state(parts.clock()) == "approved":
        holds.fulfil(parts.ledger, known, subject)
    return Done(location="/retention", notice="word-taken")


def consent_subject(parts: Parts, ask: Ask) -> Resource:
    """Return the hold that somebody is asked to agree to."""
    known = _asked(parts, ask)
    return Resource(type="Hold", id=known.id, attributes={"proposer": known.proposer})


def _asked(parts: Parts, ask: Ask) -> Approval:
    known = parts.casebook.approval(ask.path["id"])
    if known is None or known.action not in holds.ACTIONS:
        raise missing("consent about a hold", ask.path["id"])
    return known


def _subject(parts: Parts, ask: Ask, known: Approval) -> bytes:
    fact = ContentRead(entries=(known.seq,), purpose=f"{known.action} {known.id}")
    parts.ledger.append_now(envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, correlation=known.id, at=ask.at))
    subject = parts.ledger.content(known.seq)
    if subject is None:
        raise RefusedError("what was asked for has been erased", code="erased", status=409, hint="ask again")
    return subject
