"""The live rules of one process: limits, thresholds by tier, and the operator's own rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from bartizan.event import Envelope, ExchangeAdmitted, Tier
from bartizan.monitor.account import EventModel, read
from bartizan.monitor.calibration import Calibration
from bartizan.monitor.live.expression import Compiled, Value
from bartizan.monitor.live.scores import Live, live_model
from bartizan.monitor.live.state import Finding, Limits, Watched
from bartizan.monitor.nulls import Tail, rarity

_LEVELS = {"low": 0.9, "medium": 0.99, "high": 0.999}


class Rulebook:
    """Everything a live judgement rests on; immutable."""

    def __init__(
        self,
        calibration: Calibration,
        *,
        own: Sequence[Compiled] = (),
        limits: Limits = Limits(),  # noqa: B008 - frozen
        model: EventModel | None = None,
    ) -> None:
        self.version = calibration.version
        self.model = model or live_model()
        self.limits = limits
        self.shares = calibration.shares
        self.tails: dict[str, Tail] = calibration.tails
        self.accounts: Mapping[Tier, float] = {tier: calibration.accounts[tier.value] for tier in Tier}
        self.campaign = calibration.campaigns
        self._own = tuple(own)

    def operator(self, watched: Watched, admitted: ExchangeAdmitted, reading: Live, entry: Envelope) -> list[Finding]:
        """Return the operator's rules that hold."""
        if not self._own:
            return []
        values = self.values(watched, admitted, reading, entry.at)
        return [
            Finding(
                rule=f"own_{compiled.rule.id}",
                kind="operator",
                score=1.0,
                threshold=1.0 - {"low": 0.0, "medium": 0.5, "high": 1.0}[compiled.rule.level],
                confidence=_LEVELS[compiled.rule.level],
                evidence=(entry.correlation,),
                scores=(reading.score,),
                accumulator=compiled.rule.why[:200] or compiled.rule.id,
            )
            for compiled in self._own
            if compiled.holds(values) is True
        ]

    def values(self, watched: Watched, admitted: ExchangeAdmitted, reading: Live, at: float) -> dict[str, Value]:
        """Return what an expression may name, for one exchange."""
        account = watched.account
        rarities = read(account, self.model, self.tails).rarities
        exchanges = account.general + account.sensitive
        hour = dt.datetime.fromtimestamp(at, tz=dt.UTC).hour if 0 <= at < 4e10 else 0
        return {
            "score": reading.score,
            "rarity": rarity(self.model.above(reading.score, reading.topic)),
            "category": reading.category,
            "sensitive": bool(reading.topic),
            "stopped": reading.stopped,
            "disguised": reading.disguised,
            "tier": admitted.tier.value,
            "model": admitted.model[:200],
            "tools": len(admitted.tools),
            "request_bytes": admitted.request_bytes,
            "hour": hour,
            "exchanges": exchanges,
            "sensitive_share": account.sensitive / exchanges if exchanges else 0.0,
            "stops_hour": sum(1 for stop in watched.stops if 0 <= at - stop.at <= self.limits.probing_s),
            **rarities,
        }
