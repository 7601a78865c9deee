"""Case files out of the record: of measures, of every exchange that a control stopped, of every standing that a person set by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import msgspec

from bartizan.event import ContentRead, Envelope, ExchangeCompleted, MeasureTaken, RequestRefused, kind_of
from bartizan.identity import Directory
from bartizan.ledger import find_exchange
from bartizan.monitor.casefile import (
    AppealShown,
    AppealState,
    CaseFile,
    MeasureShown,
    Notice,
    NoticeShown,
    RuleRef,
    ScoreShown,
    State,
    appeal_path,
)
from bartizan.monitor.enforcement import ByHand, Enforcement, Followed
from bartizan.monitor.evidence import Quote, Readable, places, read, reading
from bartizan.monitor.ladder import criteria

_STOPPED: Final = frozenset({"blocked", "revoked"})


class Ledger(Readable, Followed, Protocol):
    """What the docket needs of a ledger."""

    def events(self, *, after: int = -1, limit: int | None = None) -> Iterator[tuple[int, Envelope]]:
        """Yield entries past ``after`` in order."""
        ...


class _Taken(msgspec.Struct, frozen=True):
    seq: int
    event: str
    at: float


class _Content(msgspec.Struct, frozen=True):
    why: str = ""
    evidence: tuple[Quote, ...] = ()


class Docket:
    """Looks cases up. Whoever asks must be allowed to: that is the caller's to check, with ``account_of``."""

    def __init__(self, ledger: Ledger, enforcement: Enforcement, directory: Directory, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._enforcement = enforcement
        self._directory = directory
        self._clock = clock
        self._taken: dict[str, _Taken] = {}
        ledger.subscribe((kind_of(MeasureTaken),), self._fold)

    def cases(self, account: str = "") -> list[str]:
        """Return the ids of the enforcement cases and standings by hand, of one account or of all, oldest first."""
        measures = [(self._taken[each[0]].at, case) for case, each in self._enforcement.by_case.items() if self._is_of(each[0], account)]
        by_hand = [(hand.at, case) for case, hand in self._enforcement.by_hand.items() if account in ("", hand.account)]
        return [case for _, case in sorted(measures + by_hand)]

    def account_of(self, case: str) -> str:
        """Return whose case it is, empty for one that there is not."""
        if measures := self._enforcement.of_case(case):
            return measures[0].account
        if hand := self._enforcement.by_hand.get(case):
            return hand.account
        stopped = self._stopped(case)
        return stopped[0].account if stopped else ""

    def reading(self, case: str) -> ContentRead | None:
        """Return the fact to record before ``file`` is asked for evidence; None where that reads nobody's text afresh."""
        if self._enforcement.of_case(case) or case in self._enforcement.by_hand:
            return None
        return reading(places(self._ledger, (self.exchange_of(case),)))

    def file(self, case: str, *, evidence: bool = True) -> CaseFile | None:
        """Return a case file, None where there is none. Before asking for evidence, record what ``reading`` gives."""
        file = self._file(case, evidence=evidence)
        if file is None:
            return None
        now, account = self._clock(), file.entity_identifier
        people = self._enforcement.principals(account)
        principal = self._directory.principal(people[0], at=now) if people else None
        tier = self._directory.tier(principal, requested=None, at=now).value if principal is not None else ""
        return msgspec.structs.replace(file, standing=self._directory.standing(account, at=now).standing, tier=tier)

    def _file(self, case: str, *, evidence: bool) -> CaseFile | None:
        if measures := self._enforcement.of_case(case):
            return self._of_measures(case, measures, evidence=evidence)
        if hand := self._enforcement.by_hand.get(case):
            return self._of_hand(hand)
        stopped = self._stopped(case)
        return self._of_exchange(case, stopped, evidence=evidence) if stopped else None

    def exchange_of(self, case: str) -> str:
        """Return the exchange that a case id may stand for."""
        return f"ex_{case.removeprefix('case_')}"

    def taken_at(self, measure: str) -> float:
        """Return when a measure was taken."""
        return self._taken[measure].at

    def _is_of(self, measure: str, account: str) -> bool:
        return account in ("", self._enforcement.measures[measure].account)

    def _of_measures(self, case: str, measures: list[MeasureTaken], *, evidence: bool) -> CaseFile:
        now = self._clock()
        last = measures[-1]
        shown = tuple(self._shown(each, now) for each in measures)
        live = [each for each in shown if each.state == "in_force"]
        contents = [self._content(self._taken[each.measure].seq) for each in measures] if evidence else []
        quoted = {quote.exchange: quote for content in contents for quote in content.evidence}
        ladder = self._enforcement.ladder
        reached = max(ladder.rank(each.step) for each in measures)
        serious = any(each.step in {"suspend_account", "revoke_grant"} for each in measures)
        state: State = "in_force" if live else "lifted" if all(each.state == "lifted" for each in shown) else "expired"
        return CaseFile(
            id=case,
            created_at=int(self._taken[measures[0].measure].at),
            entity_identifier=last.account,
            reason=last.category or "misuse",
            notice=Notice(type="deactivation" if serious else "warning"),
            state=state,
            decided_by="person" if last.decided_by else "rule",
            rule=RuleRef(id=last.rule, version=last.rule_version, criteria=criteria(ladder.of(last.step))),
            events=tuple(
                dict.fromkeys([*(self._taken[each.measure].event for each in measures), *(s for each in measures for s in each.signals)])
            ),
            exchanges=tuple(dict.fromkeys(event for each in measures for event in each.events)),
            scores=tuple(ScoreShown(name=s.name, value=s.value, threshold=s.threshold) for each in measures for s in each.scores),
            evidence=tuple(quoted.values()),
            measures=shown,
            notices=self._notices(measures, case),
            next=criteria(ladder.rung[reached + 1]) if reached + 1 < len(ladder.rung) else "",
            appeal=self._appeal(case, newest=self._taken[last.measure].at),
        )

    def _of_hand(self, hand: ByHand) -> CaseFile:
        now = self._clock()
        live = self._directory.standing(hand.account, at=now).case == hand.case
        cut = hand.fact.standing in {"suspended", "revoked"}
        return CaseFile(
            id=hand.case,
            created_at=int(hand.at),
            entity_identifier=hand.account,
            reason=hand.fact.reason,
            notice=Notice(type="deactivation" if cut else "warning"),
            kind="standing",
            state="in_force" if live else "lifted",
            decided_by="person",
            rule=RuleRef(id="by-hand", version="1", criteria="a person with the duty to do so decided it, and gave a reason"),
            events=(hand.event,),
            evidence=(Quote(event=hand.event, exchange="", at=hand.at, text=hand.fact.reason),),
            notices=(NoticeShown(type="deactivation" if cut else "warning", at=hand.at, text=f"{hand.fact.standing}: {hand.fact.reason}"),),
            appeal=self._appeal(hand.case, newest=hand.at),
        )

    def _of_exchange(self, case: str, entries: list[Envelope], *, evidence: bool) -> CaseFile:
        last = entries[-1]
        exchange, account, body = last.correlation, last.account, last.body
        verdicts = body.verdicts if isinstance(body, ExchangeCompleted) else ()
        control = body.control if isinstance(body, ExchangeCompleted) else "access"
        decisive = next((each for each in verdicts if each.control == control and each.would == "block"), None)
        code = body.code if isinstance(body, RequestRefused) else body.reason if isinstance(body, ExchangeCompleted) else ""
        quoted = read(self._ledger, places(self._ledger, (exchange,)), account=account) if evidence else ()
        return CaseFile(
            id=case,
            created_at=int(last.at),
            entity_identifier=account,
            reason=decisive.category if decisive is not None else code,
            notice=Notice(type="warning"),
            kind="block" if isinstance(body, ExchangeCompleted) else "refusal",
            decided_by="control",
            rule=RuleRef(
                id=f"{control}/{decisive.rule}" if decisive is not None and decisive.rule else control or code,
                version=decisive.version if decisive is not None else "1",
                criteria=f"{code}: decided in layer {decisive.layer}" if decisive is not None else code,
            ),
            events=tuple(each.id for each in entries),
            exchanges=(exchange,),
            scores=tuple(ScoreShown(name=each.control, value=each.score, threshold=0.0) for each in verdicts if each.would != "allow"),
            evidence=quoted,
            notices=(NoticeShown(type="warning", at=last.at, text=code),),
            appeal=self._appeal(case, newest=last.at),
        )

    def _shown(self, taken: MeasureTaken, now: float) -> MeasureShown:
        rung = self._enforcement.ladder.of(taken.step)
        expired = bool(taken.until) and now >= taken.until
        return MeasureShown(
            id=taken.measure,
            step=taken.step,
            title=rung.title,
            says=rung.says,
            criteria=criteria(rung),
            started_at=self._taken[taken.measure].at,
            until=taken.until,
            state="lifted" if self._enforcement.is_ended(taken.measure) else "expired" if expired else "in_force",
            automatic=not taken.decided_by,
            rule=RuleRef(id=taken.rule, version=taken.rule_version),
        )

    def _notices(self, measures: list[MeasureTaken], case: str) -> tuple[NoticeShown, ...]:
        ladder = self._enforcement.ladder
        issued = [
            NoticeShown(
                type="deactivation" if each.step in {"suspend_account", "revoke_grant"} else "warning",
                at=self._taken[each.measure].at,
                text=ladder.of(each.step).says,
            )
            for each in measures
        ]
        for opened in self._enforcement.appeals_of(case):
            verdict = self._enforcement.decided(opened.case)
            if verdict is not None and verdict.decision == "reversed":
                issued.append(
                    NoticeShown(type="reversal", at=verdict.at, text="The appeal was granted; every measure of this case is lifted.")
                )
        return tuple(sorted(issued, key=lambda notice: notice.at))

    def _appeal(self, case: str, *, newest: float) -> AppealShown:
        how = f"POST a JSON object with your statement to it with your key, or: bartizan case appeal {case}"
        filed = self._enforcement.appeals_of(case)
        if not filed:
            return AppealShown(can=True, url=appeal_path(case), how=how)
        last = filed[-1]
        verdict = self._enforcement.decided(last.case)
        state: AppealState = "open" if verdict is None else "reversed" if verdict.decision == "reversed" else "upheld"
        return AppealShown(
            can=verdict is not None and verdict.at < newest,
            url=appeal_path(case),
            how=how,
            state=state,
            id=last.case,
            filed_at=self._enforcement.opened_at(last.case),
            due_at=last.due_at,
            decided_at=verdict.at if verdict is not None else 0.0,
            reason=verdict.reason if verdict is not None else "",
        )

    def _content(self, seq: int) -> _Content:
        content = self._ledger.content(seq)
        return msgspec.json.decode(content, type=_Content) if content else _Content()

    def _stopped(self, case: str) -> list[Envelope]:
        """Return the facts of an exchange that was stopped, or of a request that was refused; empty where there is none."""
        found = find_exchange(self._ledger, self.exchange_of(case))
        if found.ended < 0:
            return []
        entries = [entry for seq in (found.admitted, found.ended) if seq >= 0 for entry in self._entry(seq)]
        body = entries[-1].body if entries else None
        refused = isinstance(body, RequestRefused) and body.status in {403, 429}
        stopped = isinstance(body, ExchangeCompleted) and body.outcome in _STOPPED
        return entries if (refused or stopped) and entries[-1].account else []

    def _entry(self, seq: int) -> list[Envelope]:
        return [entry for place, entry in self._ledger.events(after=seq - 1, limit=1) if place == seq]

    def _fold(self, seq: int, entry: Envelope) -> None:
        if isinstance(entry.body, MeasureTaken) and entry.body.measure not in self._taken:
            self._taken[entry.body.measure] = _Taken(seq, entry.id, entry.at)
