import pytest

from bartizan.bench.policy import agree
from bartizan.errors import ConfigError
from bartizan.event import PolicyChanged, Tier, envelope
from bartizan.policy import Engine, Policy, Resource, change, explain, shipped, version_of

MODEL = Resource(type="Model", id="m")
PLAIN = {"tier": 0, "model": "m"}


@pytest.fixture(scope="module")
def policy():
    return Policy()


def test_members_chat_and_others_do_not(policy, who):
    assert policy.decide(who("member"), "chat", MODEL, PLAIN).reasons == ("use.members",)
    assert policy.decide(who(), "chat", MODEL, PLAIN).reasons == ("no_policy_permits",)


@pytest.mark.parametrize("standing", ["suspended", "revoked"])
def test_who_is_cut_off_does_nothing_and_is_told_why(policy, who, standing):
    decision = policy.decide(who("member", standing=standing), "chat", MODEL, PLAIN)
    assert not decision.allowed
    assert decision.reasons == ("core.cut_off",)
    assert "suspended" in decision.hint


@pytest.mark.parametrize("left", [{"tokens_left": 0}, {"requests_left": 0}, {"tokens_left": -5, "requests_left": 3}])
def test_nothing_left_of_a_budget_denies(policy, who, left):
    assert policy.decide(who("member"), "chat", MODEL, {**PLAIN, **left}).reasons == ("core.budget",)


def test_a_tool_call_outside_the_scope_is_denied(policy, who):
    tool = Resource(type="Tool", id="scan")
    assert policy.decide(who("member"), "call_tool", tool, {"tier": 2, "tool": "scan", "in_scope": True}).allowed
    assert not policy.decide(who("member"), "call_tool", tool, {"tier": 2, "tool": "scan", "in_scope": False}).allowed


CONFUSED = {
    "tier_true": {"tier": True, "model": "m"},
    "tier_text": {"tier": "0", "model": "m"},
    "tier_null": {"tier": None, "model": "m"},
    "tier_float": {"tier": 0.0, "model": "m"},
    "tier_huge": {"tier": 2**63, "model": "m"},
    "tier_nan": {"tier": float("nan"), "model": "m"},
    "tier_list": {"tier": [0], "model": "m"},
    "tier_entity": {"tier": {"__entity": {"type": "Level", "id": "x"}}, "model": "m"},
    "tier_enum": {"tier": Tier.RESTRICTED, "model": "m"},
    "model_extension": {"tier": 0, "model": {"__extn": {"fn": "ip", "arg": "1.1.1.1"}}},
    "budget_false": {"tier": 0, "model": "m", "tokens_left": False},
    "budget_true": {"tier": 0, "model": "m", "tokens_left": True},
    "budget_null": {"tier": 0, "model": "m", "tokens_left": None},
    "budget_text": {"tier": 0, "model": "m", "tokens_left": "9"},
    "missing_tier": {"model": "m"},
    "unknown_field": {"tier": 0, "model": "m", "admin": True},
    "not_a_mapping": [["tier", 0]],
    "object": {"tier": object(), "model": "m"},
    "bytes_key": {b"\xff": 0},
    "lone_surrogate": {"tier": 0, "model": "\ud800"},
}
CONFUSED["nested"] = {"tier": 0, "model": "m", "tools": [[]]}


@pytest.mark.parametrize("flaw", sorted(CONFUSED))
def test_no_confusion_of_types_opens(policy, who, flaw):
    assert policy.decide(who("member"), "chat", MODEL, PLAIN).allowed
    decision = policy.decide(who("member"), "chat", MODEL, CONFUSED[flaw])
    assert not decision.allowed
    assert decision.reasons == ("request_not_well_formed",)


def test_nor_does_one_of_the_principal_or_the_resource(policy, who):
    member = who("member")
    for odd in (True, None, 1, "", ["x"], {"a": 1}):
        for field in ("kind", "standing", "roles", "id"):
            fields = {"id": "p", "account": "a", "tenant": "t", "kind": "person", "roles": ("member",), "standing": "good"} | {field: odd}
            broken = type(member)(**fields)
            assert not policy.decide(
                broken, "grant.approve", Resource(type="Grant", id="g", attributes={"proposer": "x", "beneficiary": "y"})
            ).allowed
        for attributes in ({"proposer": odd, "beneficiary": "y"}, {"proposer": "x"}, {"proposer": "x", "beneficiary": "y", "z": "z"}):
            if odd != "" or len(attributes) != 2:
                resource = Resource(type="Grant", id="g", attributes=attributes)
                assert not policy.decide(who("approver"), "grant.approve", resource).allowed


@pytest.mark.parametrize(("action", "kind"), [("nothing", "Model"), ("chat", "Tool"), ("chat", "Nothing"), ("", ""), ("chat", 'M"::')])
def test_what_the_schema_does_not_name_is_denied(policy, who, action, kind):
    assert not policy.decide(who("member"), action, Resource(type=kind, id="m"), PLAIN).allowed


def test_any_text_is_an_id(policy, who):
    for identifier in ("", '"', "\n", "a" * 5000, "💥", "\\u0000", "\x00"):
        assert policy.decide(who("member"), "chat", Resource(type="Model", id=identifier), PLAIN).allowed


def test_the_engine_agrees_with_a_reference_on_random_requests():
    outcome = agree(requests=2000, seed=7)
    assert outcome.disagree == 0, outcome.examples
    assert outcome.fail_open == 0
    assert outcome.allowed > 50


@pytest.mark.slow
def test_the_engine_agrees_with_a_reference_on_a_hundred_thousand_requests():
    outcome = agree(requests=100_000, seed=8)
    assert (outcome.disagree, outcome.fail_open) == (0, 0), outcome.examples


def test_a_remembered_decision_is_the_same_and_is_forgotten_when_the_policy_changes(ledger, who):
    policy = Policy(ledger)
    first = policy.decide(who("member"), "chat", MODEL, PLAIN)
    assert policy.decide(who("member"), "chat", MODEL, PLAIN) is first
    assert policy.position == 0
    nobody = '@id("x") @doc("nobody") forbid (principal, action == Action::"chat", resource);'
    version = change(ledger, policy, actor=who("admin"), cedar=shipped().cedar + nobody, rows=shipped().rows, reason="incident")
    assert policy.position == 1
    assert policy.version == version == policy.decide(who("member"), "chat", MODEL, PLAIN).version
    assert policy.decide(who("member"), "chat", MODEL, PLAIN).reasons == ("x",)


def test_questions_without_end_are_not_remembered(who):
    policy = Policy()
    for number in range(20):
        tool = Resource(type="Tool", id=f"{number}" + "x" * 10_000)
        assert policy.decide(who("member"), "call_tool", tool, {"tier": 0, "tool": "x"}).allowed
    assert policy._cache == {}


REFUSED = {
    "not_cedar": ("nonsense", shipped().rows),
    "not_in_the_schema": ('@id("x") permit (principal, action == Action::"fly", resource);', shipped().rows),
    "type_error": ('@id("x") permit (principal, action == Action::"chat", resource) when { context.tier == "x" };', shipped().rows),
    "optional_unguarded": ('@id("x") permit (principal, action == Action::"chat", resource) when { context.stream };', shipped().rows),
    "no_id": ("permit (principal, action, resource);", shipped().rows),
    "id_of_the_core": ('@id("core.budget") permit (principal, action, resource);', shipped().rows),
    "template": ('@id("x") permit (principal == ?principal, action, resource);', shipped().rows),
    "rows_not_toml": (shipped().cedar, "["),
    "rows_action": (shipped().cedar, '[secret]\npublic = "perhaps"'),
    "rows_tier": (shipped().cedar, '[secret]\nroot = "allow"'),
    "rows_duplicate": (shipped().cedar, '[secret]\npublic = "block"\n[secret]\npublic = "allow"'),
    "nobody_could_change_it": ("", shipped().rows),
    "too_large": ("//" + "x" * 300_000, shipped().rows),
    "parentheses": ('@id("x") permit (principal, action, resource) when { ' + "(" * 30_000 + "true" + ")" * 30_000 + " };", shipped().rows),
    "parentheses_behind_a_return": ("// \r" + '@id("x") permit (principal, action, resource) when { ' + "(" * 9000, shipped().rows),
    "parentheses_behind_a_quote": ('@id("\\"") permit (principal, action, resource) when { "' + '\\\\" == ' + "(" * 9000, shipped().rows),
    "conjunctions": ('@id("x") permit (principal, action, resource) when { ' + "true && " * 9000 + "true };", shipped().rows),
    "dots": ('@id("x") permit (principal, action, resource) when { principal' + ".a" * 9000 + " };", shipped().rows),
    "ifs": ('@id("x") permit (principal, action, resource) when { ' + "if true then " * 9000 + "true };", shipped().rows),
    "surrogate": ('@id("\ud800") permit (principal, action, resource);', shipped().rows),
}


@pytest.mark.parametrize("flaw", sorted(REFUSED))
def test_a_policy_that_does_not_validate_never_comes_into_force(ledger, who, flaw):
    policy = Policy(ledger)
    before = policy.version
    cedar, rows = REFUSED[flaw]
    with pytest.raises(ConfigError):
        change(ledger, policy, actor=who("admin"), cedar=cedar, rows=rows, reason="x")
    assert ledger.entries == []
    if flaw != "nobody_could_change_it":
        ledger.append_now(envelope(PolicyChanged(version=version_of(cedar, rows), cedar=cedar, rows=rows)))
        ledger.catch_up()
        assert policy.version == before
        assert len(policy.refused) == 1


def test_a_version_is_the_hash_of_its_text(ledger):
    policy = Policy(ledger)
    ledger.append_now(envelope(PolicyChanged(version="0" * 64, cedar=shipped().cedar + "//", rows=shipped().rows)))
    ledger.catch_up()
    assert policy.version == Engine(shipped().cedar, shipped().rows).version
    assert policy.refused
    assert version_of("ab", "c") != version_of("a", "bc")


def test_a_category_is_blocked_for_the_public_and_a_milder_row_counts():
    policy = Policy()
    assert {policy.actions(Tier.PUBLIC)[name] for name in ("injection", "secret", "tool_schema")} == {"block"}
    assert policy.actions(Tier.TRUSTED)["hidden_text"] == "flag"
    assert policy.actions(Tier.TRUSTED).get("never heard of", "block") == "block"
    with pytest.raises(TypeError):
        policy.actions(Tier.TRUSTED)["secret"] = "allow"


def test_a_row_that_leaves_a_tier_out_blocks_there(ledger, who):
    policy = Policy(ledger)
    change(ledger, policy, actor=who("admin"), cedar=shipped().cedar, rows='[secret]\ntrusted = "flag"', reason="x")
    assert [policy.actions(tier)["secret"] for tier in Tier] == ["block", "block", "flag", "block"]


def test_explain_names_who_decided_and_who_might_have(policy, who):
    said = explain(
        policy,
        who("approver", name="bob"),
        "grant.approve",
        Resource(type="Grant", id="g", attributes={"proposer": "bob", "beneficiary": "eve"}),
        {},
    )
    assert (
        said.sentence()
        == "grant.approve is denied by core.not_ones_own_grant (nobody approves what they proposed or what is for themselves)"
    )
    assert said.policies[0].decided
    assert "approve" in {each.id for each in said.policies}
    assert explain(policy, who(), "nothing", MODEL, {}).policies == ()
