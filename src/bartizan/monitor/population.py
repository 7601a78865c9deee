"""A whole population of accounts read from rows: states, readings, what links them, and one score for each.

Nothing here looks at how often a text recurs: each account is read by itself, and accounts meet only through networks they share
and the wording of their own most telling request.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bartizan.monitor.account import Account, EventModel, Kept, Reading, read, take
from bartizan.monitor.calibration import SUPPORT, Calibration
from bartizan.monitor.campaign import Campaign, Candidate, campaigns, combined, support
from bartizan.monitor.nulls import Tail
from bartizan.monitor.observed import Observed
from bartizan.monitor.text import Heads, features

_CANDIDATE: Final = 0.8
"""An account enters linkage when at most about one harmless account in six has such a request."""
_CACHED: Final = 200_000


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of an account stream, scored."""

    row: int
    account: str
    at: float
    network: str
    text: str
    score: float
    topic: int


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """One account's score with its evidence."""

    account: str
    score: float
    reading: Reading
    case: tuple[int, ...]
    added: float = 0.0


class Scorer:
    """Scores texts, each different one once."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads
        self._known: dict[str, tuple[float, int]] = {}

    def of(self, text: str) -> tuple[float, int]:
        """Return log-odds of operational harm, and 1 for a sensitive topic."""
        known = self._known.get(text)
        if known is None:
            scores = self.heads.score(text)
            known = (scores["request"], int(scores["topic"] > 0))
            if len(self._known) < _CACHED:
                self._known[text] = known
        return known


def events_of(rows: Iterable[Mapping[str, Any]], scorer: Scorer) -> list[Event]:
    """Score rows of account streams; a row without an account or text counts for the account ``""`` or as empty text."""
    found = []
    for number, row in enumerate(rows):
        text = str(row.get("text") or "")
        score, topic = scorer.of(text)
        found.append(
            Event(
                row=number,
                account=str(row.get("account") or ""),
                at=_seconds(row.get("t")),
                network=str(row.get("net") or ""),
                text=text,
                score=score,
                topic=topic,
            )
        )
    return found


def by_account(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Group events, each account's in order of time."""
    found: dict[str, list[Event]] = {}
    for item in events:
        found.setdefault(item.account, []).append(item)
    for items in found.values():
        items.sort(key=lambda item: item.at)
    return found


def states(grouped: Mapping[str, Sequence[Event]], model: EventModel) -> dict[str, Account]:
    """Fold each account's events."""
    found: dict[str, Account] = {}
    for account, items in grouped.items():
        state = found[account] = Account()
        for item in items:
            # Times of a stream may start at 0, which an account reads as "never seen".
            take(
                state,
                Observed(account=account, at=item.at + 1.0, exchange=str(item.row), score=item.score, topic=item.topic),
                model,
            )
    return found


def own_score(reading: Reading, shares: Mapping[str, float]) -> float:
    """Return the largest rarity once each accumulator has paid for its share of the alert budget."""
    return max(value + math.log10(shares[name]) for name, value in reading.rarities.items() if shares.get(name))


def score_accounts(
    grouped: Mapping[str, Sequence[Event]], model: EventModel, tails: dict[str, Tail], shares: Mapping[str, float]
) -> tuple[list[Scored], list[Campaign]]:
    """Score every account, with what its networks add, and group campaigns."""
    folded = states(grouped, model)
    readings = {account: read(state, model, tails) for account, state in folded.items()}
    own = {account: own_score(reading, shares) for account, reading in readings.items()}
    crowds: dict[str, set[str]] = {}
    for account, items in grouped.items():
        for item in items:
            if item.network:
                crowds.setdefault(item.network, set()).add(account)
    sizes = {network: len(members) for network, members in crowds.items()}
    candidates = [
        _candidate(account, items, readings[account].rarities["maximum"], folded[account].top)
        for account, items in grouped.items()
        if readings[account].rarities["maximum"] >= _CANDIDATE
    ]
    added = support(candidates, sizes)
    scored = [
        Scored(
            account=account,
            score=combined(own[account], added.get(account, 0.0), rarest=readings[account].rarities["maximum"], share=SUPPORT),
            reading=readings[account],
            case=tuple(int(kept.exchange) for kept in readings[account].evidence),
            added=added.get(account, 0.0),
        )
        for account in grouped
    ]
    return scored, campaigns(candidates, sizes)


def _candidate(account: str, items: Sequence[Event], rarity: float, top: Sequence[Kept]) -> Candidate:
    row = int(top[0].exchange)
    best = next(item for item in items if item.row == row)
    buckets, weights = features(best.text)
    networks = frozenset(item.network for item in items if item.network)
    return Candidate(account=account, rarity=rarity, networks=networks, at=best.at, buckets=buckets, weights=weights)


def calibrated(grouped: Mapping[str, Sequence[Event]], calibration: Calibration) -> tuple[list[Scored], list[Campaign]]:
    """Score accounts under a calibration."""
    return score_accounts(grouped, calibration.events, calibration.tails, calibration.shares)


def _seconds(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever else it is raises
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0
