"""CACAO 2.0 in and out: step types, what is lost, and what is refused with its name."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import BartizanError, ConfigError, RefusedError
from bartizan.workbench.respond.author import read_yaml
from bartizan.workbench.respond.cacao import to_cacao
from bartizan.workbench.respond.cacao_in import import_cacao
from bartizan.workbench.respond.playbook import Act, If, Parallel, Switch, While

ALL = """
id: all-types
name: Every type of step
vars: {key: k, rounds: 2}
steps:
  - {id: act, do: firewall.block, each: incident.public_ips, most: 3, with: {address: "${each}"}, on_failure: continue}
  - id: if
    if: incident.severity == "high"
    then: [{id: a, do: chat.post, with: {text: a}}]
    else: [{id: b, do: chat.post, with: {text: b}}]
  - id: switch
    switch: incident.severity
    cases: {low: [{id: c, do: chat.post, with: {text: c}}]}
    default: [{id: d, do: chat.post, with: {text: d}}]
  - {id: while, while: vars.rounds > 3, rounds: 4, steps: [{id: e, do: chat.post, with: {text: e}}]}
  - {id: both, parallel: [[{id: f, do: chat.post, with: {text: f}}], [{id: g, do: chat.post, with: {text: g}}]]}
  - {id: sub, playbook: notify}
"""


def ident(kind):
    return f"{kind}--{uuid.uuid4()}"


def foreign(steps, start=None, **more):
    """Return a playbook as somebody else would write it; the first step is the start."""
    stamp = "2025-01-01T00:00:00.000Z"
    return json.dumps(
        {
            "type": "playbook", "spec_version": "cacao-2.0", "id": ident("playbook"), "name": "Somebody else's", "created": stamp,
            "modified": stamp, "created_by": ident("identity"), "workflow_start": start or next(iter(steps)), "workflow": steps, **more,
        }
    ).encode()  # fmt: skip


def test_every_step_type_survives_the_way_out_and_in():
    playbook = read_yaml(ALL, source="all")
    document = to_cacao(playbook, at=0)
    kinds = {step["type"] for step in document["workflow"].values()}
    assert kinds == {
        *("start", "end", "action", "playbook-action", "parallel"),
        *("if-condition", "while-condition", "switch-condition"),
    }
    assert import_cacao(json.dumps(document).encode(), source="x").playbook == playbook
    assert document == to_cacao(playbook, at=0)


def manual(following, text="Unplug it"):
    return {
        "type": "action",
        "name": "Unplug",
        "commands": [{"type": "manual", "command": text}],
        "agent": ident("individual"),
        **following,
    }


def test_a_foreign_playbook_of_manual_steps_asks_persons():
    start, one, two, branch, end, end2, end3 = (ident(kind) for kind in ("start", "action", "action", "if-condition", "end", "end", "end"))
    steps = {
        start: {"type": "start", "on_completion": branch},
        branch: {"type": "if-condition", "condition": "__net__:value = 'lab'", "on_true": one, "on_false": two, "on_completion": end},
        one: manual({"on_completion": end2}, "Unplug ${incident.title}"),
        two: manual({"on_success": end3, "on_failure": end3}),
        end: {"type": "end"},
        end2: {"type": "end"},
        end3: {"type": "end"},
    }
    variables = {"__net__": {"type": "string", "value": "lab"}}
    found = import_cacao(foreign(steps, playbook_variables=variables, priority=3), source="x")
    assert found.lost == ("priority",)
    [step] = found.playbook.steps
    assert isinstance(step, If)
    assert step.when == 'vars.net == "lab"'
    [act] = step.then
    assert (act.do, act.approve, act.arguments) == ("bartizan.manual", 1, {"text": "Unplug $ {incident.title}"})
    assert isinstance(step.otherwise[0], Act)


def broken():
    start, one, two, end = ident("start"), ident("action"), ident("action"), ident("end")
    tail = {end: {"type": "end"}}
    head = {start: {"type": "start", "on_completion": one}}
    bash = {"type": "action", "commands": [{"type": "bash", "command": "rm -rf /"}], "agent": ident("linux"), "on_completion": end}
    yield "bash", head | {one: bash} | tail, {}
    yield "again", head | {one: manual({"on_completion": one})}, {}
    yield "not there", head, {}
    yield "delay", head | {one: {**manual({"on_completion": end}), "delay": 5}} | tail, {}
    yield "out_args", head | {one: {**manual({"on_completion": end}), "out_args": ["x"]}} | tail, {}
    yield "on_failure", head | {one: manual({"on_success": end, "on_failure": two}), two: manual({"on_completion": end})} | tail, {}
    yield "workflow_exception", head | {one: manual({"on_completion": end})} | tail, {"workflow_exception": end}
    yield "never reached", head | {one: manual({"on_completion": end}), two: manual({"on_completion": end})} | tail, {}
    branch = {"type": "if-condition", "condition": "[ipv4-addr:value = '1.1.1.1']", "on_true": end, "on_completion": end}
    yield "condition", {start: {"type": "start", "on_completion": (key := ident("if-condition"))}, key: branch} | tail, {}
    sub = {"type": "playbook-action", "playbook_id": ident("playbook"), "on_completion": end}
    yield "not known here", {start: {"type": "start", "on_completion": (key := ident("playbook-action"))}, key: sub} | tail, {}
    yield "of the type", {start: {"type": "start", "on_completion": (key := ident("magic"))}, key: {"type": "magic"}} | tail, {}


@pytest.mark.parametrize(("what", "steps", "more"), list(broken()), ids=lambda each: each if isinstance(each, str) else "")
def test_what_cannot_be_done_here_is_refused_by_name(what, steps, more):
    with pytest.raises(RefusedError) as caught:
        import_cacao(foreign(steps, **more), source="x")
    assert caught.value.code == "cacao_unsupported"
    assert what in caught.value.message


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"type": "playbook"}', b"\xff", b"[" * 100_000, b'{"type":"playbook","spec_version":"1.0"}']
)
def test_what_is_no_such_playbook_is_a_typed_error(data):
    with pytest.raises(ConfigError):
        import_cacao(data, source="x")


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(step=JSON, name=st.sampled_from(["workflow", "playbook_extensions", "playbook_variables", "name", "workflow_start"]))
def test_any_json_is_read_or_refused(step, name):
    document = to_cacao(read_yaml(ALL, source="all"), at=0)
    document[name] = step
    try:
        found = import_cacao(json.dumps(document).encode(), source="x")
    except BartizanError:
        return
    assert found.playbook.steps


def test_steps_of_each_kind_are_what_they_were():
    kinds = [type(step) for step in read_yaml(ALL, source="all").steps[:5]]
    assert kinds == [Act, If, Switch, While, Parallel]
