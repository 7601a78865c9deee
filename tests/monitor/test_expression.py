import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import ConfigError
from bartizan.monitor.live.expression import FIELDS, Rule, compile_rule, read_rules


def rule(when):
    return compile_rule(Rule(id="r", when=when))


def test_a_rule_compares_and_calculates():
    compiled = rule("score > 2.0 && tier in ['trusted', 'restricted'] && hour >= 22")
    assert compiled.holds({**FIELDS, "score": 3.0, "tier": "trusted", "hour": 23}) is True
    assert compiled.holds({**FIELDS, "score": 3.0, "tier": "public", "hour": 23}) is False


@pytest.mark.parametrize(
    "hostile",
    [
        "[1, 2].map(x, x * 2).size() > 0",
        "[score].exists(score, score > 1.0)",
        "[1] . all\n(score, true)",
        "[1].filter // a remark\n (score, true).size() > 0",
        "tier.matches('(a+)+$')",
        "account == 'x'",
        "open('/etc/passwd') == ''",
        "score",
        "score > 'x'",
        "'" + "a" * 2000 + "' == tier",
        "(" * 300 + "true" + ")" * 300,
        "!" * 500 + "true",
        "true &&",
        "",
        "\x00",
        "score > 1.0 ? stopped : 7",
    ],
)
def test_hostile_expressions_are_refused_when_read(hostile):
    with pytest.raises(ConfigError):
        rule(hostile)


def test_what_fails_on_a_value_says_so_and_does_not_hold():
    compiled = rule("1000 / hour > 50")
    assert compiled.holds({**FIELDS, "hour": 0}) == "error"
    assert compiled.holds({**FIELDS, "hour": 4}) is True


@given(st.text(max_size=200))
def test_any_text_compiles_or_is_refused_in_our_words(text):
    with contextlib.suppress(ConfigError):
        rule(text)


def test_a_file_of_rules_is_read_or_refused_as_a_whole(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("[[rule]]\nid = 'late'\nwhen = 'hour > 22'\nlevel = 'medium'\n", encoding="utf-8")
    assert [item.rule.id for item in read_rules(path)] == ["late"]
    path.write_text("[[rule]]\nid = 'late'\nwhen = 'hour > 22'\nlevl = 'medium'\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        read_rules(path)
