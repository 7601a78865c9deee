import itertools

import pytest

from bartizan.event import ExchangeAdmitted, ExchangeCompleted, PrincipalRegistered, Tier, envelope, new_id
from bartizan.ledger import Ledger


class Clock:
    """Stands still until told."""

    def __init__(self, now=1_790_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(tmp_path, clock):
    """Opens ledgers on one data directory, and closes what a test leaves open."""
    opened = []

    def ledger(role="test", data=tmp_path / "data", **options):
        options.setdefault("clock", clock)
        opened.append(Ledger.open(data, role=role, **options))
        return opened[-1]

    yield ledger
    for one in opened:
        one.close()


@pytest.fixture
def ledger(make):
    return make()


@pytest.fixture
def admitted(clock):
    def fact(*, account="acct_a", exchange=None, **more):
        body = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k")
        return envelope(body, account=account, correlation=exchange or new_id("ex"), at=clock(), **more)

    return fact


@pytest.fixture
def completed(clock):
    def fact(exchange, *, account="acct_a"):
        return envelope(ExchangeCompleted(outcome="answered", decision="allow"), account=account, correlation=exchange, at=clock())

    return fact


@pytest.fixture
def person(clock):
    numbers = itertools.count()

    def fact(account="acct_a"):
        return envelope(PrincipalRegistered(principal=f"p{next(numbers)}", account=account, kind="person"), account=account, at=clock())

    return fact
