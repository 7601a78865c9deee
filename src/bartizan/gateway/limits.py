"""What an account may use at its tier: requests a minute, requests at once, tokens a minute; in this process, exact on refund."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from bartizan.config import LimitSettings
from bartizan.errors import RefusedError
from bartizan.event import Tier

_KEPT: Final = 10_000
_THROTTLED: Final = 0.1
"""The share of its limits that an account in standing ``throttled`` keeps."""
_DEFAULT: Final = LimitSettings()


class _Bucket:
    """Refills evenly and holds one minute's worth."""

    __slots__ = ("at", "level", "size")

    def __init__(self, size: float, at: float) -> None:
        self.size = size
        self.level = size
        self.at = at

    def refill(self, size: float, at: float) -> None:
        self.level = min(size, self.level + (at - self.at) * size / 60.0 + max(0.0, size - self.size))
        self.size = size
        self.at = at

    def wait_s(self, amount: float) -> float:
        return max(0.0, (amount - self.level) * 60.0 / self.size)


class _Usage:
    __slots__ = ("requests", "running", "tokens")

    def __init__(self, at: float) -> None:
        self.requests = _Bucket(0.0, at)
        self.tokens = _Bucket(0.0, at)
        self.running = 0


class Reservation:
    """What one request holds of its account's budget until it is settled, once."""

    __slots__ = ("_limits", "_open", "_usage", "tokens")

    def __init__(self, limits: Limits, usage: _Usage, tokens: int) -> None:
        self._limits = limits
        self._usage = usage
        self._open = True
        self.tokens = tokens

    def settle(self, used: int) -> None:
        """Give back what was reserved and not used; what was used beyond it is taken, even into debt."""
        if self._open:
            self._open = False
            self._limits.release(self._usage, self.tokens - used)


class Limits:
    """Token buckets by account and tier. Nothing here waits: over a limit is a refusal that says when to come back."""

    def __init__(self, tiers: Mapping[Tier, LimitSettings], *, max_concurrency: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._tiers = tiers
        self._max = max_concurrency
        self._clock = clock
        self._running = 0
        self._usage: dict[tuple[str, Tier], _Usage] = {}

    @property
    def running(self) -> int:
        """How many requests hold a reservation."""
        return self._running

    def reserve(self, account: str, tier: Tier, *, tokens: int, throttled: bool = False) -> Reservation:
        """Take one request and its likely tokens from the budget; raises RefusedError 429, or 503 when the gateway itself is full."""
        if self._running >= self._max:
            raise RefusedError("the gateway is full", code="gateway_full", status=503, retry_after_s=1.0, hint="try again in a second")
        now = self._clock()
        usage = self._of(account, tier, now)
        limit = self._tiers.get(tier, _DEFAULT)
        share = _THROTTLED if throttled else 1.0
        if limit.concurrent and usage.running >= max(1, limit.concurrent * share):
            raise _over("too many requests at once", "concurrency_limit", 1.0)
        if limit.requests_per_minute:
            usage.requests.refill(limit.requests_per_minute * share, now)
            if wait := usage.requests.wait_s(1.0):
                raise _over("too many requests a minute", "rate_limit", wait)
        if limit.tokens_per_minute:
            size = limit.tokens_per_minute * share
            usage.tokens.refill(size, now)
            # Who asks for more than a minute's worth waits for a full bucket, not forever.
            if wait := usage.tokens.wait_s(min(float(tokens), size)):
                raise _over("too many tokens a minute", "token_limit", wait)
        usage.requests.level -= 1.0 if limit.requests_per_minute else 0.0
        usage.tokens.level -= tokens if limit.tokens_per_minute else 0.0
        usage.running += 1
        self._running += 1
        return Reservation(self, usage, tokens)

    def release(self, usage: _Usage, back: int) -> None:
        """Take back what a reservation did not use."""
        usage.running -= 1
        self._running -= 1
        usage.tokens.level = min(usage.tokens.size, usage.tokens.level + back)

    def _of(self, account: str, tier: Tier, now: float) -> _Usage:
        usage = self._usage.get((account, tier))
        if usage is None:
            if len(self._usage) >= _KEPT:
                # A minute at rest refills everything, so forgetting it changes nothing.
                self._usage = {key: each for key, each in self._usage.items() if each.running or now - each.requests.at < 60.0}
            usage = self._usage[account, tier] = _Usage(now)
        return usage


def _over(message: str, code: str, wait_s: float) -> RefusedError:
    return RefusedError(message, code=code, status=429, retry_after_s=wait_s, hint="slow down, or ask for a higher tier")
