"""Appeals: brought by whom it hit, decided by another person than the first, in force at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

import msgspec

from bartizan.casework import Casebook
from bartizan.errors import RefusedError
from bartizan.event import CaseOpened, Envelope, envelope
from bartizan.identity import Principal
from bartizan.monitor.docket import Docket
from bartizan.monitor.enforcement import APPEAL, Enforcement, derived
from bartizan.monitor.enforcer import Enforcer

_MOST: Final = 4000
_DUE_S: Final = 86_400.0


class Deciding(Protocol):
    """What appeals need of casework's desk."""

    def decide(self, case: str, decision: str, *, actor: Principal, reason: str) -> None:
        """Decide a case."""
        ...


class Ledger(Protocol):
    """What appeals need of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...


class Filing(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal's id and what to record to bring it; nothing where it is on record already."""

    appeal: str
    entry: Envelope | None = None
    content: bytes = b""


class Appeals:
    """Takes appeals and has them decided."""

    def __init__(
        self,
        ledger: Ledger,
        docket: Docket,
        enforcement: Enforcement,
        enforcer: Enforcer,
        desk: Deciding,
        book: Casebook,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._docket = docket
        self._enforcement = enforcement
        self._enforcer = enforcer
        self._desk = desk
        self._book = book
        self._clock = clock

    def prepare(self, case: str, statement: str, *, actor: Principal) -> Filing:
        """Return what brings an appeal. Its id follows from the case and its newest step, so that filing twice is filing once.

        The statement is content under the account's own key, and goes with it. Raises RefusedError 404 ``unknown_case`` (also for
        somebody else's), 409 ``appeal_decided``, 400 ``invalid_statement``.
        """
        words = statement.strip()
        if not words or len(words) > _MOST:
            raise RefusedError(f"an appeal has a statement of 1 to {_MOST} characters", code="invalid_statement", param="statement")
        known = self._docket.file(case, evidence=False) if is_subject(self._docket.account_of(case), actor) else None
        if known is None:
            raise RefusedError(f"there is no case {case[:100]} of yours", code="unknown_case", status=404)
        if known.appeal.state == "open":
            return Filing(appeal=known.appeal.id)
        if not known.appeal.can:
            raise RefusedError("the appeal was decided, and nothing was done since", code="appeal_decided", status=409, case=case)
        works = tuple(each.case for each in self._enforcement.works_of(case))
        newest = known.measures[-1].id if known.measures else known.events[-1]
        appeal = derived("case", "appeal", case, newest)
        now = self._clock()
        fact = CaseOpened(
            case=appeal,
            kind=APPEAL,
            subject=actor.person,
            evidence=(case, newest, *works, *(known.exchanges[:20] if known.kind == "block" else ())),
            due_at=now + _DUE_S,
        )
        entry = envelope(fact, tenant=actor.tenant, actor=actor.id, account=actor.account, correlation=appeal, at=now)
        return Filing(appeal=appeal, entry=entry, content=msgspec.json.encode({"statement": words}))

    def file(self, case: str, statement: str, *, actor: Principal) -> str:
        """Bring an appeal and return its id; raises as ``prepare``."""
        self._ledger.catch_up()
        filing = self.prepare(case, statement, actor=actor)
        if filing.entry is not None:
            self._ledger.append_now((filing.entry, filing.content))
            self._ledger.catch_up()
        return filing.appeal

    def decide(self, appeal: str, decision: Literal["reversed", "upheld"], *, actor: Principal, reason: str) -> None:
        """Decide an appeal; when it returns the measures are lifted. Who may is policy's to say, before.

        Raises RefusedError as ``Desk.decide``; 403 ``own_decision``; 409 ``case_decided`` also for who came second.
        """
        self._ledger.catch_up()
        known = self._book.case(appeal)
        if known is None or known.kind != APPEAL:
            raise RefusedError(f"there is no appeal {appeal[:100]}", code="unknown_case", status=404, hint="bartizan case list")
        if self._enforcement.is_below(appeal, actor.id):
            raise RefusedError("an appeal is decided by another person", code="own_decision", status=403)
        self._desk.decide(appeal, decision, actor=actor, reason=reason)
        verdict = self._enforcement.decided(appeal)
        if verdict is None or verdict.by != actor.id:
            raise RefusedError("another person decided it first", code="case_decided", status=409)
        self._enforcer.settle()


def is_subject(account: str, actor: Principal) -> bool:
    """Say whether a case of this account is the actor's own; an agent's is its person's too, and the other way round never."""
    return bool(account) and account == actor.account
