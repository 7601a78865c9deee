"""``bartizan bench monitor --people``: one week of 300 simulated users at the small profile, and what it asks of three persons.

Exchanges, draw, queue, looks, labels, ladder, appeals and estimate are the real ones on a real ledger. Simulated are the users, the
reviewers (who miss 8 % and call 2 % of the benign harmful) and the clock. What one act takes a person is stated, not measured.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bartizan.bench.monitor_stage import signal
from bartizan.casework import Casebook, Desk
from bartizan.errors import RefusedError
from bartizan.event import ExchangeAdmitted, ExchangeCompleted, Tier, Verdict, envelope, new_id
from bartizan.identity import Access, Directory, Principal, Registrar
from bartizan.ledger import Ledger
from bartizan.monitor import Monitor, quality

_USERS: Final = 300
_EACH: Final = 40
_ABUSERS: Final = 3
_FALSE_SIGNALS: Final = 0.01 * 7 / 30
"""False signals an account and week: the detectors' budget of one benign account in a hundred a month."""
_CAUGHT: Final = 0.92
_IMAGINED: Final = 0.02
_APPEALS: Final = 0.5
_GRANTS: Final = 6
_LOOK_S: Final = 25.0
_APPEAL_S: Final = 600.0
_DECISION_S: Final = 600.0
_APPROVAL_S: Final = 180.0
_DAY_S: Final = 86_400.0


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """What the week came to. Hours are acts times the stated seconds an act."""

    users: int
    exchanges: int
    items_drawn: int
    looks: int
    decisions: int
    appeals: int
    approvals: int
    review_hours: float
    other_hours: float
    person_hours: float
    true_missed: int
    true_miss_rate: float
    miss_rate: float
    miss_rate_low: float
    miss_rate_high: float
    held_the_truth: bool
    rests_enforced: int


class _Clock:
    def __init__(self) -> None:
        self.now = time.time() - 40 * _DAY_S

    def __call__(self) -> float:
        self.now += 1e-4
        return self.now


def week(*, seed: int = 1) -> Week:
    """Live through one week; some 20 s."""
    with tempfile.TemporaryDirectory() as folder:
        clock = _Clock()
        ledger = Ledger.open(Path(folder) / "data", role="bench", clock=clock)
        try:
            return _Story(ledger, clock, random.Random(seed)).run()
        finally:
            ledger.close()


class _Story:
    def __init__(self, ledger: Ledger, clock: _Clock, chance: random.Random) -> None:
        self._ledger, self._clock, self._chance = ledger, clock, chance
        self._book = Casebook(ledger)
        self._desk = Desk(ledger, self._book, clock=clock)
        self._directory = Directory(ledger, consent=self._book)
        self._registrar = Registrar(ledger, self._directory, clock=clock)
        self._access = Access(self._directory, self._registrar, self._desk, clock=clock)
        self._monitor = Monitor(ledger, self._directory, self._book, self._desk, clock=clock)
        ledger.catch_up()
        self._harmful: set[str] = set()
        self._missed = 0
        self._rests = 0
        self._exchanges: dict[str, list[str]] = {}

    def run(self) -> Week:
        """Traffic, signals, draw, looks, appeals, approvals."""
        staff = [self._registrar.register("person", name, ("reviewer", "approver"), actor=None) for name in ("ann", "ben", "cleo")]
        users = [self._registrar.register("person", f"user {number}", ("member",), actor=None) for number in range(_USERS)]
        for number, user in enumerate(users):
            self._live(user, abuser=number < _ABUSERS)
        decisions, appeals = self._enforce(users, staff)
        plan = self._monitor.drawer.draw()
        drawn = sum(part.drawn for part in plan.strata) if plan is not None else 0
        looks = self._review(staff)
        approvals = self._grants(users, staff)
        found = quality(self._monitor.queue)
        total = found.miss.size
        review_s = looks * _LOOK_S
        other_s = decisions * _DECISION_S + appeals * _APPEAL_S + approvals * _APPROVAL_S
        return Week(
            users=_USERS,
            exchanges=_USERS * _EACH,
            items_drawn=drawn,
            looks=looks,
            decisions=decisions,
            appeals=appeals,
            approvals=approvals,
            review_hours=round(review_s / 3600, 2),
            other_hours=round(other_s / 3600, 2),
            person_hours=round((review_s + other_s) / 3600, 2),
            true_missed=self._missed,
            true_miss_rate=self._missed / total if total else 0.0,
            miss_rate=found.miss.rate,
            miss_rate_low=found.miss.rate_low,
            miss_rate_high=found.miss.rate_high,
            held_the_truth=found.miss.low <= self._missed <= found.miss.high,
            rests_enforced=self._rests,
        )

    def _live(self, user: Principal, *, abuser: bool) -> None:
        """Record one user's week: abusers do harm in three of ten exchanges, others in one of two thousand; half of it is noticed."""
        items = []
        ids = []
        for _ in range(_EACH):
            exchange = new_id("ex")
            ids.append(exchange)
            bad = self._chance.random() < (0.3 if abuser else 0.0005)
            noticed = self._chance.random() < (0.5 if bad else 0.005)
            if bad:
                self._harmful.add(exchange)
                self._missed += not noticed
            body = msgspec.json.encode({"messages": [{"role": "user", "content": f"text {self._chance.getrandbits(64):x}"}]})
            verdict = Verdict(control="c", version="1", layer="input", mode="enforce", category="x", would="block")
            begin = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k")
            end = ExchangeCompleted(
                outcome="blocked" if noticed else "answered",
                decision="block" if noticed else "allow",
                verdicts=(verdict,) if noticed else (),
            )
            items += [
                (envelope(begin, correlation=exchange, account=user.account, at=self._clock()), body),
                (envelope(end, correlation=exchange, account=user.account, at=self._clock()), b"{}"),
            ]
        self._clock.now += 5 * _DAY_S / _USERS
        self._exchanges[user.account] = ids
        self._ledger.append_now(*items)

    def _enforce(self, users: Sequence[Principal], staff: Sequence[Principal]) -> tuple[int, int]:
        """Raise signals over five days, take the steps, decide what a person has to, hear appeals of half of those it hit."""
        decisions = appeals = 0
        for number, user in enumerate(users):
            times = 5 if number < _ABUSERS else int(self._chance.random() < _FALSE_SIGNALS)
            for _ in range(times):
                self._clock.now += 60.0 if times == 1 else 25 * 3600.0
                fact = msgspec.structs.replace(
                    signal(user.account, "high" if number < _ABUSERS else "medium", 0.97, "cyber_exploit"),
                    since=self._clock.now,
                    until=self._clock.now,
                    evidence=tuple(self._exchanges[user.account][:3]),
                )
                self._ledger.append_now(envelope(fact, account=user.account, at=self._clock()))
                self._monitor.enforcer.settle()
            for case in self._book.cases(waiting=True):
                if case.kind == "enforcement":
                    self._desk.decide(case.id, self._monitor.enforcement.asked(case.id), actor=staff[0], reason="it went on")
                    self._monitor.enforcer.settle()
                    decisions += 1
            if times and self._chance.random() < _APPEALS:
                for case_id in self._monitor.docket.cases(user.account):
                    appeal = self._monitor.appeals.file(case_id, "please look again", actor=user)
                    verdict = "upheld" if number < _ABUSERS else "reversed"
                    self._monitor.appeals.decide(appeal, verdict, actor=staff[1], reason="looked again")
                    appeals += 1
        return decisions, appeals

    def _review(self, staff: Sequence[Principal]) -> int:
        """Let everybody review until nothing waits, sleeping when the rules say so."""
        looks, idle = 0, 0
        while idle < len(staff):
            who = staff[looks % len(staff)]
            try:
                seen = self._monitor.review.next(who)
            except RefusedError as error:
                self._rests += 1
                self._clock.now += (error.retry_after_s or 60.0) + 1
                continue
            if seen is None:
                idle += 1
                staff = [*staff[1:], staff[0]]
                continue
            idle = 0
            exchange = self._monitor.queue.items[seen.item].fact.exchange
            said = self._chance.random() < (_CAUGHT if exchange in self._harmful else _IMAGINED)
            self._clock.now += _LOOK_S
            self._monitor.review.decide(seen.item, "harmful" if said else "benign", who, seconds=_LOOK_S)
            looks += 1
        return looks

    def _grants(self, users: Sequence[Principal], staff: Sequence[Principal]) -> int:
        """Ask for elevated tiers and approve them."""
        operator = self._registrar.register("person", "operator", ("operator",), actor=None)
        for user in users[-_GRANTS:]:
            proposal = self._access.propose(user.id, Tier.TRUSTED, actor=operator, purpose="a test of our own systems")
            if proposal.approval:
                self._desk.answer(proposal.approval, "approved", actor=staff[2])
        return _GRANTS


__all__ = ["Week", "week"]
