"""``bartizan bench identity``: what knowing the caller costs, and how soon a revocation by another process is felt."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import GrantGiven, Tier
from bartizan.identity import Directory, IssuedKey, Registrar
from bartizan.ledger import Ledger

_BATCH = 5000


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """CPU microseconds (median over rounds), and milliseconds from the call of ``revoke`` to the first refusal elsewhere."""

    authenticate_us: float
    authenticate_agent_us: float
    tier_us: float
    recheck_us: float
    revocations: int
    revoked_p50_ms: float
    revoked_p99_ms: float
    revoked_max_ms: float


def run(*, revocations: int = 100, rounds: int = 9) -> Report:
    """Measure on a ledger in a temporary directory, held twice as by a gateway and a command."""
    with tempfile.TemporaryDirectory() as directory:
        gateway, cli = (Ledger.open(Path(directory) / "data", role=role) for role in ("gateway", "cli"))
        try:
            return _measure(gateway, Directory(gateway), Registrar(cli, Directory(cli)), revocations, rounds)
        finally:
            gateway.close()
            cli.close()


def _measure(ledger: Ledger, directory: Directory, registrar: Registrar, revocations: int, rounds: int) -> Report:
    first = registrar.bootstrap("Ada")
    now = time.time()
    registrar.grant(
        GrantGiven(grant="g", principal=first.principal, tier=Tier.VERIFIED, purpose="bench", expires_at=now + 3600), actor=None
    )
    agent = registrar.register("agent", "helper", ["member"], actor=None, on_behalf_of=first.principal)
    person_key = first.secret.reveal()
    agent_key = registrar.issue_key(agent.id, actor=None).secret.reveal()
    keys = [registrar.issue_key(first.principal, actor=None) for _ in range(revocations)]
    ledger.catch_up()
    person = directory.authenticate(person_key, at=now)
    figures = {
        "authenticate_us": _cpu_us(lambda: directory.authenticate(person_key, at=now), rounds),
        "authenticate_agent_us": _cpu_us(lambda: directory.authenticate(agent_key, at=now), rounds),
        "tier_us": _cpu_us(lambda: directory.tier(person, requested=None, at=now), rounds),
        "recheck_us": _cpu_us(lambda: directory.recheck(person, tier=Tier.VERIFIED, at=now), rounds),
    }
    felt = sorted(asyncio.run(_revoke(ledger, directory, registrar, keys)))
    return Report(
        **figures,
        revocations=revocations,
        revoked_p50_ms=round(statistics.median(felt), 1),
        revoked_p99_ms=round(felt[min(len(felt) - 1, len(felt) * 99 // 100)], 1),
        revoked_max_ms=round(felt[-1], 1),
    )


async def _revoke(ledger: Ledger, directory: Directory, registrar: Registrar, keys: list[IssuedKey]) -> list[float]:
    felt = []
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(ledger.follow())
        for key in keys:
            begun = time.perf_counter()
            await asyncio.to_thread(registrar.revoke, key.key_id, actor=None, reason="bench")
            while _works(directory, key):  # noqa: ASYNC110 - the delay of a poll is what is measured
                await asyncio.sleep(0.001)
            felt.append((time.perf_counter() - begun) * 1000)
        following.cancel()
    return felt


def _works(directory: Directory, key: IssuedKey) -> bool:
    try:
        directory.authenticate(key.secret.reveal(), at=time.time())
    except RefusedError:
        return False
    return True


def _cpu_us(once: Callable[[], object], rounds: int) -> float:
    costs = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(_BATCH):
            once()
        costs.append((time.process_time() - begun) / _BATCH * 1e6)
    return round(statistics.median(costs), 2)
