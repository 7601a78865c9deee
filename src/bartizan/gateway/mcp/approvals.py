"""Consent to single calls: bound to exactly this call by its hash, to a time, and to one use."""

from __future__ import annotations

import fnmatch
import hashlib
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from bartizan.casework import Approval
from bartizan.errors import RefusedError
from bartizan.event import ApprovalRequested, Envelope, ToolApprovalUsed, canonical, envelope, new_id
from bartizan.gateway.mcp.visit import Visit
from bartizan.guard.pins import Pins

ACTION: Final = "tool.call"


class Book(Protocol):
    """What approvals stand; ``casework`` implements it."""

    def approvals(self) -> list[Approval]:
        """Return all approvals, oldest first."""
        ...


class Appended(Protocol):
    """What consent needs of a ledger."""

    async def append(self, envelope: Envelope, content: bytes | None = None) -> int:
        """Append; durable when it returns."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...


class Approvals:
    """Holds calls that need a person, and lets each go once when its approval has come."""

    def __init__(self, ledger: Appended, book: Book | None, pins: Pins, *, minutes: float, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._book = book
        self._pins = pins
        self._seconds = minutes * 60.0
        self._clock = clock

    async def check(self, visit: Visit) -> None:
        """Return if the call needs no consent or has it, unused and in time; else ask for it and raise RefusedError ``call_held``."""
        name = visit.tool.partition("/")[2]
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in visit.server.settings.approve):
            return
        if self._book is None:
            raise RefusedError("this call needs a person's consent and there is nobody to ask", code="call_held", status=403)
        subject = call_subject(visit)
        digest = hashlib.sha256(subject).hexdigest()
        self._ledger.catch_up()
        now = self._clock()
        mine = [each for each in self._book.approvals() if each.action == ACTION and each.subject_sha256 == digest]
        for approval in mine:
            if approval.state(now) == "approved" and not self._pins.was_used(approval.id):
                await self._ledger.append(envelope(ToolApprovalUsed(approval=approval.id), actor="gateway", correlation=visit.exchange.id))
                self._ledger.catch_up()
                return
        if any(approval.state(now) == "refused" for approval in mine):
            raise RefusedError("a person refused this call", code="call_refused", status=403)
        waiting = next((approval for approval in mine if approval.state(now) == "open"), None)
        ident = waiting.id if waiting is not None else await self._ask(visit, subject, digest)
        visit.told = {"approval": ident}
        raise RefusedError("this call waits for a person's consent", code="call_held", status=403, hint=f"bartizan mcp approve {ident}")

    async def _ask(self, visit: Visit, subject: bytes, digest: str) -> str:
        ident = new_id("approval")
        principal = visit.exchange.principal
        definition = visit.context().history.tools.get(visit.tool.partition("/")[2], {})
        annotations = definition.get("annotations") or {}
        destructive = annotations.get("destructiveHint") is True
        fact = ApprovalRequested(
            approval=ident,
            action=ACTION,
            subject_sha256=digest,
            needed=2 if destructive else 1,
            expires_at=self._clock() + self._seconds,
            summary=f"call of {visit.tool}",
        )
        entry = envelope(fact, tenant=principal.tenant, actor=principal.id, account=principal.account, correlation=visit.exchange.id)
        await self._ledger.append(entry, subject)
        self._ledger.catch_up()
        return ident


def call_subject(visit: Visit) -> bytes:
    """Return the bytes that are consented to: who calls which tool, as it is pinned, with which arguments."""
    name = visit.tool.partition("/")[2]
    definition = visit.context().history.tools.get(name, {})
    return canonical(
        {
            "principal": visit.exchange.principal.id,
            "tool": visit.tool,
            "definition": hashlib.sha256(canonical(dict(definition))).hexdigest(),
            "arguments": msgspec.json.decode(visit.judged.text),
        }
    )
