"""Notices to other systems: what was issued, in order, with a cursor; and what is still to be delivered to which endpoint.

Event types and shape are OpenAI's (developers.openai.com, "Safety enforcement notifications", read 2026-11), with a third for reversals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from bartizan.event import Envelope, LessonRecorded, MeasureTaken, WebhookTried, kind_of
from bartizan.monitor.enforcement import Followed

_FIRST_S: Final = 5.0
_LONGEST_S: Final = 3600.0
_GIVE_UP_S: Final = 86_400.0
_CUTS: Final = frozenset({"suspend_account", "revoke_grant"})
Type = Literal["safety.warning_issued", "safety.deactivation_issued", "safety.reversal_issued"]


class CaseId(msgspec.Struct, frozen=True, kw_only=True):
    """The case that a notice is about."""

    id: str


class NoticeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One notice as it is sent."""

    id: str
    created_at: int
    type: Type
    data: CaseId
    object: Literal["event"] = "event"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to be sent now."""

    endpoint: str
    event: NoticeEvent
    attempt: int
    last: bool
    """A day has passed: whatever comes of this try, there is no other."""


class _Tried(msgspec.Struct, frozen=True):
    attempts: int
    first: float
    at: float
    done: bool


class Notices:
    """Folds measures and reversals into notices, and tries into what is due."""

    def __init__(self, ledger: Followed) -> None:
        self.events: list[NoticeEvent] = []
        self._ids: set[str] = set()
        self._tried: dict[tuple[str, str], _Tried] = {}
        self._from: dict[str, int] = {}
        ledger.subscribe((kind_of(MeasureTaken), kind_of(LessonRecorded), kind_of(WebhookTried)), self._fold)

    def after(self, cursor: str, *, limit: int = 100) -> Sequence[NoticeEvent]:
        """Return the notices that follow one, or the first ones; all of them for a cursor that is not known."""
        begin = next((number + 1 for number, event in enumerate(self.events) if event.id == cursor), 0)
        return self.events[begin : begin + limit]

    def due(self, endpoints: Sequence[str], at: float) -> list[Delivery]:
        """Return what is to be sent now. Endpoints are independent: one that is down holds nobody else up."""
        found = []
        for endpoint in endpoints:
            begin = self._from.get(endpoint, 0)
            for number in range(begin, len(self.events)):
                event = self.events[number]
                tried = self._tried.get((endpoint, event.id))
                if tried is not None and tried.done:
                    if number == self._from.get(endpoint, 0):
                        self._from[endpoint] = number + 1
                    continue
                attempts = tried.attempts if tried is not None else 0
                wait = min(_FIRST_S * 2.0 ** (attempts - 1), _LONGEST_S) if attempts else 0.0
                # A clock that went back must not put a try off by more than its wait.
                if tried is None or at >= tried.at + wait or at < tried.at:
                    last = tried is not None and at >= tried.first + _GIVE_UP_S
                    found.append(Delivery(endpoint=endpoint, event=event, attempt=attempts + 1, last=last))
        return found

    def _fold(self, _seq: int, entry: Envelope) -> None:
        match entry.body:
            case MeasureTaken() as fact:
                kind: Type = "safety.deactivation_issued" if fact.step in _CUTS else "safety.warning_issued"
                self._issue(f"evt_{fact.measure.removeprefix('measure_')}", kind, fact.case, entry.at)
            case LessonRecorded() as fact if fact.label == "benign":
                self._issue(f"evt_{fact.lesson.removeprefix('lesson_')}", "safety.reversal_issued", fact.case, entry.at)
            case WebhookTried() as fact:
                key = (fact.endpoint, fact.event)
                known = self._tried.get(key)
                first = known.first if known is not None else entry.at
                self._tried[key] = _Tried(fact.attempt, first, entry.at, fact.outcome != "failed")
            case _:
                pass

    def _issue(self, event: str, kind: Type, case: str, at: float) -> None:
        if event not in self._ids:
            self._ids.add(event)
            self.events.append(NoticeEvent(id=event, created_at=int(at), type=kind, data=CaseId(id=case)))
