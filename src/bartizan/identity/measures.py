"""Measures against accounts as identity sees them: which are in force at a time, and what they come to together.

Whether a measure is in force is a question to the clock, asked afresh each time; no event ends what merely expired.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import AccountStandingChanged, MeasureEnded, MeasureTaken, NoticeAcknowledged, Standing, Step

_STANDING: Final[dict[Step, Standing]] = {
    "notice": "warned",
    "friction": "warned",
    "throttle": "throttled",
    "suspend_feature": "throttled",
    "suspend_account": "suspended",
    "revoke_grant": "warned",
}
_ACKNOWLEDGED_S: Final = 12 * 3600.0
"""How long a fresh sign-in with the notice read answers a step-up."""
_CYBER: Final = "cyber"


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One measure as recorded; ``ended`` when it was lifted."""

    id: str
    case: str
    account: str
    step: Step
    at: float
    until: float
    category: str = ""
    features: tuple[str, ...] = ()
    delay_ms: int = 0
    safer_model: bool = False
    step_up: bool = False
    grants: tuple[str, ...] = ()
    ended: str = ""

    def is_live(self, at: float) -> bool:
        """Say whether it is in force at a time."""
        return not self.ended and (not self.until or at < self.until)

    @property
    def standing(self) -> Standing:
        """What it makes of the account's standing."""
        return _STANDING[self.step]


class Restraint(msgspec.Struct, frozen=True, kw_only=True):
    """What the live measures of an account come to short of suspension. ``case`` is that of the severest."""

    case: str
    category: str = ""
    features: tuple[str, ...] = ()
    delay_ms: int = 0
    safer_model: bool = False
    step_up: bool = False
    throttled: bool = False

    def check(self, features: Iterable[str]) -> None:
        """Raise RefusedError 403 ``step_up_required`` or ``feature_suspended``, naming the case."""
        if self.step_up:
            raise RefusedError(
                "confirm that you read the notice before you go on",
                code="step_up_required",
                status=403,
                hint=f"sign in afresh: bartizan account confirm {self.case}",
                case=self.case,
            )
        self.check_features(features)

    def check_features(self, features: Iterable[str]) -> None:
        """Raise RefusedError 403 ``feature_suspended`` if one of these is; for live streams too."""
        stopped = sorted(set(features) & set(self.features))
        if stopped:
            raise RefusedError(
                f"{stopped[0]} is suspended for this account", code="feature_suspended", status=403, param=stopped[0], case=self.case
            )

    def beside(self, other: Restraint | None) -> Restraint:
        """Return what this and another come to together."""
        if other is None:
            return self
        return Restraint(
            case=self.case,
            category=self.category,
            features=tuple(sorted({*self.features, *other.features})),
            delay_ms=max(self.delay_ms, other.delay_ms),
            safer_model=self.safer_model or other.safer_model,
            step_up=self.step_up or other.step_up,
            throttled=self.throttled or other.throttled,
        )


class Measures:
    """All measures by account. The first event of an id wins; an end without a beginning uses the id up."""

    def __init__(self) -> None:
        self.by_account: dict[str, dict[str, Measure]] = {}
        self._ended: dict[str, str] = {}
        self._acknowledged: dict[str, float] = {}

    def taken(self, fact: MeasureTaken, at: float) -> None:
        """Fold a measure."""
        held = self.by_account.setdefault(fact.account, {})
        if fact.measure in held:
            return
        held[fact.measure] = Measure(
            id=fact.measure,
            case=fact.case,
            account=fact.account,
            step=fact.step,
            at=at,
            until=fact.until,
            category=fact.category,
            features=fact.features,
            delay_ms=fact.delay_ms,
            safer_model=fact.safer_model,
            step_up=fact.step_up,
            grants=fact.grants,
            ended=self._ended.get(fact.measure, ""),
        )

    def lifted(self, fact: MeasureEnded) -> None:
        """Fold the end of a measure; the account must be its own."""
        held = self.by_account.get(fact.account, {})
        known = held.get(fact.measure)
        if known is None:
            self._ended.setdefault(fact.measure, fact.reason or "ended")
        elif not known.ended:
            held[fact.measure] = msgspec.structs.replace(known, ended=fact.reason or "ended")

    def restored(self, fact: AccountStandingChanged) -> None:
        """A person restored the account: every measure (of the case named, if one is) is over."""
        for known in list(self.by_account.get(fact.account, {}).values()):
            if not known.ended and fact.case in ("", known.case):
                self.by_account[fact.account][known.id] = msgspec.structs.replace(known, ended=fact.reason or "restored")

    def acknowledged(self, fact: NoticeAcknowledged, at: float) -> None:
        """Fold a confirmation."""
        self._acknowledged[fact.account] = max(at, self._acknowledged.get(fact.account, 0.0))

    def live(self, account: str, at: float) -> list[Measure]:
        """Return the measures in force, severest first."""
        found = [known for known in self.by_account.get(account, {}).values() if known.is_live(at)]
        return sorted(found, key=lambda known: (_RANK[known.step], known.at), reverse=True)

    def restraint(self, account: str, at: float) -> Restraint | None:
        """Return what the live measures come to, None where there are none."""
        live = self.live(account, at)
        if not live:
            return None
        asked = [known for known in live if known.step_up]
        confirmed = self._acknowledged.get(account)
        fresh = confirmed is not None and at < confirmed + _ACKNOWLEDGED_S and all(confirmed >= known.at for known in asked)
        return Restraint(
            case=live[0].case,
            category=live[0].category,
            features=tuple(sorted({feature for known in live for feature in known.features})),
            delay_ms=max(known.delay_ms for known in live),
            safer_model=any(known.safer_model for known in live),
            step_up=bool(asked) and not fresh,
            throttled=any(known.standing == "throttled" for known in live),
        )

    def changes_at(self, account: str, at: float) -> float:
        """Return when the answers for an account change by the clock alone; infinity for never."""
        ends = [known.until for known in self.live(account, at) if known.until]
        confirmed = self._acknowledged.get(account)
        if confirmed is not None and confirmed + _ACKNOWLEDGED_S > at:
            ends.append(confirmed + _ACKNOWLEDGED_S)
        return min(ends, default=float("inf"))

    def withheld(self, account: str, at: float) -> set[str]:
        """Return the grants that do not count now."""
        return {grant for known in self.live(account, at) for grant in known.grants}


_RANK: Final[dict[Step, int]] = {
    "notice": 0,
    "friction": 1,
    "revoke_grant": 2,
    "throttle": 3,
    "suspend_feature": 4,
    "suspend_account": 5,
}


def code_of(category: str) -> str:
    """Return the error code of a refusal for misuse: ``cyber_policy`` as OpenAI has it, ``usage_policy`` for what is not cyber."""
    return "cyber_policy" if category.startswith(_CYBER) else "usage_policy"
