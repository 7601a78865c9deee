"""Requests that wait for a person: a case and an approval bound to the very request, which then passes once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Final, Literal, Protocol

import msgspec

from bartizan.casework import Casebook
from bartizan.errors import RefusedError
from bartizan.event import ApprovalRequested, CaseOpened, Envelope, Event, HoldSpent, Verdict, envelope, kind_of, new_id
from bartizan.gateway.exchange import Exchange

ACTION: Final = "exchange"
"""What an approval of a held request is for."""
_KINDS: Final = tuple(kind_of(fact) for fact in (ApprovalRequested, HoldSpent))
_LIFETIME_S: Final = 24 * 3600.0
"""How long a person has to answer, and the answer to be used."""


class Ledger(Protocol):
    """What holds need of the ledger."""

    async def append(self, envelope: Envelope, content: bytes | None = None) -> int:
        """Append; durable when it returns. Raises StoreError."""
        ...

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a request stands: never held, waiting, approved and unused, or refused."""

    state: Literal["new", "waits", "approved", "refused"] = "new"
    approval: str = ""
    case: str = ""


class Holds:
    """Remembers which requests wait. The same request is the same caller, dialect and body, byte for byte.

    Who approves is anybody whom policy lets decide cases, and never who asked. Two gateways that are sent the same approved request in the
    same quarter of a second may each let it pass: the record shows both.
    """

    def __init__(self, ledger: Ledger, casebook: Casebook, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._casebook = casebook
        self._clock = clock
        self._asked: dict[str, str] = {}
        self._spent: set[str] = set()
        ledger.subscribe(_KINDS, self._fold)

    def standing(self, exchange: Exchange, body: bytes) -> Standing:
        """Say how this request stands; an approval that was used, or has expired, counts no more."""
        digest = hashlib.sha256(_subject(exchange, body)).hexdigest()
        approval = self._casebook.approval(self._asked.get(digest, ""))
        now = self._clock()
        if approval is None or approval.id in self._spent or approval.subject_sha256 != digest:
            return Standing()
        match approval.state(now):
            case "approved" if self._casebook.consents(approval.id, digest, persons=1, at=now):
                return Standing(state="approved", approval=approval.id, case=approval.case)
            case "refused":
                return Standing(state="refused", approval=approval.id, case=approval.case)
            case "open":
                return Standing(state="waits", approval=approval.id, case=approval.case)
            case _:
                return Standing()

    async def spend(self, exchange: Exchange, approval: str) -> None:
        """Use an approval up; durable before the request goes on. Raises RefusedError when another request was quicker."""
        if approval in self._spent:
            raise RefusedError("the approval was used already", code="hold_spent", status=409)
        self._spent.add(approval)
        await self._write(HoldSpent(approval=approval, exchange=exchange.id), exchange)

    async def open(self, exchange: Exchange, body: bytes, verdict: Verdict) -> RefusedError:
        """Open a case for a person, once for the same request; returns what the caller is told."""
        known = self.standing(exchange, body)
        if known.state == "refused":
            return RefusedError(
                f"a person has refused this request (case {known.case})", code="hold_refused", status=403, hint="ask who decides about it"
            )
        case = known.case
        if known.state != "waits":
            subject = _subject(exchange, body)
            case, now = new_id("case"), self._clock()
            opened = CaseOpened(
                case=case, kind="held_request", subject=exchange.principal.id, evidence=(exchange.id,), due_at=now + _LIFETIME_S
            )
            asked = ApprovalRequested(
                approval=new_id("approval"),
                action=ACTION,
                subject_sha256=hashlib.sha256(subject).hexdigest(),
                needed=1,
                expires_at=now + _LIFETIME_S,
                summary=f"{verdict.category} at tier {exchange.tier.value}",
                case=case,
            )
            await self._write(opened, exchange)
            await self._write(asked, exchange, subject)
        exchange.case = case
        return RefusedError(
            f"the request waits for a person to decide (case {case})",
            code="held_for_review",
            status=409,
            hint="once it is approved, send the same request again within a day; it passes once",
        )

    async def _write(self, fact: Event, exchange: Exchange, content: bytes | None = None) -> None:
        principal = exchange.principal
        entry = envelope(
            fact, tenant=principal.tenant, actor=principal.id, account=principal.account, correlation=exchange.id, at=self._clock()
        )
        await self._ledger.append(entry, content)

    def _fold(self, _seq: int, entry: Envelope) -> None:
        match entry.body:
            case ApprovalRequested(action="exchange") as fact:
                self._asked[fact.subject_sha256] = fact.approval
            case HoldSpent() as fact:
                self._spent.add(fact.approval)
            case _:
                pass


def _subject(exchange: Exchange, body: bytes) -> bytes:
    """Return what is asked about: who sends what, in which dialect."""
    words = {"principal": exchange.principal.id, "dialect": exchange.wire.name, "body": body.decode("utf-8", "replace")}
    return msgspec.json.encode(words, order="sorted")
