"""The ladder as a pure decision: one step at a time, never for linkage, never for what was done before the last step."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.monitor.ladder import Past, criteria, decide, shipped

LADDER = shipped()
HOUR = 3600.0
T = 1_800_000_000.0


def past(*steps):
    return [Past(step=step, at=at, until=at + 7 * 24 * HOUR) for step, at in steps]


def test_the_first_signal_is_a_notice_and_each_further_one_a_step(raised):
    at, taken = T, []
    for rung in LADDER.rung[:4]:
        wanted = decide(LADDER, taken, raised("a", until=at), at)
        assert wanted.rung.step == rung.step
        assert not wanted.person
        taken.append(Past(step=rung.step, at=at, until=at + HOUR))
        assert decide(LADDER, taken, raised("a", until=at), at + 1) is None
        at += 25 * HOUR


def test_a_person_is_cut_by_a_person(raised):
    before = past(("suspend_feature", T))
    assert decide(LADDER, before, raised("a", until=T + 30 * HOUR), T + 30 * HOUR) is None
    wanted = decide(LADDER, before, raised("a", level="high", until=T + 30 * HOUR), T + 30 * HOUR)
    assert (wanted.rung.step, wanted.person) == ("suspend_account", True)


def test_the_prohibited_class_with_high_confidence_is_cut_at_once_for_a_stated_time(raised):
    wanted = decide(LADDER, [], raised("a", category="ransomware", level="high", confidence=0.9999, until=T), T)
    assert (wanted.rung.step, wanted.person, wanted.hours) == ("suspend_account", False, LADDER.prohibited.hours)
    assert decide(LADDER, [], raised("a", category="ransomware", confidence=0.99, until=T), T).rung.step == "notice"


def test_what_was_undone_or_long_ago_counts_no_more(raised):
    undone = [Past(step="throttle", at=T, until=T + HOUR, undone=True)]
    assert decide(LADDER, undone, raised("a", until=T + 30 * HOUR), T + 30 * HOUR).rung.step == "notice"
    later = T + 100 * 24 * HOUR
    assert decide(LADDER, past(("throttle", T)), raised("a", until=later), later).rung.step == "notice"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    level=st.sampled_from(["low", "medium", "high"]),
    confidence=st.floats(0, 1),
    steps=st.lists(st.sampled_from([rung.step for rung in LADDER.rung]), max_size=6),
)
def test_linkage_never_takes_anybody_further(raised, level, confidence, steps):
    fact = raised("a", kind="linkage", level=level, confidence=confidence, category="ransomware", until=T)
    assert decide(LADDER, past(*((step, T - 50 * HOUR) for step in steps)), fact, T) is None


@pytest.mark.parametrize("rung", LADDER.rung, ids=lambda rung: rung.step)
def test_every_rung_says_what_it_takes_and_what_it_does(rung):
    assert rung.title
    assert rung.says.endswith(".")
    assert "confidence" in criteria(rung)
    assert rung.hours > 0 or rung.step == "revoke_grant"
