"""Doing what is called for: takes steps, opens cases for persons, undoes what an appeal reversed. Idempotent; any process may run it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from bartizan.event import (
    AccountStandingChanged,
    CaseOpened,
    Envelope,
    Event,
    LessonRecorded,
    MeasureEnded,
    MeasureTaken,
    NamedScore,
    envelope,
)
from bartizan.identity import Directory
from bartizan.monitor.enforcement import APPEAL, DECISION, Enforcement, Planned, Verdict, derived
from bartizan.monitor.evidence import Readable, quotes

_DUE_S: Final = 86_400.0
ACTOR: Final = "monitor"
REVERSED: Final = "reversed"
UPHELD: Final = "upheld"


class Ledger(Readable, Protocol):
    """What the enforcer needs of a ledger."""

    def catch_up(self) -> int:
        """Fold what is new."""
        ...


class Enforcer:
    """Writes what ``Enforcement`` says is due."""

    def __init__(self, ledger: Ledger, enforcement: Enforcement, directory: Directory, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._enforcement = enforcement
        self._directory = directory
        self._clock = clock

    def settle(self) -> int:
        """Do everything that is due; return how many facts it took. Call it after each new signal or decision, and at start."""
        self._ledger.catch_up()
        items: list[Envelope | tuple[Envelope, bytes | None]] = []
        for appeal, verdict in self._enforcement.appeals():
            items += self._settled(appeal, verdict)
        items += [self._taken(planned, verdict) for planned, verdict in self._enforcement.decisions()]
        items += [self._taken(planned, None) for planned in self._enforcement.pending()]
        items += [self._question(planned) for planned in self._enforcement.questions()]
        if items:
            self._ledger.append_now(*items)
            self._ledger.catch_up()
        return len(items)

    def _taken(self, planned: Planned, verdict: Verdict | None) -> tuple[Envelope, bytes]:
        rung, signal, now = planned.wanted.rung, planned.signal, self._clock()
        grants = self._grants(planned.account) if rung.step == "revoke_grant" else ()
        fact = MeasureTaken(
            measure=planned.measure,
            case=planned.case,
            account=planned.account,
            step=rung.step,
            rule=signal.rule,
            rule_version=signal.rule_version,
            ladder=self._enforcement.ladder.version,
            signals=(signal.signal,),
            events=signal.evidence,
            scores=(
                NamedScore(name=signal.rule, value=signal.score, threshold=signal.threshold),
                NamedScore(name="confidence", value=signal.confidence, threshold=rung.confidence),
            ),
            category=signal.category,
            until=now + planned.wanted.hours * 3600 if planned.wanted.hours else 0.0,
            features=rung.features,
            delay_ms=rung.delay_ms,
            safer_model=rung.safer_model,
            step_up=rung.step_up,
            grants=grants,
            decided_in=planned.work,
            decided_by=verdict.by if verdict is not None else "",
        )
        evidence = quotes(self._ledger, signal.evidence, actor=ACTOR, case=planned.case, account=planned.account)
        content = msgspec.json.encode({"why": planned.wanted.why, "evidence": evidence})
        return self._entry(fact, account=planned.account, case=planned.case, actor=verdict.by if verdict is not None else ACTOR), content

    def _grants(self, account: str) -> tuple[str, ...]:
        now = self._clock()
        return tuple(
            grant.id
            for person in self._enforcement.principals(account)
            for grant in self._directory.grants(person)
            if grant.expires_at > now
        )

    def _question(self, planned: Planned) -> tuple[Envelope, bytes]:
        fact = CaseOpened(
            case=planned.work,
            kind=DECISION,
            subject=planned.account,
            evidence=(planned.case, *planned.signal.evidence[:20]),
            due_at=self._clock() + _DUE_S,
        )
        content = msgspec.json.encode({"asked": planned.wanted.rung.step, "why": planned.wanted.why})
        return self._entry(fact, account=planned.account, case=planned.work), content

    def _settled(self, appeal: CaseOpened, verdict: Verdict) -> list[Envelope | tuple[Envelope, bytes | None]]:
        """Return what follows from a decided appeal: measures lifted if it was reversed, and the lesson either way."""
        case = appeal.evidence[0]
        measures = self._enforcement.of_case(case)
        items: list[Envelope | tuple[Envelope, bytes | None]] = []
        if verdict.decision == REVERSED:
            items += [
                self._entry(
                    MeasureEnded(measure=each.measure, case=case, account=each.account, reason="reversed on appeal", appeal=appeal.case),
                    account=each.account,
                    case=case,
                    actor=verdict.by,
                )
                for each in measures
                if not self._enforcement.is_ended(each.measure)
            ]
            hand = self._enforcement.by_hand.get(case)
            if hand is not None and self._directory.standing(hand.account, at=self._clock()).case == case:
                back = AccountStandingChanged(account=hand.account, standing="good", reason="reversed on appeal", case=case)
                items.append(self._entry(back, account=hand.account, case=case, actor=verdict.by))
        last = measures[-1] if measures else None
        lesson = LessonRecorded(
            lesson=derived("lesson", appeal.case),
            case=case,
            appeal=appeal.case,
            rule=last.rule if last is not None else "",
            rule_version=last.rule_version if last is not None else "",
            label="benign" if verdict.decision == REVERSED else "harmful",
            exchanges=tuple(dict.fromkeys(event for each in measures for event in each.events))
            or tuple(each for each in appeal.evidence if each.startswith("ex_")),
            signals=tuple(dict.fromkeys(signal for each in measures for signal in each.signals)),
            category=last.category if last is not None else "",
        )
        items.append(self._entry(lesson, account=last.account if last is not None else "", case=case, actor=verdict.by))
        return items

    def _entry(self, fact: Event, *, account: str, case: str, actor: str = ACTOR) -> Envelope:
        return envelope(fact, actor=actor, account=account, correlation=case, at=self._clock())


__all__ = ["ACTOR", "APPEAL", "REVERSED", "UPHELD", "Enforcer"]
