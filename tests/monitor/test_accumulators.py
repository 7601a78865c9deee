import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.monitor.account import KEPT, Account, EventModel, read, take
from bartizan.monitor.nulls import Tail, at_least, rarity, tail_of
from bartizan.monitor.observed import Observed

TAIL = Tail(at=(-4.0, 0.0, 4.0), share=(0.9, 0.05, 0.0005), decay=1.0)
MODEL = EventModel(general=TAIL, sensitive=msgspec.structs.replace(TAIL, share=(0.9, 0.2, 0.005)), slope=1.0, centre=(0.0, 1.0))


def folded(scores, *, topic=0, at=1e9, step=60.0):
    account = Account()
    for number, score in enumerate(scores):
        item = Observed(account="a", at=at + number * step, exchange=f"ex_{number}", score=score, topic=topic)
        take(account, item, MODEL)
    return account


def test_a_poisson_tail_is_that_of_the_distribution():
    assert at_least(0, 2.0) == 1.0
    assert at_least(1, 2.0) == pytest.approx(1 - math.exp(-2))
    assert at_least(3, 1.0) == pytest.approx(1 - math.exp(-1) * 2.5)
    assert at_least(1, 0.0) > 0
    assert at_least(60, 40.0) < 0.01 < at_least(41, 40.0)


@given(st.lists(st.floats(-20, 20), min_size=30, max_size=300), st.floats(-30, 30), st.floats(-30, 30))
def test_a_tail_never_rises(values, first, second):
    tail = tail_of(values)
    low, high = sorted((first, second))
    assert 0 < tail.above(high) <= tail.above(low) <= 1


def test_one_high_score_means_less_to_an_account_that_asks_about_attacks_all_day():
    quiet = read(folded([-4.0] * 30 + [4.5]), MODEL, {}).rarities["maximum"]
    defender = read(folded([-4.0] * 30 + [4.5], topic=1), MODEL, {}).rarities["maximum"]
    assert quiet > defender


def test_few_harmful_among_many_show_in_the_order_and_name_themselves():
    reading = read(folded([-4.0] * 40 + [3.0, -4.0, 3.5, -4.0, 3.2]), MODEL, {})
    assert reading.rarities["order"] > reading.rarities["maximum"]
    assert {kept.exchange for kept in reading.evidence} == {"ex_40", "ex_42", "ex_44"}


def test_a_burst_shows_in_the_cusum_though_the_account_was_long_harmless():
    assert read(folded([-4.0] * 400 + [3.0] * 6), MODEL, {}).rarities["cusum"] > read(folded([-4.0] * 406), MODEL, {}).rarities["cusum"]


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=60))
def test_hostile_numbers_and_times_leave_numbers(items):
    account = Account()
    for number, (score, at) in enumerate(items):
        take(account, Observed(account="a", at=at, exchange=str(number), score=score), MODEL)
    reading = read(account, MODEL, {})
    assert all(math.isfinite(value) for value in reading.rarities.values())
    assert len(account.top) <= KEPT
    assert math.isfinite(account.seen)


def test_a_clock_that_jumps_back_does_not_age_or_rejuvenate():
    account = folded([2.0], at=2e9)
    take(account, Observed(account="a", at=1e9, exchange="late", score=1.0), MODEL)
    assert account.seen == 2e9
    assert account.general == pytest.approx(2.0)


def test_what_is_old_is_forgotten():
    account = folded([4.0], at=1e9)
    take(account, Observed(account="a", at=1e9 + 90 * 86400, exchange="new", score=-4.0), MODEL)
    assert [kept.exchange for kept in account.top] == ["new"]


def test_the_state_of_an_account_stays_under_four_kilobytes():
    account = Account()
    for number in range(5000):
        item = Observed(account="a", at=1e9 + number, exchange=f"ex_{number:032x}", score=math.sin(number) * 9, topic=number % 2)
        take(account, item, MODEL)
    assert len(msgspec.msgpack.encode(account)) < 2048


def test_rarity_has_a_ceiling():
    assert rarity(0.0) == 60.0
    assert rarity(1.0) == 0.0
