"""What the ladder calls for, folded from the record: the same facts in the same order always call for the same steps.

A step that is called for and not yet on record is pending; its id comes from its cause, so that whoever records it, how often and
after which crash, it is one step. Nothing here reads a clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from bartizan.event import (
    AccountStandingChanged,
    CaseDecided,
    CaseOpened,
    Envelope,
    LessonRecorded,
    MeasureEnded,
    MeasureTaken,
    PrincipalRegistered,
    SignalRaised,
    Step,
    kind_of,
)
from bartizan.monitor.ladder import Ladder, Past, Wanted, decide, shipped

KINDS: Final = tuple(
    kind_of(fact)
    for fact in (
        SignalRaised,
        MeasureTaken,
        MeasureEnded,
        CaseOpened,
        CaseDecided,
        LessonRecorded,
        AccountStandingChanged,
        PrincipalRegistered,
    )
)
DECISION: Final = "enforcement"
"""Kind of the case in which a person decides a step."""
APPEAL: Final = "appeal"


class Followed(Protocol):
    """What monitor needs of a ledger to read."""

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A step that is called for: against whom, in which case, because of which signal. ``work`` is the case in which a person decides."""

    measure: str
    case: str
    account: str
    wanted: Wanted
    signal: SignalRaised
    at: float
    work: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided in a case of ours."""

    case: str
    decision: str
    reason: str
    by: str
    at: float


class ByHand(msgspec.Struct, frozen=True, kw_only=True):
    """A change of standing that a person made without a signal."""

    case: str
    account: str
    event: str
    at: float
    by: str
    fact: AccountStandingChanged


def derived(prefix: str, *parts: str) -> str:
    """Return an id that follows from what it is about."""
    return f"{prefix}_{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


class Enforcement:
    """Folds signals, measures and decisions; gives out what is called for and not done."""

    def __init__(self, ledger: Followed, ladder: Ladder | None = None) -> None:
        self.ladder = ladder or shipped()
        self.measures: dict[str, MeasureTaken] = {}
        self.by_case: dict[str, list[str]] = {}
        self.signals: dict[str, SignalRaised] = {}
        self.by_hand: dict[str, ByHand] = {}
        self._past: dict[str, dict[str, Past]] = {}
        self._case_of: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._pending: dict[str, Planned] = {}
        self._asked: dict[str, Planned] = {}
        self._opened: dict[str, CaseOpened] = {}
        self._opened_at: dict[str, float] = {}
        self._decided: dict[str, Verdict] = {}
        self._lessons: set[str] = set()
        self._people: dict[str, list[str]] = {}
        ledger.subscribe(KINDS, self._fold)

    def pending(self) -> list[Planned]:
        """Return the steps that are called for and not on record, oldest first; those a person decides are in ``questions``."""
        return list(self._pending.values())

    def questions(self) -> list[Planned]:
        """Return the steps that a person has to decide and whose case is not open yet."""
        return [planned for planned in self._asked.values() if planned.work not in self._opened]

    def decisions(self) -> list[tuple[Planned, Verdict]]:
        """Return what persons decided for a step that is not on record yet."""
        found = ((planned, self._decided.get(planned.work)) for planned in self._asked.values())
        return [
            (planned, verdict)
            for planned, verdict in found
            if verdict is not None and verdict.decision == planned.wanted.rung.step and planned.measure not in self.measures
        ]

    def appeals(self) -> list[tuple[CaseOpened, Verdict]]:
        """Return decided appeals whose lesson is not on record yet."""
        found = ((opened, self._decided.get(opened.case)) for opened in self._opened.values() if opened.kind == APPEAL)
        return [
            (opened, verdict)
            for opened, verdict in found
            if verdict is not None and derived("lesson", opened.case) not in self._lessons and opened.evidence
        ]

    def of_case(self, case: str) -> list[MeasureTaken]:
        """Return the measures of a case file, oldest first."""
        return [self.measures[measure] for measure in self.by_case.get(case, ())]

    def is_ended(self, measure: str) -> bool:
        """Say whether a measure was lifted."""
        taken = self.measures.get(measure)
        past = self._past.get(taken.account, {}).get(measure) if taken is not None else None
        return past is not None and past.undone

    def asked(self, work: str) -> str:
        """Return the step that a case asks a person to decide, empty for any other case."""
        planned = self._asked.get(work)
        return planned.wanted.rung.step if planned is not None else ""

    def is_below(self, appeal: str, person: str) -> bool:
        """Say whether an appeal is against this person's own decision."""
        opened = self._opened.get(appeal)
        return opened is not None and self._below(opened, person)

    def appeals_of(self, case: str) -> list[CaseOpened]:
        """Return the appeals against a case, oldest first."""
        return [opened for opened in self._opened.values() if opened.kind == APPEAL and opened.evidence[:1] == (case,)]

    def works_of(self, case: str) -> list[CaseOpened]:
        """Return the cases in which persons decided, or are to decide, a step of this case."""
        return [opened for opened in self._opened.values() if opened.kind == DECISION and opened.evidence[:1] == (case,)]

    def is_watched(self, account: str) -> bool:
        """Say whether there ever was a signal about an account, or a measure against it."""
        return account in self._past

    def principals(self, account: str) -> Sequence[str]:
        """Return the principals of an account."""
        return self._people.get(account, ())

    def opened_at(self, case: str) -> float:
        """Return when a case of ours was opened, 0 for one that was not."""
        return self._opened_at.get(case, 0.0)

    def decided(self, case: str) -> Verdict | None:
        """Return what was decided in a case, None while it waits."""
        return self._decided.get(case)

    def _fold(self, _seq: int, entry: Envelope) -> None:
        match entry.body:
            case SignalRaised() as fact:
                self._signalled(entry, fact)
            case MeasureTaken() as fact:
                self._taken(entry, fact)
            case MeasureEnded() as fact:
                self._undo(fact.account, fact.measure)
            case AccountStandingChanged() as fact:
                self._stands(entry, fact)
            case CaseOpened() as fact:
                self._opened.setdefault(fact.case, fact)
                self._opened_at.setdefault(fact.case, entry.at)
            case CaseDecided() as fact:
                self._ruled(entry, fact)
            case LessonRecorded() as fact:
                self._lessons.add(fact.lesson)
            case PrincipalRegistered() as fact:
                self._people.setdefault(fact.account, []).append(fact.principal)
            case _:
                pass

    def _stands(self, entry: Envelope, fact: AccountStandingChanged) -> None:
        if fact.standing != "good":
            case = fact.case or f"case_{entry.id.removeprefix('ev_')}"
            self.by_hand[case] = ByHand(case=case, account=fact.account, event=entry.id, at=entry.at, by=entry.actor, fact=fact)
            return
        for measure in list(self._past.get(fact.account, {})):
            known = self.measures.get(measure)
            if known is None or fact.case in ("", known.case):
                self._undo(fact.account, measure)

    def _signalled(self, entry: Envelope, fact: SignalRaised) -> None:
        if fact.signal in self.signals:
            return
        self.signals[fact.signal] = fact
        for account in fact.members or (fact.account,):
            past = self._past.setdefault(account, {})
            wanted = decide(self.ladder, tuple(past.values()), fact, entry.at)
            if wanted is None:
                continue
            case = self._episode(account, fact.signal, entry.at)
            measure = derived("measure", case, wanted.rung.step, fact.signal)
            planned = Planned(measure=measure, case=case, account=account, wanted=wanted, signal=fact, at=entry.at)
            if wanted.person:
                work = derived("case", measure, "decision")
                self._asked.setdefault(work, msgspec.structs.replace(planned, work=work))
                continue
            # It counts as taken from here on: a second signal a moment later must not see an account without history.
            past[measure] = Past(step=wanted.rung.step, at=entry.at, until=entry.at + wanted.hours * 3600)
            if measure not in self.measures:
                self._pending[measure] = planned

    def _episode(self, account: str, signal: str, at: float) -> str:
        """Return the case file of an account's present episode; a new one begins when the last step is out of memory."""
        began = self._began.get(account)
        if began is None or at >= began + self.ladder.memory_days * 86_400 or account not in self._case_of:
            self._case_of[account] = derived("case", account, signal)
        self._began[account] = at
        return self._case_of[account]

    def _taken(self, entry: Envelope, fact: MeasureTaken) -> None:
        self._pending.pop(fact.measure, None)
        if fact.measure in self.measures:
            return
        self.measures[fact.measure] = fact
        self.by_case.setdefault(fact.case, []).append(fact.measure)
        past = self._past.setdefault(fact.account, {})
        known = past.get(fact.measure)
        undone = known.undone if known is not None else False
        past[fact.measure] = Past(step=fact.step, at=entry.at, until=fact.until, undone=undone)

    def _undo(self, account: str, measure: str) -> None:
        past = self._past.get(account, {})
        if measure in past:
            past[measure] = msgspec.structs.replace(past[measure], undone=True)
        self._pending.pop(measure, None)

    def _ruled(self, entry: Envelope, fact: CaseDecided) -> None:
        opened = self._opened.get(fact.case)
        if opened is None or fact.case in self._decided or self._below(opened, entry.actor):
            return
        self._decided[fact.case] = Verdict(case=fact.case, decision=fact.decision, reason=fact.reason, by=entry.actor, at=entry.at)

    def _below(self, opened: CaseOpened, person: str) -> bool:
        """Say whether an appeal is against this person's own decision, as casework has it."""
        if opened.kind != APPEAL:
            return False
        first = {self._decided[case].by for case in opened.evidence if case in self._decided}
        first |= {self.by_hand[case].by for case in opened.evidence if case in self.by_hand}
        return person in first


STEPS: Final[tuple[Step, ...]] = tuple(rung.step for rung in shipped().rung)
