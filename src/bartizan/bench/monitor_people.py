"""``bartizan bench monitor --entitlements | --erasure``: whether everybody is told the same, and whether what is erased is gone."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.app.compose import App
from bartizan.app.gateway import gateway_app
from bartizan.bench.monitor_stage import Caller, people, signal, traffic
from bartizan.config import LedgerSettings, Settings
from bartizan.errors import RefusedError
from bartizan.event import GrantGiven, Tier, envelope, new_id
from bartizan.identity import Directory
from bartizan.ledger import Ledger, erase_checked, verify

_WITHIN_S: Final = 1.0


class Entitlements(msgspec.Struct, frozen=True, kw_only=True):
    """Over random sequences: how often all four views said the same within a second, and how long it took them to."""

    sequences: int
    acts: int
    disagreed: int
    agreed_p50_ms: float
    agreed_p99_ms: float
    agreed_max_ms: float
    refusals_checked: int


def entitlements(*, sequences: int = 1000, seed: int = 1) -> Entitlements:
    """Grant, revoke, expire, suspend, appeal at random; after each act ask gateway, case API, console and command line."""
    return asyncio.run(_entitlements(sequences, seed))


async def _entitlements(sequences: int, seed: int) -> Entitlements:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        settings = Settings(ledger=LedgerSettings(linger_ms=0))
        gateway_side, writer, console = (App(data, settings, role=role) for role in ("gateway", "cli", "console"))
        gateway = gateway_app(gateway_side, gateway_side.upstreams())
        for app in (gateway_side, writer, console):
            app.begin()
        following = asyncio.get_running_loop().create_task(gateway_side.ledger.follow())
        try:
            return await _Sequences(gateway_side, writer, console, Caller(gateway), seed).run(sequences)
        finally:
            following.cancel()
            gateway.live.close()
            for app in (gateway_side, writer, console):
                app.close()


class _Sequences:
    """One person a sequence, of three to eight acts."""

    def __init__(self, gateway: App, writer: App, console: App, caller: Caller, seed: int) -> None:
        self._gateway, self._writer, self._console, self._caller = gateway, writer, console, caller
        self._chance = random.Random(seed)
        self._took: list[float] = []
        self._disagreed = 0
        self._refusals = 0

    async def run(self, sequences: int) -> Entitlements:
        judge = people(self._writer, "judge", "approver")
        acts = 0
        for number in range(sequences):
            person = people(self._writer, f"person {number}", "member")
            for _ in range(self._chance.randint(3, 8)):
                await asyncio.to_thread(self._act, person.principal, judge.principal)
                acts += 1
                await self._agree(person.principal, person.key)
        took = sorted(self._took)
        return Entitlements(
            sequences=sequences,
            acts=acts,
            disagreed=self._disagreed,
            agreed_p50_ms=round(statistics.median(took), 1),
            agreed_p99_ms=round(took[int(0.99 * (len(took) - 1))], 1),
            agreed_max_ms=round(took[-1], 1),
            refusals_checked=self._refusals,
        )

    def _act(self, principal: str, judge: str) -> None:
        app, now = self._writer, time.time()
        who = app.directory.principal(principal, at=now)
        assert who is not None  # noqa: S101 - it was registered just now
        match self._chance.choice(("grant", "grant", "end", "expire", "signal", "signal", "hand", "restore", "appeal")):
            case "grant":
                app.registrar.grant(_grant(principal, now + 3600), actor=None)
            case "expire":
                app.registrar.grant(_grant(principal, now + 0.05), actor=None)
            case "end" if app.directory.grants(principal):
                app.registrar.end_grant(app.directory.grants(principal)[0].id, actor=None, reason="bench")
            case "signal":
                level, confidence = self._chance.choice((("medium", 0.97), ("high", 0.9995)))
                category = self._chance.choice(("cyber_exploit", "ransomware"))
                app.ledger.append_now(envelope(signal(who.account, level, confidence, category), account=who.account))
                app.monitor.enforcer.settle()
            case "hand":
                app.registrar.set_standing(principal, self._chance.choice(("throttled", "suspended")), actor=None, reason="bench")
            case "restore":
                app.registrar.set_standing(principal, "good", actor=None, reason="bench")
            case "appeal":
                self._appeal(principal, judge)
            case _:
                pass

    def _appeal(self, principal: str, judge: str) -> None:
        app, now = self._writer, time.time()
        who, decider = app.directory.principal(principal, at=now), app.directory.principal(judge, at=now)
        cases = app.monitor.docket.cases(who.account) if who is not None else []
        if not cases or who is None or decider is None:
            return
        try:
            appeal = app.monitor.appeals.file(self._chance.choice(cases), "not so", actor=who)
            app.monitor.appeals.decide(appeal, self._chance.choice(("reversed", "upheld")), actor=decider, reason="bench")
        except RefusedError as error:
            if error.code not in {"appeal_decided", "case_decided"}:
                raise

    async def _agree(self, principal: str, key: str) -> None:
        begun = time.perf_counter()
        while True:
            self._console.ledger.catch_up()
            views = await self._views(principal, key)
            if len({repr(view) for view in views}) == 1:
                self._took.append((time.perf_counter() - begun) * 1000)
                return
            if time.perf_counter() - begun > _WITHIN_S:
                self._disagreed += 1
                self._took.append(_WITHIN_S * 1000)
                return
            await asyncio.sleep(0.005)

    async def _views(self, principal: str, key: str) -> list[tuple[str, str, bool]]:
        """Ask four ways: the gateway by a request, its case API, the console's fold and the command line's."""
        status, body = await self._caller.call("GET", "/v1/safety/standing", key)
        told = msgspec.json.decode(body) if status == 200 else {}
        refused, _ = await self._caller.call("GET", "/v1/models", key)
        self._refusals += refused == 403
        by_gateway = self._of(self._gateway.directory, principal)
        views = [self._of(app.directory, principal) for app in (self._console, self._writer)]
        if status == 200:
            views.append((told["standing"], told["tier"], told["standing"] not in {"suspended", "revoked"}))
        return [*views, by_gateway, (by_gateway[0], by_gateway[1], refused != 403)]

    @staticmethod
    def _of(directory: Directory, principal: str) -> tuple[str, str, bool]:
        now = time.time()
        who = directory.principal(principal, at=now)
        if who is None:
            return "unknown", "", False
        standing = directory.standing(who.account, at=now).standing
        return standing, directory.tier(who, requested=None, at=now).value, standing not in {"suspended", "revoked"}


def _grant(principal: str, until: float) -> GrantGiven:
    return GrantGiven(grant=new_id("grant"), principal=principal, tier=Tier.VERIFIED, purpose="bench", expires_at=until)


class Erasures(msgspec.Struct, frozen=True, kw_only=True):
    """``erase`` is one call with its receipt durable; ``sweep`` is looking through every store afterwards, which nobody waits for."""

    subjects: int
    entries: int
    erase_p50_ms: float
    erase_p99_ms: float
    erase_cpu_ms: float
    sweep_p50_ms: float
    found_anywhere: int
    keys_left: int
    proofs_verify: bool
    held: int
    held_blocked: int


def erasures(*, subjects: int = 100, each: int = 20, held: int = 20) -> Erasures:
    """Write texts of many accounts, hold some, erase all, verify the record offline."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        ledger = Ledger.open(data, role="bench")
        try:
            accounts = [f"account_{number:032x}" for number in range(subjects + held)]
            for account in accounts:
                traffic(ledger, account, each)
            for account in accounts[subjects:]:
                ledger.erasure.hold([account], reason="bench", approvals=("approval_1", "approval_2"))
            return _erase(ledger, data, accounts[:subjects], accounts[subjects:])
        finally:
            ledger.close()


def _erase(ledger: Ledger, data: Path, free: list[str], held: list[str]) -> Erasures:
    took, cpu, swept, found, left = [], [], [], 0, 0
    for number, account in enumerate(free):
        begun, used = time.perf_counter(), time.process_time()
        if number % 10:
            ledger.erasure.erase([account], reason="bench")
            took.append((time.perf_counter() - begun) * 1000)
            cpu.append((time.process_time() - used) * 1000)
            left += ledger.keys_of(account)
            continue
        receipt = erase_checked(ledger, account, reason="bench")
        swept.append((time.perf_counter() - begun) * 1000)
        found += sum(store.found for store in receipt.checked.stores)
        left += receipt.checked.keys_left
    blocked = sum(_is_held(ledger, account) for account in held)
    return Erasures(
        subjects=len(free),
        entries=ledger.size(),
        erase_p50_ms=round(statistics.median(took), 2),
        erase_p99_ms=round(sorted(took)[int(0.99 * (len(took) - 1))], 2),
        erase_cpu_ms=round(statistics.median(cpu), 2),
        sweep_p50_ms=round(statistics.median(swept), 1),
        found_anywhere=found,
        keys_left=left,
        proofs_verify=verify(data, log_key=ledger.signer.vkey).ok,
        held=len(held),
        held_blocked=blocked,
    )


def _is_held(ledger: Ledger, account: str) -> bool:
    try:
        ledger.erasure.erase([account], reason="bench")
    except RefusedError as error:
        return error.code == "held"
    return False


__all__: list[Any] = ["Entitlements", "Erasures", "entitlements", "erasures"]
