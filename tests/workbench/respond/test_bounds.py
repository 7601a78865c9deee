"""What bounds a response: protected assets under any name, consent bound to exactly one step, reach, drift, hostile values."""

import msgspec
import pytest

from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.arguments import canonical
from bartizan.workbench.respond.assets import Protected, Target
from bartizan.workbench.respond.author import read_yaml
from bartizan.workbench.respond.plan import subject_sha256

ONE = """
id: one
name: One
most: 5000
steps:
  - {id: act, do: DO, WITH}
"""


def playbook(do, **given):
    text = ", ".join(f"{name}: {msgspec.json.encode(value).decode()}" for name, value in given.items())
    return read_yaml(ONE.replace("DO", do).replace("WITH", f"with: {{{text}}}"), source="test")


@pytest.mark.parametrize(
    ("entries", "aliases", "kind", "value"),
    [
        (["10.1.2.3"], {}, "ip", "10.1.2.3"),
        (["10.1.2.3"], {}, "ip", "::ffff:10.1.2.3"),
        (["10.0.0.0/8"], {}, "ip", "10.200.1.1"),
        (["10.1.2.3"], {}, "network", "10.1.0.0/16"),
        (["10.1.2.3"], {}, "network", "0.0.0.0/0"),
        (["dc01.example.org"], {}, "host", "DC01.example.org."),
        (["*.example.org"], {}, "host", "deep.below.example.org"),
        (["*.example.org"], {}, "domain", "example.org"),
        (["www.example.org"], {}, "domain", "example.org"),
        (["dc01"], {"dc01": ("10.5.5.5", "dc01.example.org")}, "ip", "10.5.5.5"),
        (["10.5.5.5"], {"dc01": ("10.5.5.5",), "old-dc": ("dc01",)}, "host", "old-dc"),
        (["root"], {}, "account", "CORP\\root"),
        (["ada"], {}, "account", "ADA@example.org"),
        (["münchen.example"], {}, "domain", "xn--mnchen-3ya.example"),
        (["api.example.org"], {}, "url", "https://api.example.org/x"),
        ([], {}, "ip", "127.0.0.1"),
        ([], {}, "host", "localhost"),
        (["fd00::/8"], {}, "ip", "fd12::1"),
    ],
)
def test_a_protected_asset_is_refused_under_every_name(entries, aliases, kind, value):
    protected = Protected(entries, aliases)
    with pytest.raises(RefusedError) as caught:
        protected.check([Target(kind=kind, value=canonical(kind, value))], where="step x")
    assert caught.value.code == "protected_asset"


@pytest.mark.parametrize(
    ("kind", "value"), [("ip", "11.1.2.3"), ("host", "notdc01.example.org"), ("account", "groot"), ("domain", "ample.org")]
)
def test_what_only_looks_like_it_is_not(kind, value):
    Protected(["10.0.0.0/8", "dc01.example.org", "root", "example.org"]).check([Target(kind=kind, value=value)], where="step x")


@pytest.mark.parametrize("entry", ["*", "dc*.example.org", "*."])
def test_a_protection_that_means_everything_or_nothing_is_an_error(entry):
    with pytest.raises(ConfigError):
        Protected([entry])


def test_protection_is_checked_again_at_the_last_moment(make):
    first = make()
    plan = first.plan(playbook("firewall.block", address="203.0.113.7"), first.incident())
    later = make(protected=("203.0.113.0/24",))
    assert later.run(plan).why == "stopped"
    standing = later.engine.standing(plan.response)
    assert standing.mark("act").code == "protected_asset"
    assert later.file("blocked.txt") == []


def test_a_planted_protected_address_does_not_keep_the_others_from_being_blocked(make):
    world = make(protected=("8.8.4.4",))
    world.doubles.users |= {"bob": True}
    plan = world.plan("brute-force", world.incident(ip=["8.8.4.4", "not an address", "9.9.9.9"], user=["bob"]))
    assert [left.code for left in plan.left] == ["protected_asset"]
    assert [action.call.arguments["address"] for action in plan.actions if action.connector == "firewall"] == ["9.9.9.9/32"]


def test_reach_is_counted_by_the_arguments_and_bounded(world):
    wide = world.plan(playbook("firewall.block", address="203.0.113.0/24"), world.incident())
    assert (wide.reach, wide.actions[0].persons) == (256, 1)
    with pytest.raises(RefusedError) as caught:
        world.plan(playbook("firewall.block", address="203.0.0.0/16"), world.incident())
    assert caught.value.code == "reach_exceeded"
    many = world.incident(ip=[f"9.9.9.{number}" for number in range(30)])
    with pytest.raises(RefusedError) as caught:
        world.plan("brute-force", many)
    assert caught.value.code == "too_many"


def test_what_cannot_be_undone_waits_for_two_others(world):
    world.doubles.hosts["ws-07.example.org"] = False
    plan = world.plan(playbook("endpoint.delete_file", host="ws-07.example.org", sha256="0" * 64), world.incident())
    assert world.run(plan).state == "waiting"
    with pytest.raises(RefusedError):
        world.response.rooms.desk.answer(world.engine.consents.waiting(plan)[0][1].id, "approved", actor=world.person("ada"))
    world.approve(plan, "bob")
    assert world.go_on(plan).state == "waiting"
    assert world.doubles.log == []
    world.approve(plan, "carol")
    assert world.go_on(plan).why == "contained"
    assert len(world.doubles.log) == 1


def test_one_refusal_ends_it(world):
    plan = world.plan(playbook("firewall.block", address="203.0.113.0/24"), world.incident())
    world.run(plan)
    [(_, approval)] = world.engine.consents.waiting(plan)
    world.response.rooms.desk.answer(approval.id, "refused", actor=world.person("bob", "approver"), reason="too wide")
    assert world.go_on(plan).why == "refused"
    assert world.file("blocked.txt") == []


def test_a_stale_consent_never_resumes_another_step(world):
    """kibana #276917: a consent is for one response, one step, these arguments and changes; nothing else finds it."""
    one = world.plan(playbook("firewall.block", address="203.0.113.0/24"), world.incident())
    two = world.plan(playbook("firewall.block", address="203.0.113.0/24"), world.incident())
    three = world.plan(playbook("firewall.block", address="198.51.100.0/24"), world.incident())
    for plan in (one, two, three):
        world.run(plan)
    world.approve(one, "bob")
    assert [world.go_on(plan).state for plan in (two, three)] == ["waiting", "waiting"]
    assert world.go_on(one).why == "contained"
    action = one.actions[0]
    moved = msgspec.structs.replace(action, call=msgspec.structs.replace(action.call, arguments={"address": "198.51.100.0/24"}))
    renamed = msgspec.structs.replace(action, id="other")
    assert len({subject_sha256(one, each) for each in (action, moved, renamed)}) == 3
    assert world.engine.consents.of(one, moved) == world.engine.consents.of(one, renamed) == "waiting"


def test_a_consent_that_expired_is_none(make):
    world = make(approval_minutes=1e-9)
    plan = world.plan(playbook("firewall.block", address="203.0.113.0/24"), world.incident())
    world.run(plan)
    assert world.engine.consents.waiting(plan) == []
    assert world.go_on(plan).state == "waiting"


def test_who_planned_does_not_approve_what_somebody_else_ordered(world):
    bob = world.person("bob", "approver")
    book = playbook("firewall.block", address="203.0.113.0/24")
    plan = world.planner.plan(book, world.incident())
    world.engine.keep(plan, actor=bob)
    world.run(plan)
    world.approve(plan, "bob")
    assert world.go_on(plan).state == "waiting"
    world.approve(plan, "carol")
    assert world.go_on(plan).why == "contained"


def test_a_plan_that_no_longer_fits_stops_before_it_acts(world):
    world.doubles.users["bob"] = False
    plan = world.plan(playbook("directory.disable", account="bob"), world.incident())
    assert plan.actions[0].changes == ()
    world.doubles.users["bob"] = True
    assert world.run(plan).why == "stopped"
    assert world.engine.standing(plan.response).code == "plan_drifted"
    assert world.doubles.users["bob"] is True


def test_a_branch_that_comes_out_otherwise_stops(world):
    world.doubles.users["key:AKIA1"] = True
    plan = world.plan("leaked-key", world.incident(), key="AKIA1")
    world.doubles.users["key:AKIA1"] = False
    assert world.run(plan).why == "stopped"
    assert world.engine.standing(plan.response).code == "plan_drifted"


def test_what_was_so_before_stays_so_after_undo(world):
    (world.path / "blocked.txt").write_text("203.0.113.9\n# by hand\n")
    plan = world.plan(playbook("firewall.block", address="203.0.113.9"), world.incident())
    assert world.run(plan).why == "contained"
    assert world.undo(plan).why == "undone"
    assert world.file("blocked.txt") == ["203.0.113.9", "# by hand"]


def test_a_failure_takes_everything_before_it_back(world):
    world.doubles.users |= {"bob": True, "eve": True}
    text = """
id: two
name: Two
steps:
  - {id: one, do: directory.disable, with: {account: bob}}
  - {id: block, do: firewall.block, with: {address: 9.9.9.9}}
  - {id: two, do: directory.disable, on_failure: undo, with: {account: eve}}
"""
    world.doubles.fail = lambda _system, target: "id-eve" in target
    plan = world.plan(read_yaml(text, source="two"), world.incident())
    assert world.run(plan).why == "undone"
    assert world.doubles.users == {"bob": True, "eve": True}
    assert world.file("blocked.txt") == []


def test_a_loop_is_unrolled_and_bounded(world):
    text = """
id: loop
name: Loop
vars: {key: k}
steps:
  - {id: look, do: cloud.key_state, with: {key_id: "${vars.key}"}}
  - id: again
    while: steps.look.answer.disabled == false
    rounds: 3
    steps:
      - {id: look-again, do: cloud.key_state, with: {key_id: "${vars.key}"}}
"""
    with pytest.raises(RefusedError) as caught:
        world.plan(read_yaml(text, source="loop"), world.incident())
    assert caught.value.code == "loop_unbounded"
