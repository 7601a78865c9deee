"""How far to go: a pure decision over what was done before and one new signal. The criteria are data that the person can read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from bartizan.event import SignalLevel, SignalRaised, Step

_DAY_S: Final = 86_400.0
_HOUR_S: Final = 3_600.0
_LEVELS: Final[dict[SignalLevel, int]] = {"low": 0, "medium": 1, "high": 2}


class Rung(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: what it takes, how long it lasts, what it does, what is said."""

    step: Step
    title: str
    says: str
    level: SignalLevel
    confidence: float
    pause_hours: float
    """How long after the step before; what was seen sooner does not count against who has hardly read the notice."""
    hours: float
    person: bool = False
    """A person decides it."""
    direct_level: SignalLevel = "high"
    direct_confidence: float = 2.0
    """A signal this sure goes here without the steps below; above 1 for never."""
    features: tuple[str, ...] = ()
    delay_ms: int = 0
    safer_model: bool = False
    step_up: bool = False


class Prohibited(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What suspends an account before a person has looked, and for how long."""

    categories: tuple[str, ...]
    confidence: float
    hours: float
    says: str

    @property
    def criteria(self) -> str:
        """What it takes, in a sentence."""
        return f"a signal of a prohibited category with confidence {self.confidence:g} or more; lasts {self.hours:g} h"


class Ladder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``ladder.toml``."""

    version: str
    memory_days: float
    never: tuple[str, ...]
    campaign_limit: Step
    links_that_prove_nothing: tuple[str, ...]
    prohibited: Prohibited
    rung: tuple[Rung, ...]

    def of(self, step: Step) -> Rung:
        """Return a step's rung."""
        return self.rung[self.rank(step)]

    def rank(self, step: Step) -> int:
        """Return how far up a step is, 0 for the first."""
        return self._ranks[step]

    @property
    def _ranks(self) -> Mapping[Step, int]:
        return {rung.step: number for number, rung in enumerate(self.rung)}


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was taken: when, until when, and whether an appeal or a person undid it."""

    step: Step
    at: float
    until: float
    undone: bool = False


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a signal calls for. ``person``: somebody has to decide it first."""

    rung: Rung
    hours: float
    person: bool
    why: str


def decide(ladder: Ladder, past: Sequence[Past], signal: SignalRaised, at: float) -> Wanted | None:
    """Return the step that a signal calls for, None for none. ``at`` is the record's time of the signal."""
    if not _counts(ladder, signal):
        return None
    since = at - ladder.memory_days * _DAY_S
    recent = sorted((each for each in past if not each.undone and each.at >= since), key=lambda each: each.at)
    held = max((ladder.rank(each.step) for each in recent), default=-1)
    if wanted := _prohibited(ladder, recent, signal, at):
        return wanted
    limit = ladder.rank(ladder.campaign_limit) if signal.members else len(ladder.rung) - 1
    jump = max((number for number, rung in enumerate(ladder.rung) if _direct(rung, signal)), default=-1)
    if held < jump <= limit:
        return _wanted(ladder.rung[jump], f"one signal of confidence {signal.confidence:g}")
    return _following(ladder.rung[held + 1], recent, signal, at) if held < limit else None


def _following(rung: Rung, recent: Sequence[Past], signal: SignalRaised, at: float) -> Wanted | None:
    """Return the next rung if a signal is enough for it, sure enough and about something done since the last step."""
    if _LEVELS[signal.level] < _LEVELS[rung.level] or signal.confidence < rung.confidence:
        return None
    if recent and (signal.until <= recent[-1].at or at < recent[-1].at + rung.pause_hours * _HOUR_S):
        return None
    return _wanted(rung, f"seen again after {recent[-1].step}" if recent else "seen for the first time")


def criteria(rung: Rung) -> str:
    """Say in a sentence what it takes."""
    parts = [f"a signal of level {rung.level} or more with confidence {rung.confidence:g} or more"]
    if rung.pause_hours:
        parts.append(f"about something done after the step before, at least {rung.pause_hours:g} h later")
    if rung.direct_confidence <= 1:
        parts.append(f"or at once with level {rung.direct_level} and confidence {rung.direct_confidence:g}")
    if rung.person:
        parts.append("and a person decides")
    lasts = f"lasts {rung.hours:g} h" if rung.hours else "lasts as long as the grants do"
    return f"{', '.join(parts)}; {lasts}"


@cache
def shipped() -> Ladder:
    """Return the shipped ladder."""
    text = resources.files("bartizan.monitor").joinpath("ladder.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Ladder)


def _counts(ladder: Ladder, signal: SignalRaised) -> bool:
    """Say whether a signal can take anybody further: never linkage, never the lowest level, never ties that prove nothing."""
    if signal.kind in ladder.never or signal.level == "low" or not signal.evidence:
        return False
    return not (signal.members and set(signal.links) <= set(ladder.links_that_prove_nothing))


def _direct(rung: Rung, signal: SignalRaised) -> bool:
    return signal.confidence >= rung.direct_confidence and _LEVELS[signal.level] >= _LEVELS[rung.direct_level]


def _prohibited(ladder: Ladder, recent: Sequence[Past], signal: SignalRaised, at: float) -> Wanted | None:
    rule = ladder.prohibited
    if signal.category not in rule.categories or signal.confidence < rule.confidence or signal.members:
        return None
    if any(each.step == "suspend_account" and (not each.until or at < each.until) for each in recent):
        return None
    return Wanted(
        rung=ladder.of("suspend_account"),
        hours=rule.hours,
        person=False,
        why=f"prohibited category {signal.category} with confidence {signal.confidence:g}",
    )


def _wanted(rung: Rung, why: str) -> Wanted:
    return Wanted(rung=rung, hours=rung.hours, person=rung.person, why=why)
