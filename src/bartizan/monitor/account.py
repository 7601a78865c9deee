"""One account's accumulators: several side by side, since none wins everywhere, in constant space.

``maximum`` and ``order`` ask how rare the largest scores are given how much of each topic the account asks (a defender asks a lot
about attacks, so one high score among many means less). ``mixture`` sums log-likelihood ratios of "some share of this account is
abuse"; ``cusum`` does so since the last time it looked harmless, for bursts; ``risk`` decays by the day. Each becomes a rarity
among harmless accounts, and the alert budget is split between them.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from bartizan.monitor.nulls import Tail, at_least, rarity
from bartizan.monitor.observed import Observed

KEPT: Final = 10
"""How many of the largest scores an account remembers."""
FORGET_S: Final = 60 * 86400.0
_HALF_LIFE_S: Final = 30 * 86400.0
_RISK_HALF_LIFE_S: Final = 2 * 86400.0
_RATES: Final = (0.03, 0.15)
_LLR_LEAST: Final = -4.0
_LLR_MOST: Final = 7.0

ACCUMULATORS: Final = ("maximum", "order", "mixture", "cusum", "risk")


class Kept(msgspec.Struct, array_like=True, gc=False):
    """One remembered exchange."""

    score: float
    at: float
    exchange: str
    topic: int


class Account(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """What is kept of one account; at most 4 KB as encoded."""

    seen: float = 0.0
    """UTC seconds of the newest exchange; time never runs backwards in here."""
    general: float = 0.0
    sensitive: float = 0.0
    """Exchanges by topic, decayed by 30 days."""
    top: list[Kept] = []
    mixtures: list[float] = msgspec.field(default_factory=lambda: [0.0, 0.0])
    cusum: float = 0.0
    cusum_most: float = 0.0
    risk: float = 0.0
    risk_most: float = 0.0


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an account's accumulators say: each one's rarity (-log10 of the share of harmless accounts), and the evidence."""

    rarities: dict[str, float]
    evidence: tuple[Kept, ...]


class EventModel(msgspec.Struct, frozen=True, kw_only=True):
    """Harmless scores by topic, and the log-likelihood ratio of a score: ``slope * (score - centre)``, limited on both sides."""

    general: Tail
    sensitive: Tail
    slope: float
    centre: tuple[float, float]

    def ratio(self, score: float, topic: int) -> float:
        """Return how much more likely a score is under abuse, in natural log."""
        return min(_LLR_MOST, max(_LLR_LEAST, self.slope * (score - self.centre[topic])))

    def above(self, score: float, topic: int) -> float:
        """Return the share of harmless exchanges on a topic that score as high."""
        return (self.sensitive if topic else self.general).above(score)


def take(account: Account, item: Observed, model: EventModel) -> None:
    """Take in one exchange. A score that is no number counts as nothing; a time before the newest counts as the newest."""
    score = item.score if math.isfinite(item.score) else 0.0
    at = max(item.at, account.seen) if math.isfinite(item.at) else account.seen
    _age(account, at)
    topic = 1 if item.topic else 0
    if topic:
        account.sensitive += 1.0
    else:
        account.general += 1.0
    ratio = model.ratio(score, topic)
    odds = math.exp(ratio)
    for place, rate in enumerate(_RATES):
        account.mixtures[place] += math.log1p(rate * (odds - 1.0))
    account.cusum = max(0.0, account.cusum + math.log1p(_RATES[1] * (odds - 1.0)))
    account.cusum_most = max(account.cusum_most, account.cusum)
    account.risk += max(0.0, ratio)
    account.risk_most = max(account.risk_most, account.risk)
    _keep(account, Kept(score, at, item.exchange, topic))


def read(account: Account, model: EventModel, tails: dict[str, Tail]) -> Reading:
    """Return what the accumulators say now; without tails, raw values stand for rarities (calibration)."""
    expected = [account.general * model.above(kept.score, 0) + account.sensitive * model.above(kept.score, 1) for kept in account.top]
    orders = [rarity(at_least(number, mean)) for number, mean in enumerate(expected, start=1)]
    # Dividing by how often a harmless account shows such a value corrects for trying every order; ``tails`` knows it.
    raw = {
        "maximum": orders[0] if orders else 0.0,
        "order": max(orders[1:], default=0.0),
        "mixture": max(account.mixtures),
        "cusum": account.cusum_most,
        "risk": account.risk_most,
    }
    if tails:
        raw = {name: rarity(tails[name].above(value)) for name, value in raw.items()}
    best = max(range(len(orders)), key=orders.__getitem__, default=0)
    return Reading(rarities=raw, evidence=tuple(account.top[: best + 1]))


def _age(account: Account, at: float) -> None:
    passed = at - account.seen
    if account.seen and passed > 0:
        fade = 0.5 ** (passed / _HALF_LIFE_S)
        account.general *= fade
        account.sensitive *= fade
        account.mixtures = [value * fade for value in account.mixtures]
        account.cusum_most *= fade
        faded = 0.5 ** (passed / _RISK_HALF_LIFE_S)
        account.risk *= faded
        account.risk_most *= fade
        if account.top and at - min(kept.at for kept in account.top) > FORGET_S:
            account.top = [kept for kept in account.top if at - kept.at <= FORGET_S]
    account.seen = at


def _keep(account: Account, kept: Kept) -> None:
    top = account.top
    if len(top) == KEPT and kept.score <= top[-1].score:
        return
    place = next((number for number, other in enumerate(top) if kept.score > other.score), len(top))
    top.insert(place, kept)
    del top[KEPT:]
