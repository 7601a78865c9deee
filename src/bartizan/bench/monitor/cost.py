"""What the monitor costs: CPU per exchange through the live fold, and bytes of state an account, at many accounts."""

from __future__ import annotations

import random
import statistics
import time
from typing import Final, cast

import msgspec
import sqlalchemy as sa

from bartizan.event import Envelope, Event, ExchangeAdmitted, ExchangeCompleted, Tier, Trace, Verdict, envelope
from bartizan.monitor.calibration import load
from bartizan.monitor.live.fold import fold
from bartizan.monitor.live.rules import Rulebook
from bartizan.monitor.live.tables import ACCOUNTS, METADATA

_BEGUN: Final = 1_790_000_000.0
_GROWN: Final = 300
_PRELOAD: Final = 5000


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over rounds; an exchange is its two facts."""

    accounts: int
    exchange_us: float
    exchange_worst_round_us: float
    state_bytes_mean: float
    state_bytes_most: int


def cost(accounts: int = 100_000, *, rounds: int = 7, batch: int = 500) -> Cost:
    """Grow states to their full size, spread them over that many accounts, and fold batches of exchanges of random ones."""
    draw = random.Random(3)
    book = Rulebook(load())
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        METADATA.create_all(connection)
        for number in range(20):
            fold(connection, _exchanges(draw, [f"grown{number}"] * _GROWN, number * _GROWN), book)
        grown = [bytes(row.state) for row in connection.execute(sa.select(ACCOUNTS.c.state))]
        for begun in range(0, accounts, _PRELOAD):
            rows = [{"account": f"a{number}", "state": grown[number % len(grown)]} for number in range(begun, begun + _PRELOAD)]
            connection.execute(sa.insert(ACCOUNTS), rows)
        took = []
        for number in range(rounds):
            facts = _exchanges(draw, [f"a{draw.randrange(accounts)}" for _ in range(batch)], 10_000 + number * batch)
            begun_s = time.process_time()
            fold(connection, facts, book)
            took.append((time.process_time() - begun_s) / batch * 1e6)
        sizes = [len(row.state) for row in connection.execute(sa.select(ACCOUNTS.c.state))]
    engine.dispose()
    return Cost(
        accounts=accounts,
        exchange_us=round(statistics.median(took), 1),
        exchange_worst_round_us=round(max(took), 1),
        state_bytes_mean=round(statistics.mean(sizes), 1),
        state_bytes_most=max(sizes),
    )


def _exchanges(draw: random.Random, accounts: list[str], first: int) -> list[tuple[int, Envelope]]:
    facts: list[tuple[int, Envelope]] = []
    for number, account in enumerate(accounts, start=first):
        at, exchange = _BEGUN + number * 10.0, f"ex_{number:032x}"
        trace = Trace(
            network=f"net_{draw.randrange(20_000):032x}", device=f"dev_{draw.randrange(500):032x}", conversation=f"conv_{number // 3:032x}"
        )
        admitted = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.VERIFIED, key_id="k", trace=trace)
        score = 0.99 if draw.random() < 0.02 else draw.random() * 0.3
        verdict = Verdict(control="learned", version="1", layer="input", mode="shadow", category="cyber_misuse", score=score)
        completed = ExchangeCompleted(outcome="blocked" if score > 0.9 else "answered", decision="allow", verdicts=(verdict,))
        both = ((2 * number, admitted), (2 * number + 1, completed))
        facts += [(seq, envelope(cast("Event", body), account=account, correlation=exchange, at=at)) for seq, body in both]
    return facts
