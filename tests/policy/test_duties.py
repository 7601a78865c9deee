"""The proof that duties are separated: over every set of roles that anybody can come to hold, in every profile."""

import itertools

import pytest

from bartizan.bench.policy_reference import _ATTRIBUTES
from bartizan.identity import duties
from bartizan.policy import Policy, Resource, actions

REPORT = {"tier": 0, "tlp": 1, "own": False}
CONTEXT = {
    "report.read": REPORT,
    "report.export": REPORT,
    "chat": {"tier": 0, "model": "m"},
    "call_tool": {"tier": 0, "tool": "t"},
    "use_tier": {"tier": 0},
}


@pytest.fixture(scope="module")
def policy():
    return Policy()


def may(policy, principal, action):
    """Whether somebody may do this to anything at all that is neither theirs nor proposed by them."""
    kind = actions()[action].resource
    attributes = dict.fromkeys(_ATTRIBUTES.get(kind, ()), "another") if kind != "Principal" else {}
    return policy.decide(principal, action, Resource(type=kind, id="x", attributes=attributes), CONTEXT.get(action)).allowed


@pytest.mark.parametrize("profile", ["small", "standard", "regulated"])
def test_nobody_both_proposes_and_approves_or_reads_and_destroys(policy, who, profile):
    reachable = duties().reachable(profile)
    assert len(reachable) > 10
    for roles in reachable:
        person = who(*sorted(roles))
        can = {action for action in actions() if may(policy, person, action)}
        assert not {"grant.propose", "grant.approve"} <= can, roles
        assert not {"grant.give", "grant.approve"} <= can, roles
        assert not {"role.assign", "grant.approve"} <= can, roles
        assert not {"content.read", "content.erase"} <= can, roles
        assert not {"content.read", "retention.apply"} <= can, roles
        assert not {"role.assign", "content.erase"} <= can, roles


def test_the_core_forbids_it_even_to_roles_that_could_never_meet(policy, who):
    names = sorted(duties().roles)
    for size in range(len(names) + 1):
        for roles in itertools.combinations(names, size):
            can = {
                action
                for action in ("grant.propose", "grant.give", "grant.approve", "content.read", "content.erase")
                if may(policy, who(*roles), action)
            }
            assert not {"grant.propose", "grant.approve"} <= can
            assert not {"grant.give", "grant.approve"} <= can
            assert not {"content.read", "content.erase"} <= can


def test_what_an_agent_and_its_person_can_do_together_is_what_the_person_can(policy, who):
    for roles in duties().reachable("small"):
        person = who(*sorted(roles), name="bob")
        agent = who(*sorted(roles), kind="agent", name="agent", behind="bob")
        for action in actions():
            assert may(policy, person, action) or not may(policy, agent, action)


# Who may do what, as shipped: one letter a role. Anything not in here is denied to everybody.
MATRIX = """
chat M            call_tool M         use_tier M          model.list M
exchange.list ORUA       ledger.verify OPRVUA    principal.list OPRVUA   grant.list OPRVUA
control.list ORUA        policy.show OPRVUA      case.list OPRVUA        key.list ORUA
content.read R           content.erase V         retention.apply V       ledger.export UA
principal.register A     role.assign A           account.suspend OA      account.restore PA
key.issue A              key.rotate A            key.revoke OA
grant.propose O          grant.give O            grant.approve P         grant.end OP
hold.place OV            hold.approve P          hold.release V
case.show OPRV           case.decide PR          control.change O        policy.change A
report.list MORUA        report.read MORUA       report.ingest MORA      report.export MORA
rule.list ORUA           rule.tune OR            log.hunt OR             log.push M
response.list OPRUA      response.plan O          response.run O          response.undo O
code.list ORUA          code.keep OR            code.approve OR
incident.list ORUA       incident.ingest ORA     incident.decide ORA
"""
LETTERS = {"M": "member", "O": "operator", "P": "approver", "R": "reviewer", "V": "privacy", "U": "auditor", "A": "admin"}
EXPECTED = {name: {LETTERS[letter] for letter in letters} for name, letters in zip(MATRIX.split()[::2], MATRIX.split()[1::2], strict=True)}


@pytest.mark.parametrize("action", sorted(actions()))
def test_every_action_is_for_the_roles_that_the_matrix_names_and_for_persons(policy, who, action):
    assert {role for role in duties().roles if may(policy, who(role), action)} == EXPECTED[action]
    assert not may(policy, who(), action)
    group = actions()[action].group
    for role in duties().roles:
        assert may(policy, who(role, kind="service"), action) == (group != "manage" and role in EXPECTED[action])
        assert may(policy, who(role, kind="agent", behind="bob"), action) == (group == "use" and role in EXPECTED[action])
        assert not may(policy, who(role, standing="suspended"), action)


def test_the_matrix_names_every_action():
    assert set(EXPECTED) == set(actions())


def test_people_look_after_their_own_keys(policy, who):
    for action in ("key.list", "key.rotate", "key.revoke"):
        assert policy.decide(who(name="bob"), action, Resource(type="Key", id="k", attributes={"owner": "bob"})).allowed
        assert not policy.decide(who(name="bob"), action, Resource(type="Key", id="k", attributes={"owner": "eve"})).allowed
    assert not policy.decide(who(name="bob"), "key.issue", Resource(type="Key", id="k", attributes={"owner": "bob"})).allowed


@pytest.mark.parametrize(
    ("action", "role", "kind", "attributes"),
    [
        ("grant.approve", "approver", "Grant", {"proposer": "bob", "beneficiary": "eve"}),
        ("grant.approve", "approver", "Grant", {"proposer": "eve", "beneficiary": "bob"}),
        ("hold.approve", "approver", "Hold", {"proposer": "bob"}),
        ("case.decide", "reviewer", "Case", {"subject": "bob", "proposer": "eve"}),
        ("case.decide", "reviewer", "Case", {"subject": "eve", "proposer": "bob"}),
    ],
)
def test_nobody_decides_their_own(policy, who, action, role, kind, attributes):
    assert not policy.decide(who(role, name="bob"), action, Resource(type=kind, id="x", attributes=attributes)).allowed
    assert policy.decide(who(role, name="joe"), action, Resource(type=kind, id="x", attributes=attributes)).allowed


@pytest.mark.parametrize("action", ["role.assign", "account.restore"])
def test_nobody_lifts_themselves(policy, who, action):
    assert not policy.decide(who("admin", name="bob"), action, Resource(type="Principal", id="bob")).allowed
    assert policy.decide(who("admin", name="bob"), action, Resource(type="Principal", id="eve")).allowed
