"""One live exchange, and all of them: what must be known to end one from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from typing import Final, Literal, Protocol

from bartizan.control import Context
from bartizan.errors import RefusedError
from bartizan.event import Spotlight, Tier, Timings, Trace, Verdict
from bartizan.gateway.answers import Receive
from bartizan.gateway.dialect import Request, Wire
from bartizan.gateway.limits import Reservation
from bartizan.identity import Principal
from bartizan.model import Response, Upstream

_RECHECK_S: Final = 0.5
"""How often live exchanges are held against the clock (keys and grants expire); changes by events are acted on at once."""

_PLAIN: Final = Spotlight()


class Cut(BaseException):
    """The exchange was ended from outside; a BaseException so that no handler of errors swallows it."""


class Exchange:
    """One request on its way. ``cut`` ends it from outside: the upstream socket is closed before anything else happens."""

    __slots__ = (
        "_interruptible",
        "_task",
        "_watcher",
        "account",
        "began",
        "case",
        "context",
        "cut_by",
        "cut_error",
        "delay_s",
        "ended",
        "features",
        "id",
        "marks",
        "notices",
        "principal",
        "redactions",
        "request",
        "rerouted",
        "reservation",
        "response",
        "spotlight",
        "started",
        "tier",
        "told",
        "trace",
        "upstream",
        "verdicts",
        "wire",
    )

    def __init__(
        self,
        *,
        began: float,
        principal: Principal,
        wire: Wire,
        request: Request,
        upstream: Upstream,
        context: Context,
        reservation: Reservation,
    ) -> None:
        self.id = context.exchange
        self.began = began
        self.principal = principal
        self.account = principal.account
        self.tier: Tier = context.tier
        self.wire = wire
        self.request = request
        self.upstream = upstream
        self.context = context
        self.reservation = reservation
        self.trace = Trace()
        """What links it to others, set once it is admitted."""
        self.verdicts: list[Verdict] = []
        self.notices: list[str] = []
        self.redactions = 0
        self.rerouted = ""
        """The safer model that answers instead."""
        self.spotlight = _PLAIN
        self.case = ""
        self.marks: dict[str, float] = {}
        self.features = request.features
        restraint = principal.restraint
        self.delay_s = restraint.delay_ms / 1000 if restraint is not None else 0.0
        self.told: tuple[tuple[bytes, bytes], ...] = ()
        """Headers of the answer that say which measure it is under."""
        if restraint is not None:
            self.told = ((b"x-bartizan-case", restraint.case.encode()),)
        self.response: Response | None = None
        self.started = False
        """The status line is out."""
        self.ended = False
        self.cut_by: Literal["", "cancelled", "revoked"] = ""
        self.cut_error: RefusedError | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._task = asyncio.current_task()
        self._interruptible = False

    def mark(self, name: str) -> None:
        """Remember when a phase was done, the first time."""
        if name not in self.marks:
            self.marks[name] = (time.perf_counter() - self.began) * 1000

    def timings(self) -> Timings:
        """Return the phases in milliseconds since the request was read."""
        return Timings(
            done_ms=_rounded((time.perf_counter() - self.began) * 1000), **{name: _rounded(ms) for name, ms in self.marks.items()}
        )

    def cut(self, by: Literal["cancelled", "revoked"], error: RefusedError | None = None) -> None:
        """End it: the client left, or may no longer be served. Does nothing once it has ended."""
        if self.ended or self.cut_by:
            return
        self.cut_by = by
        self.cut_error = error
        if self.response is not None:
            self.response.close()
        if self._interruptible and self._task is not None:
            self._task.cancel()

    def left(self) -> None:
        """The client's connection is gone."""
        self.cut("cancelled")

    def watch(self, receive: Receive) -> None:
        """Wait for the client to leave the way any ASGI server tells it; ours tells by ``left``."""
        self._watcher = asyncio.get_running_loop().create_task(self._wait(receive))

    def unwatch(self) -> None:
        """Stop waiting."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def _wait(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left()

    def interruptible(self, *, on: bool) -> None:
        """Allow ``cut`` to interrupt whatever is awaited; never while a record is being written. Raises Cut when it came meanwhile."""
        if on and self.cut_by:
            raise Cut
        self._interruptible = on

    def was_cut(self) -> bool:
        """Called on CancelledError: True when it was ``cut`` that cancelled us, and then the task goes on."""
        self._interruptible = False
        if not self.cut_by:
            return False
        if self._task is not None:
            self._task.uncancel()
        return True


def _rounded(ms: float) -> float:
    return int(ms * 1000 + 0.5) / 1000  # round() goes by way of decimal digits


class Rechecks(Protocol):
    """Says whether who was admitted would still be."""

    def recheck(self, principal: Principal, *, tier: Tier, at: float, features: Collection[str] = ()) -> None:
        """Raise RefusedError when not."""
        ...


class Live:
    """The exchanges that run now; cuts those whose principal lost what it was admitted by."""

    def __init__(self, directory: Rechecks) -> None:
        self._directory = directory
        self._all: dict[str, Exchange] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._pending = False

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._all.values())

    def add(self, exchange: Exchange) -> None:
        """Follow one more."""
        self._all[exchange.id] = exchange
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_RECHECK_S, self._tick)

    def discard(self, exchange: Exchange) -> None:
        """It ended."""
        self._all.pop(exchange.id, None)

    def recheck(self) -> None:
        """Hold every live exchange against the directory; called after every change of identity, and by the clock."""
        now = time.time()
        for exchange in tuple(self._all.values()):
            try:
                self._directory.recheck(exchange.principal, tier=exchange.tier, at=now, features=exchange.features)
            except RefusedError as error:
                exchange.cut("revoked", error)

    def recheck_soon(self) -> None:
        """Recheck once the events at hand are folded by everybody; outside of an event loop the clock does it."""
        if self._all and not self._pending:
            try:
                asyncio.get_running_loop().call_soon(self._recheck_now)
            except RuntimeError:
                return
            self._pending = True

    def _recheck_now(self) -> None:
        self._pending = False
        self.recheck()

    def close(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        if self._all:
            self.recheck()
            self._timer = asyncio.get_running_loop().call_later(_RECHECK_S, self._tick)
