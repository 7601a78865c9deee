"""What is on record of responses: a fold that two workers racing, a crash or a replay can't talk into a doubled action."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal, Protocol

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import (
    ActionFailed,
    ActionIntended,
    ActionTaken,
    Deed,
    DoubtSettled,
    Ending,
    Envelope,
    ResponseEnded,
    ResponseOrdered,
    ResponsePlanned,
    ResponseReviewed,
    kind_of,
)

_FACTS: Final = (
    ResponsePlanned,
    ResponseOrdered,
    ActionIntended,
    ActionTaken,
    ActionFailed,
    DoubtSettled,
    ResponseEnded,
    ResponseReviewed,
)
KINDS: Final = tuple(kind_of(each) for each in _FACTS)
MarkState = Literal["free", "intended", "done", "failed", "doubt"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """How one deed of one action stands. ``tried`` says that it may have had an effect; ``seq`` is where the state before is kept."""

    state: MarkState = "free"
    attempt: int = 0
    worker: str = ""
    tried: bool = False
    changed: bool = False
    settled: bool = False
    code: str = ""
    order: int = 0
    """How many orders there were when it failed: an older failure is tried again."""
    seq: int = -1
    intended_at: float = 0.0
    ended_at: float = 0.0
    result_seq: int = -1
    approval: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a response stands."""

    response: str
    planned: ResponsePlanned
    planned_at: float
    planned_by: str
    seq: int
    """The entry whose content is the plan."""
    ordered: Deed | Literal[""] = ""
    orders: int = 0
    ordered_at: float = 0.0
    ordered_by: str = ""
    ended: Ending | Literal[""] = ""
    code: str = ""
    ended_at: float = 0.0
    contained_at: float = 0.0
    marks: dict[tuple[str, Deed], Mark] = {}
    reviewed: ResponseReviewed | None = None

    def mark(self, action: str, deed: Deed = "do") -> Mark:
        """Return how a deed of an action stands."""
        return self.marks.get((action, deed), _FREE)

    @property
    def state(self) -> str:
        """One word for people: planned, running, undoing, or how it ended."""
        if self.ended:
            return self.ended
        return {"": "planned", "do": "running", "undo": "undoing"}[self.ordered]


_FREE: Final = Mark()


class Followed(Protocol):
    """What the book needs of a ledger."""

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...


class Book:
    """Folds the facts of responses."""

    def __init__(self, ledger: Followed) -> None:
        self._known: dict[str, Standing] = {}
        ledger.subscribe(KINDS, self.fold)

    def get(self, response: str) -> Standing:
        """Return a response by its id or the beginning of it; raises RefusedError 404 ``unknown_response``."""
        found = (
            [self._known[response]] if response in self._known else [each for key, each in self._known.items() if key.startswith(response)]
        )
        if len(found) != 1 or not response:
            raise RefusedError(
                f"{len(found)} responses are called {response[:80]}", code="unknown_response", status=404, hint="bartizan respond list"
            )
        return found[0]

    def all(self) -> list[Standing]:
        """Return every response, oldest first."""
        return list(self._known.values())

    def under_way(self) -> list[Standing]:
        """Return the responses that somebody ordered and that have not ended."""
        return [each for each in self._known.values() if each.ordered and not each.ended]

    def fold(self, seq: int, entry: Envelope) -> None:
        """Take in one fact."""
        body = entry.body
        if isinstance(body, ResponsePlanned):
            if body.response not in self._known:
                self._known[body.response] = Standing(
                    response=body.response, planned=body, planned_at=entry.at, planned_by=entry.actor, seq=seq
                )
            return
        known = self._known.get(getattr(body, "response", ""))
        if known is not None and (changed := _next(known, seq, entry)) is not None:
            self._known[known.response] = changed


def _next(known: Standing, seq: int, entry: Envelope) -> Standing | None:
    replace = msgspec.structs.replace
    match entry.body:
        case ResponseOrdered() as fact:
            return _ordered(known, fact, entry)
        case ActionIntended() | ActionTaken() | ActionFailed() | DoubtSettled() as fact:
            mark = _marked(known, fact, seq, entry.at)
            return None if mark is None else replace(known, marks={**known.marks, (fact.action, fact.deed): mark})
        case ResponseEnded() as fact:
            contained = known.contained_at or (entry.at if fact.ending == "contained" else 0.0)
            return replace(known, ended=fact.ending, code=fact.code, ended_at=entry.at, contained_at=contained)
        case ResponseReviewed() as fact:
            return replace(known, reviewed=fact)
        case _:
            return None


def _ordered(known: Standing, fact: ResponseOrdered, entry: Envelope) -> Standing | None:
    if known.ordered == "undo" and fact.deed == "do":
        return None  # what is being taken back is not done again under the same plan
    return msgspec.structs.replace(
        known, ordered=fact.deed, orders=known.orders + 1, ended="", code="", ordered_at=entry.at, ordered_by=entry.actor
    )


def _marked(known: Standing, fact: ActionIntended | ActionTaken | ActionFailed | DoubtSettled, seq: int, at: float) -> Mark | None:
    mark = known.mark(fact.action, fact.deed)
    match fact:
        case ActionIntended():
            return _intended(mark, fact, seq, at)
        case ActionTaken() if fact.attempt == mark.attempt and mark.state == "intended":
            return msgspec.structs.replace(
                mark, state="done", changed=fact.changed, settled=fact.settled, code="", ended_at=at, result_seq=seq
            )
        case ActionFailed() if fact.attempt == mark.attempt and mark.state not in {"done", "doubt"}:
            state: MarkState = "doubt" if fact.in_doubt else "failed"
            return msgspec.structs.replace(mark, state=state, code=fact.code, order=known.orders, ended_at=at, result_seq=seq)
        case DoubtSettled() if mark.state == "doubt" and fact.happened:
            return msgspec.structs.replace(mark, state="done", changed=True, ended_at=at)
        case DoubtSettled() if mark.state == "doubt":
            return msgspec.structs.replace(mark, state="free", tried=False)
        case _:
            return None


def _intended(mark: Mark, fact: ActionIntended, seq: int, at: float) -> Mark | None:
    if fact.attempt != mark.attempt + 1 or mark.state in {"done", "doubt"}:
        return None  # another worker was first
    return msgspec.structs.replace(
        mark,
        state="intended",
        attempt=fact.attempt,
        worker=fact.worker,
        tried=True,
        seq=mark.seq if mark.tried else seq,
        intended_at=mark.intended_at or at,
        approval=fact.approval,
    )
