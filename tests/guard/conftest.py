import pytest

from bartizan.control import Context, Segment
from bartizan.event import Tier
from bartizan.guard.matcher import Pattern


@pytest.fixture(scope="session")
def context():
    def make(**actions):
        return Context(exchange="e", tenant="t", account="a", principal="p", tier=Tier.PUBLIC, model="m", actions=actions)

    return make


@pytest.fixture(scope="session")
def segment():
    return lambda text, **more: Segment(**{"path": "$", "origin": "user", "channel": "text", "text": text, **more})


@pytest.fixture(scope="session")
def pattern():
    return lambda source, **more: Pattern(**{"id": source, "category": "blocked_phrase", "source": source, **more})
