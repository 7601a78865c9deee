"""Writing exchanges down: two facts each, and one for every request that never became an exchange."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from bartizan.errors import RefusedError
from bartizan.event import (
    ACTIONS,
    Action,
    Envelope,
    ExchangeAdmitted,
    ExchangeCompleted,
    Outcome,
    RequestRefused,
    Verdict,
)
from bartizan.gateway.dialect import Tokens
from bartizan.gateway.exchange import Exchange
from bartizan.identity import Principal

_ENDS: Final = frozenset({"safe_completion", "hold"})
_REFUSED_BYTES = 1024
"""How much of a refused request is kept."""


class Ledger(Protocol):
    """What the gateway needs of the ledger."""

    async def append(self, envelope: Envelope, content: bytes | None = None) -> int:
        """Append; durable when it returns. Raises StoreError."""
        ...

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...

    def pseudonym(self, kind: str, name: str) -> str:
        """Return the stable keyed pseudonym of a name."""
        ...


class Ending:
    """How an exchange ended, gathered on the way."""

    __slots__ = ("answer", "code", "finish", "held", "outcome", "released", "status", "tokens", "used", "verdict")

    def __init__(self) -> None:
        self.outcome: Outcome = "answered"
        self.code = ""
        self.status = 200
        self.verdict: Verdict | None = None
        self.tokens = Tokens()
        self.finish = ""
        self.released = 0
        self.held = 0
        self.answer: list[bytes] = []
        self.used = 0
        """Tokens to charge: as the server says, else estimated; 0 until it was sent anything."""


class Recorder:
    """Appends to the ledger; every method returns when the fact is durable, and raises StoreError when it can't be."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def admitted(self, exchange: Exchange, body: bytes, policy: str) -> str:
        """Record that a request may go upstream; returns the event's id."""
        principal, request = exchange.principal, exchange.request
        fact = ExchangeAdmitted(
            dialect=exchange.wire.name,
            model=request.model,
            upstream=exchange.upstream.name,
            tier=exchange.tier,
            key_id=principal.key_id,
            on_behalf_of=principal.on_behalf_of.id if principal.on_behalf_of is not None else "",
            stream=request.stream,
            choices=request.choices,
            tools=tuple(request.tools),
            segments=len(request.segments),
            request_bytes=len(body),
            policy=policy,
            trace=exchange.trace,
        )
        entry = _envelope(fact, principal, exchange.id, "a")
        await self._ledger.append(entry, body)
        return entry.id

    async def completed(self, exchange: Exchange, ending: Ending) -> None:
        """Record how an exchange ended, with every verdict."""
        fact = ExchangeCompleted(
            outcome=ending.outcome,
            decision=_decision(exchange.verdicts, ending),
            layer=ending.verdict.layer if ending.verdict is not None else "",
            control=ending.verdict.control if ending.verdict is not None else "",
            reason=ending.code,
            status=ending.status,
            verdicts=tuple(exchange.verdicts),
            timings=exchange.timings(),
            input_tokens=ending.tokens.input,
            output_tokens=ending.tokens.output,
            finish=ending.finish[:64],
            released_bytes=ending.released,
            held_bytes=ending.held,
            redactions=exchange.redactions,
            rerouted=exchange.rerouted,
            case=exchange.case,
            spotlight=exchange.spotlight,
        )
        await self._ledger.append(_envelope(fact, exchange.principal, exchange.id, "c"), b"".join(ending.answer))

    async def refused(
        self, error: RefusedError, *, exchange_id: str, path: str, dialect: str, body: bytes, principal: Principal | None
    ) -> None:
        """Record a request that never became an exchange."""
        fact = RequestRefused(
            code=error.code,
            status=error.status,
            path=path[:200],
            dialect=dialect,
            detail=error.param,
            key_id=principal.key_id if principal is not None else "",
            request_bytes=len(body),
        )
        await self._ledger.append(_envelope(fact, principal, exchange_id, "r"), bytes(body[:_REFUSED_BYTES]))


def _envelope(
    fact: ExchangeAdmitted | ExchangeCompleted | RequestRefused, principal: Principal | None, exchange_id: str, which: str
) -> Envelope:
    return Envelope(
        id=f"ev_{exchange_id[3:]}{which}",  # unique as the exchange is; one draw from the kernel a request instead of three
        at=time.time(),
        tenant=principal.tenant if principal is not None else "default",
        actor=principal.id if principal is not None else "anonymous",
        account=principal.account if principal is not None else "",
        correlation=exchange_id,
        causation="",
        body=fact,
    )


def _decision(verdicts: Iterable[Verdict], ending: Ending) -> Action:
    if ending.outcome in {"blocked", "held", "revoked"}:
        return ending.verdict.would if ending.verdict is not None and ending.verdict.would in _ENDS else "block"
    acted = (
        verdict.would
        for verdict in verdicts
        if verdict.would != "allow" and verdict.mode == "enforce" and verdict.would not in {"block", "hold"}
    )
    return max(acted, key=ACTIONS.index, default="allow")
