"""From verdicts to one score: the live scorer's log-odds, topic and category, and whether the exchange was stopped or disguised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from bartizan.event import ExchangeCompleted, Verdict
from bartizan.monitor.account import EventModel
from bartizan.monitor.nulls import Tail

QUIET: Final = -6.0
"""Log-odds of an exchange in which no control of content saw anything."""
_MOST: Final = 9.0
_CONTENT: Final = frozenset({"input", "model", "output"})
_NOT_MISUSE: Final = frozenset({"", "control_failure", "unknown_item", "media", "invalid_arguments", "secret", "personal_data"})
_SENSITIVE: Final = -2.0


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """One completed exchange as the monitor reads it."""

    score: float
    topic: int
    category: str
    stopped: bool
    disguised: bool


def live(fact: ExchangeCompleted) -> Live:
    """Read the verdicts of an exchange. A failing control says nothing about the person; nor does a finding that is no misuse."""
    seen = [verdict for verdict in fact.verdicts if verdict.layer in _CONTENT and verdict.category not in _NOT_MISUSE and not verdict.error]
    worst = max(seen, key=lambda verdict: verdict.score, default=None)
    score = QUIET if worst is None else log_odds(worst.score)
    return Live(
        score=score,
        topic=int(score > _SENSITIVE),
        category=worst.category[:64] if worst is not None else "",
        stopped=fact.outcome == "blocked" or fact.finish in {"refusal", "content_filter"} or _refused(fact.verdicts),
        disguised=any(verdict.views for verdict in seen),
    )


def log_odds(probability: float) -> float:
    """Return log-odds, at most nine either way; a number that is no probability counts as certain, since a rule without odds says 1."""
    if not math.isfinite(probability) or probability >= 1:
        return _MOST
    return max(-_MOST, min(_MOST, math.log(max(probability, 1e-9) / (1 - probability))))


def _refused(verdicts: Sequence[Verdict]) -> bool:
    return any(verdict.layer == "model" and verdict.category == "refusal" for verdict in verdicts)


def live_model(*, slope: float = 1.0) -> EventModel:
    """Return the model of harmless live scores: what a calibrated probability itself says, at a base rate of one in five hundred.

    A control's score of p is taken to be right in p of cases at even odds; so among harmless exchanges a score of log-odds x or more
    has a share of at most exp(-x) times the base rate, and a tenth of exchanges on a sensitive topic score above even odds.
    """
    at = tuple(float(step) for step in range(-6, 10))
    general = Tail(at=at, share=tuple(min(0.9, 0.004 * math.exp(-0.9 * value)) for value in at), decay=1.0)
    sensitive = Tail(at=at, share=tuple(min(0.9, 0.05 * math.exp(-0.9 * value)) for value in at), decay=1.0)
    return EventModel(general=general, sensitive=sensitive, slope=slope, centre=(3.0, 4.0))
