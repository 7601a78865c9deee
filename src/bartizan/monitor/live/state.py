"""What is kept of a live account and conversation beyond the accumulators, and the rules that look at it. Pure; no clock, no store."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final

import msgspec

from bartizan.event import Tier
from bartizan.monitor.account import Account

RING: Final = 8
"""Stopped exchanges an account remembers, for probing and retries."""
_TURNS: Final = 12


class Stop(msgspec.Struct, array_like=True, gc=False):
    """One exchange that was stopped."""

    at: float
    exchange: str
    sketch: str
    disguised: bool
    score: float


class Watched(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One live account."""

    account: Account = msgspec.field(default_factory=Account)
    stops: list[Stop] = []
    hours: list[int] = msgspec.field(default_factory=lambda: [0] * 24)
    """Exchanges by hour of the day (UTC), while at a raised tier."""
    raised: list[str] = []
    """Signals of this month, so that the month's rule does not fire again before its fact is folded."""
    month: str = ""
    devices: list[str] = []
    networks: list[str] = []


class Turned(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One live conversation: the rarity of each of its newest turns, and what was stopped."""

    account: str = ""
    rarities: list[float] = []
    exchanges: list[str] = []
    stopped: list[bool] = []
    sketches: list[str] = []
    at: float = 0.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fired, before it is a signal."""

    rule: str
    kind: str
    score: float
    threshold: float
    confidence: float
    evidence: tuple[str, ...]
    scores: tuple[float, ...]
    accumulator: str
    conversation: str = ""
    members: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Counts at which the live rules fire. Plain counts: what is rare is told by the accumulators."""

    probing: int = 5
    probing_s: float = 3600.0
    retries: int = 3
    disguised: int = 3
    escalation: float = 2.0
    """Rarity (-log10) of the last turns of a conversation that began harmless."""
    unusual_hour: float = 0.005
    hours_least: int = 200


def month_of(at: float) -> str:
    """Return the UTC month in which a budget counts; a time that is no date counts in the first."""
    try:
        return dt.datetime.fromtimestamp(at, tz=dt.UTC).strftime("%Y-%m")
    except (OverflowError, OSError, ValueError):
        return "1970-01"


def alike(first: str, second: str) -> int:
    """Return how many of the four parts two sketches share."""
    parts = {first[at : at + 4] for at in range(0, len(first), 4)}
    return len(parts & {second[at : at + 4] for at in range(0, len(second), 4)})


def stopped(watched: Watched, stop: Stop, limits: Limits) -> list[Finding]:
    """Take in a stopped exchange; return probing (many different), retries (one thing said again) and disguises."""
    watched.stops = [*watched.stops, stop][-RING:]
    recent = [item for item in watched.stops if 0 <= stop.at - item.at <= limits.probing_s]
    findings = []
    different = [item for number, item in enumerate(recent) if all(alike(item.sketch, other.sketch) < 2 for other in recent[:number])]
    again = [item for item in recent if item.sketch and alike(item.sketch, stop.sketch) >= 2]
    hidden = [item for item in recent if item.disguised]
    for rule, kind, items, limit in (
        ("refusal_probing", "probing", different, limits.probing),
        ("retry_after_block", "evasion", again, limits.retries),
        ("disguised_retries", "evasion", hidden, limits.disguised),
    ):
        if len(items) >= limit:
            findings.append(_counted(rule, kind, items, limit))
    return findings


def turned(talk: Turned, limits: Limits, conversation: str) -> list[Finding]:
    """Return an escalation: a conversation that began harmless and whose newest turns are rare, or that went on after a stop."""
    rarities = talk.rarities
    if len(rarities) < 3:
        return []
    head, rest = rarities[: max(1, len(rarities) // 2)], rarities[max(1, len(rarities) // 2) :]
    calm, worst = max(head), max(rest)
    asked_again = sum(1 for number, flag in enumerate(talk.stopped[:-1]) if flag and rarities[number + 1] >= 1.0)
    score = worst + 0.5 * min(asked_again, 3)
    if score < limits.escalation or (calm >= 1.0 and not asked_again):
        return []
    return [
        Finding(
            rule="escalation",
            kind="conversation",
            score=score,
            threshold=limits.escalation,
            confidence=1 - 10.0 ** -min(score, 6.0),
            evidence=tuple(talk.exchanges),
            scores=tuple(rarities),
            accumulator="rarity by turn",
            conversation=conversation,
        )
    ]


def add_turn(talk: Turned, *, at: float, exchange: str, rarity: float, was_stopped: bool, sketch: str) -> None:
    """Take in one exchange of a conversation; only the newest dozen stay."""
    talk.rarities = [*talk.rarities, rarity][-_TURNS:]
    talk.exchanges = [*talk.exchanges, exchange][-_TURNS:]
    talk.stopped = [*talk.stopped, was_stopped][-_TURNS:]
    talk.sketches = [*talk.sketches, sketch][-_TURNS:]
    talk.at = max(talk.at, at)


def hour_of(watched: Watched, at: float, exchange: str, tier: Tier, limits: Limits) -> list[Finding]:
    """Return whether a raised tier is used at an hour at which this account hardly ever used it."""
    if tier < Tier.TRUSTED or not math.isfinite(at):
        return []
    hour = int(at // 3600) % 24
    total = sum(watched.hours)
    near = sum(watched.hours[(hour + step) % 24] for step in (-1, 0, 1))
    watched.hours[hour] += 1
    share = (near + 1) / (total + 24)
    if total < limits.hours_least or share >= limits.unusual_hour:
        return []
    return [
        Finding(
            rule="unusual_hour",
            kind="insider",
            score=-math.log10(share),
            threshold=-math.log10(limits.unusual_hour),
            confidence=1 - share,
            evidence=(exchange,),
            scores=(share,),
            accumulator="share of use within an hour of this time",
        )
    ]


def _counted(rule: str, kind: str, items: Sequence[Stop], limit: int) -> Finding:
    return Finding(
        rule=rule,
        kind=kind,
        score=float(len(items)),
        threshold=float(limit),
        confidence=1 - 0.5 ** (len(items) - limit + 1),
        evidence=tuple(item.exchange for item in items),
        scores=tuple(item.score for item in items),
        accumulator="stopped exchanges in an hour",
    )
