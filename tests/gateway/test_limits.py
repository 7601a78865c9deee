import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.config import LimitSettings
from bartizan.errors import RefusedError
from bartizan.event import Tier
from bartizan.gateway.limits import Limits


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def limits(clock, **fields):
    return Limits({Tier.PUBLIC: LimitSettings(**fields)}, max_concurrency=100, clock=clock)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=20))
def test_what_is_not_used_comes_back_exactly(pairs):
    clock = Clock()
    both = limits(clock, requests_per_minute=0, concurrent=0, tokens_per_minute=1_000_000)
    for reserved, used in pairs:
        both.reserve("a", Tier.PUBLIC, tokens=reserved).settle(used)
    left = both._usage["a", Tier.PUBLIC].tokens.level if pairs else 1_000_000
    assert left == 1_000_000 - sum(used for _, used in pairs)
    assert both.running == 0


def test_settling_twice_counts_once():
    both = limits(Clock(), tokens_per_minute=1000, concurrent=1)
    held = both.reserve("a", Tier.PUBLIC, tokens=100)
    held.settle(0)
    held.settle(0)
    assert both._usage["a", Tier.PUBLIC].tokens.level == 1000
    assert both.running == 0


def test_buckets_refill_with_time_and_say_how_long():
    clock = Clock()
    both = limits(clock, requests_per_minute=60, concurrent=0, tokens_per_minute=0)
    for _ in range(60):
        both.reserve("a", Tier.PUBLIC, tokens=0)
    with pytest.raises(RefusedError) as refused:
        both.reserve("a", Tier.PUBLIC, tokens=0)
    assert refused.value.retry_after_s == pytest.approx(1.0)
    both.reserve("b", Tier.PUBLIC, tokens=0)
    clock.now = 1.01
    both.reserve("a", Tier.PUBLIC, tokens=0)


def test_a_request_for_more_than_a_minutes_worth_is_possible_from_a_full_bucket_and_goes_into_debt():
    clock = Clock()
    both = limits(clock, requests_per_minute=0, concurrent=0, tokens_per_minute=1000)
    both.reserve("a", Tier.PUBLIC, tokens=5000).settle(5000)
    with pytest.raises(RefusedError):
        both.reserve("a", Tier.PUBLIC, tokens=1)
    clock.now = 241.0
    both.reserve("a", Tier.PUBLIC, tokens=1)


def test_concurrency_and_throttling():
    both = limits(Clock(), requests_per_minute=0, concurrent=20, tokens_per_minute=0)
    held = [both.reserve("a", Tier.PUBLIC, tokens=0) for _ in range(2)]
    with pytest.raises(RefusedError) as refused:
        both.reserve("a", Tier.PUBLIC, tokens=0, throttled=True)
    assert refused.value.code == "concurrency_limit"
    held[0].settle(0)
    both.reserve("a", Tier.PUBLIC, tokens=0, throttled=True)


def test_the_gateway_itself_can_be_full():
    both = Limits({}, max_concurrency=1)
    both.reserve("a", Tier.PUBLIC, tokens=0)
    with pytest.raises(RefusedError) as refused:
        both.reserve("b", Tier.PUBLIC, tokens=0)
    assert (refused.value.code, refused.value.status) == ("gateway_full", 503)
