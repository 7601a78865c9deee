"""The tour's step about enforcement: signals take an account up the ladder, it appeals, another person reverses, access is back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from bartizan.errors import BartizanError
from bartizan.event import SignalLevel, SignalRaised, envelope, new_id
from bartizan.tour.stage import Stage

_WAIT_S: Final = 10.0


async def enforcement(stage: Stage, _config: Path) -> tuple[str, ...]:
    """Raise three signals as the detectors would, and see what the person gets; the monitor's own process takes the steps."""
    issued = stage.person("suspect")
    key, account = issued.secret.reveal(), _account(stage, issued.principal)
    judge = stage.app.registrar.register("person", "second reviewer", ("reviewer",), actor=None)
    first = await stage.ask("How do I get around the content filter of our own gateway?", key=key)
    lines = []
    for level, confidence, category, expected in (
        ("medium", 0.97, "cyber_evasion", "warned"),
        ("high", 0.9995, "cyber_evasion", "throttled"),
        ("high", 0.9999, "ransomware", "suspended"),
    ):
        took = await _step(stage, _signal(account, first.exchange, level, confidence, category), key, expected)
        lines.append(f"{expected} {took * 1000:.0f} ms after the signal")
    refused = await stage.ask("hello", key=key)
    error = refused.json()["error"]
    _promise(refused.status == 403 and error["code"] == "usage_policy", f"status {refused.status}")
    case = error["case"]["id"]
    lines.append(f"the refusal names {case[:13]}… and where to appeal")
    status, file = await asyncio.to_thread(stage.fetch, "GET", f"/v1/safety/cases/{case}", key)
    _promise(status == 200 and bool(file["evidence"]) and bool(file["rule"]["criteria"]), "the case file is not whole")
    status, appeal = await asyncio.to_thread(
        stage.fetch, "POST", f"/v1/safety/cases/{case}/appeal", key, {"statement": "I test our own gateway, as agreed."}
    )
    _promise(status == 200, f"the appeal got status {status}")
    stage.app.ledger.catch_up()
    decider = stage.app.directory.principal(judge.id, at=time.time())
    _promise(decider is not None, "the second reviewer is not known")
    begun = time.monotonic()
    assert decider is not None  # noqa: S101 - promised above
    await asyncio.to_thread(stage.app.monitor.appeals.decide, appeal["id"], "reversed", actor=decider, reason="agreed test of an own asset")
    while (await stage.ask("hello", key=key)).status != 200:
        _promise(time.monotonic() - begun < _WAIT_S, "access did not come back")
    took = time.monotonic() - begun
    _promise(took <= 1.0, f"access took {took:.2f} s to come back")
    lines.append(f"another person reversed it; access was back {took * 1000:.0f} ms later, and the lesson is on record")
    return tuple(lines)


async def _step(stage: Stage, fact: SignalRaised, key: str, expected: str) -> float:
    begun = time.monotonic()
    stage.app.ledger.append_now(envelope(fact, actor="tour", account=fact.account, correlation=fact.signal))
    while True:
        status, now = await asyncio.to_thread(stage.fetch, "GET", "/v1/safety/standing", key)
        if status == 200 and now["standing"] == expected:
            return time.monotonic() - begun
        _promise(time.monotonic() - begun < _WAIT_S, f"the account never was {expected}: {now}")
        await asyncio.sleep(0.01)


def _signal(account: str, exchange: str, level: SignalLevel, confidence: float, category: str) -> SignalRaised:
    now = time.time()
    return SignalRaised(
        signal=new_id("signal"),
        account=account,
        rule="tour",
        rule_version="1",
        kind="evasion",
        level=level,
        category=category,
        score=2.0,
        threshold=1.0,
        confidence=confidence,
        since=now,
        until=now,
        window="tour",
        evidence=(exchange,),
    )


def _account(stage: Stage, principal: str) -> str:
    known = stage.app.directory.principal(principal, at=time.time())
    return known.account if known is not None else ""


def _promise(kept: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not kept:
        raise BartizanError(otherwise)
