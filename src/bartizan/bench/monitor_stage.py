"""What the monitor's benchmarks share: people, signals, traffic, and a caller of the gateway without a socket."""

from __future__ import annotations

import time

import msgspec

from bartizan.app.compose import App
from bartizan.event import ExchangeAdmitted, ExchangeCompleted, SignalLevel, SignalRaised, Tier, envelope, new_id
from bartizan.gateway import Gateway
from bartizan.ledger import Ledger


class Person(msgspec.Struct, frozen=True):
    """Somebody with a key."""

    principal: str
    account: str
    key: str


class Caller:
    """Asks a gateway as an ASGI server would."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def call(self, method: str, path: str, key: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send one request; returns status and body."""
        messages: list[dict[str, object]] = []
        headers = [(b"authorization", f"Bearer {key}".encode()), (b"content-length", str(len(body)).encode())]

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: object) -> None:
            messages.append(dict(message))  # type: ignore[call-overload]  # an ASGI message is a mapping

        await self._gateway({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
        return int(str(messages[0]["status"])), b"".join(bytes(m.get("body", b"")) for m in messages[1:])  # type: ignore[arg-type]  # bytes by ASGI


def people(app: App, name: str, *roles: str) -> Person:
    """Register a person and issue a key."""
    known = app.registrar.register("person", name, roles, actor=None)
    return Person(known.id, known.account, app.registrar.issue_key(known.id, actor=None).secret.reveal())


def signal(account: str, level: SignalLevel, confidence: float, category: str) -> SignalRaised:
    """Return a signal as the detectors raise it."""
    now = time.time()
    return SignalRaised(
        signal=new_id("signal"),
        account=account,
        rule="bench",
        rule_version="1",
        kind="account",
        level=level,
        category=category,
        score=2.0,
        threshold=1.0,
        confidence=confidence,
        since=now,
        until=now,
        window="bench",
        evidence=(new_id("ex"),),
    )


def traffic(ledger: Ledger, account: str, n: int, *, tier: Tier = Tier.PUBLIC, outcome: str = "answered", text: str = "") -> list[str]:
    """Record exchanges of one account with text of its own; returns their ids."""
    ids = [new_id("ex") for _ in range(n)]
    items = []
    for number, exchange in enumerate(ids):
        words = text or f"message {number} of {account}: please look at what I have written here about my own affairs"
        body = msgspec.json.encode({"messages": [{"role": "user", "content": words}]})
        begin = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=tier, key_id="k")
        end = ExchangeCompleted(
            outcome="blocked" if outcome == "blocked" else "answered", decision="block" if outcome == "blocked" else "allow"
        )
        items += [
            (envelope(begin, correlation=exchange, account=account), body),
            (envelope(end, correlation=exchange, account=account), b'{"choices": []}'),
        ]
    ledger.append_now(*items)
    return ids
