import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.control import action_of
from bartizan.event import Tier
from bartizan.policy import actions, lint, parse_rows, shipped


def complaints(cedar="", rows=None):
    found = lint(shipped().cedar + "\n" + cedar, shipped().rows if rows is None else rows)
    return [(each.level, each.where, each.what) for each in found]


def test_what_is_shipped_is_clean():
    assert complaints() == []


NEVER = [
    'principal.kind == "robot"',
    'principal.roles.contains("admn")',
    'principal.roles.containsAny(["admn", "oper"])',
    'principal.roles.containsAll(["admin", "oper"])',
    'principal.kind == "person" && principal.kind == "agent"',
    'principal.standing == "good" && (principal.standing == "revoked" || context.tier > 4)',
    "context.tier > 9",
    'if principal.kind == "person" then false else principal.kind == "person"',
    "!(context.tier < 9)",
]


@pytest.mark.parametrize("condition", NEVER)
def test_a_forbid_that_can_never_match_is_named(condition):
    text = f'@id("x") @doc("x") forbid (principal, action == Action::"chat", resource) when {{ {condition} }};'
    assert complaints(text) == [("warning", "x", "this forbid can never match")]


@pytest.mark.parametrize(
    "condition",
    [
        'principal.kind != "robot"',
        'principal.roles.contains("admin")',
        'context.model like "gpt-*"',
        "context.tier >= 2",
        'context.model == "x"',
    ],
)
def test_what_may_match_is_left_alone(condition):
    assert complaints(f'@id("x") @doc("x") forbid (principal, action == Action::"chat", resource) when {{ {condition} }};') == []


def test_an_unless_is_read_the_other_way_round():
    text = '@id("x") @doc("x") forbid (principal, action == Action::"chat", resource) unless { principal.kind != "robot" };'
    assert complaints(text) == [("warning", "x", "this forbid can never match")]


def test_twins_and_silence_are_named():
    twin = 'permit (principal, action == Action::"chat", resource);'
    assert complaints(f'@id("a") @doc("a") {twin} @id("b") {twin}') == [
        ("warning", "b", "it has no @doc"),
        ("warning", "b", "it says the same as a"),
    ]


def test_every_error_is_named_with_its_policy():
    found = lint(
        '@id("a") permit (principal, action == Action::"fly", resource); permit (principal, action, resource);'
        '@id("c") permit (principal, action == Action::"chat", resource) when { context.tier == "x" };',
        "[",
    )
    errors = [each for each in found if each.level == "error"]
    assert {"a", "c", "rows"} <= {each.where for each in errors}
    assert any("no @id" in each.what for each in errors)


def test_rows_that_cannot_matter_or_invite_narrowing_are_named():
    rows = '[secret]\npublic = "flag"\nverified = "block"\n[sekret]\npublic = "block"'
    found = complaints(rows=rows)
    assert ("warning", "rows.sekret", "no control reports this category") in found
    assert any(where == "rows.secret" and "stricter" in what for _, where, what in found)
    assert any(where == "rows.injection" and "blocked at every tier" in what for _, where, what in found)


@given(st.text(max_size=200), st.text(max_size=60))
def test_lint_answers_to_any_text(cedar, rows):
    lint(cedar, rows)


def test_the_reader_of_contexts_knows_every_attribute_of_the_schema():
    named = {name for row in actions().values() for name in row.context.type.__struct_fields__}
    text = "\n".join(line.partition("//")[0] for line in shipped().schema.splitlines())
    assert named == {word.rstrip("?:") for word in text.replace("{", " ").split() if word.endswith(":")} - {
        *("kind", "roles", "standing", "person", "owner", "proposer", "beneficiary", "subject", "principal", "resource", "context"),
    }


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ('[malware_prohibited]\npublic="block"\nverified="block"\ntrusted="flag"\nrestricted="block"', "prohibited use"),
        ('[egress]\npublic="reroute"', "reroute can't be done in the phase tool"),
        ('[secret]\npublic="redact"\nverified="redact"\ntrusted="redact"\nrestricted="redact"', "redact can't be done in the phase tool"),
        ('[secret]\npublic="block"\n[secret.tool]\npublic="redact"', "redact can't be done"),
        ('[my_own]\npublic="reroute"', "reroute can't be done"),
    ],
)
def test_rows_that_could_not_be_done_are_errors(rows, why):
    found = [complaint for complaint in lint(shipped().cedar, rows) if complaint.level == "error"]
    assert len(found) == 1
    assert why in found[0].what


def test_a_phase_may_have_a_row_of_its_own():
    rows = '[secret]\npublic="redact"\nverified="redact"\ntrusted="redact"\nrestricted="redact"\n[secret.tool]\npublic="block"'
    parsed = parse_rows(rows)
    assert (action_of(parsed[Tier.PUBLIC], "secret", "output"), action_of(parsed[Tier.PUBLIC], "secret", "tool")) == ("redact", "block")
    assert not [complaint for complaint in lint(shipped().cedar, rows) if complaint.level == "error"]
