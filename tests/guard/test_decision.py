"""Categories, levels and what is done about them at a tier."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import ControlError
from bartizan.event import ACTIONS, Tier
from bartizan.guard.decision import Limits, Scores, decide
from bartizan.guard.taxonomy import LEVELS, read_taxonomy, row, shipped
from bartizan.policy import parse_rows
from bartizan.policy import phases as categories
from bartizan.policy import shipped as policy

ROWS = parse_rows(policy().rows)
PROBABILITY = st.floats(0, 1)


def table(*values):
    return dict(zip(Tier, values, strict=True))


LIMITS = Limits(
    injection_user=table(0.9, 0.9, 0.97, 0.97),
    injection_data=table(0.8, 0.8, 0.9, 0.9),
    low=table(0.5, 0.5, 0.5, 0.5),
    high=table(0.85, 0.85, 0.9, 0.9),
    prohibited=table(0.97, 0.97, 0.99, 0.99),
)


def test_every_row_of_the_taxonomy_has_a_policy_row_and_a_phase():
    assert set(shipped().rows()) <= set(ROWS[Tier.PUBLIC]) & set(categories())
    assert sum(each.family == "cyber" for each in shipped().categories) == 12


def test_every_category_that_is_declared_has_a_row():
    assert set(categories()) <= set(ROWS[Tier.PUBLIC])


@pytest.mark.parametrize("category", [each.id for each in shipped().categories if each.prohibited])
def test_a_prohibited_use_is_blocked_at_every_tier(category):
    scores = Scores(misuse=1.0, prohibited=1.0, topic=category)
    assert {decide(scores, tier, ROWS[tier], limits=LIMITS).action for tier in Tier} == {"block"}


def test_dual_use_is_decided_by_the_tier():
    scores = Scores(misuse=0.95, topic="exploitation")
    assert [decide(scores, tier, ROWS[tier], limits=LIMITS).action for tier in Tier] == ["block", "safe_completion", "flag", "flag"]
    assert decide(scores, Tier.PUBLIC, ROWS[Tier.PUBLIC], limits=LIMITS).row == "exploitation_high"


def test_an_injection_is_blocked_whoever_brings_it():
    assert {decide(Scores(injection=1.0), tier, ROWS[tier], limits=LIMITS).action for tier in Tier} == {"block"}


def test_instructions_in_data_are_held_to_their_own_threshold():
    found = [LIMITS.injected(Scores(injection=0.85, origin=origin), Tier.PUBLIC) for origin in ("user", "tool", "document", "memory")]
    assert found == [False, True, True, True]


def test_a_topic_that_nobody_knows_counts_as_one_with_every_level():
    assert decide(Scores(misuse=1.0, prohibited=1.0, topic="knitting"), Tier.TRUSTED, ROWS[Tier.TRUSTED], limits=LIMITS).action == "block"


def test_a_row_that_policy_lacks_blocks():
    assert decide(Scores(misuse=0.9, topic="malware"), Tier.RESTRICTED, {}, limits=LIMITS).action == "block"


@given(PROBABILITY, PROBABILITY, PROBABILITY, st.sampled_from([each.id for each in shipped().categories]))
def test_no_tier_is_treated_more_strictly_than_the_one_below(injection, misuse, prohibited, topic):
    scores = Scores(injection=injection, misuse=misuse, prohibited=prohibited, topic=topic)
    done = [ACTIONS.index(decide(scores, tier, ROWS[tier], limits=LIMITS).action) for tier in Tier]
    assert done == sorted(done, reverse=True)


def test_levels_that_a_category_lacks_become_the_next_stricter_one():
    csam = shipped().category("csam")
    assert [csam.at(level) for level in LEVELS[1:]] == ["prohibited"] * 3
    assert row("malware", "high") == "malware_high"


@pytest.mark.parametrize(
    "flaw",
    [
        b"version = 1",
        b"\xff",
        b'version="1"\nlicence=""\n[tags]\n[sources]\n[[categories]]\nid="x"\nfamily="cyber"\ntitle=""\nsources=["y"]\n',
    ],
)
def test_taxonomy_that_is_wrong_is_refused(flaw):
    with pytest.raises(ControlError):
        read_taxonomy(flaw)


def test_a_threshold_that_falls_with_the_tier_is_refused():
    fine = table(0.5, 0.5, 0.5, 0.5)
    with pytest.raises(ControlError, match="lower at a higher tier"):
        Limits(injection_user=table(0.9, 0.5, 0.9, 0.9), injection_data=fine, low=fine, high=fine, prohibited=fine)
