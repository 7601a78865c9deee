# ruff: noqa: E501 - a case is one line
import random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.errors import RefusedError
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.workbench.triage.record import LogRecord, LogSource
from bartizan.workbench.triage.tune import advise
from bartizan.workbench.triage.tune.labels import decode, encode
from bartizan.workbench.triage.tune.propose import propose
from bartizan.workbench.triage.tune.prove import prove, rule_of
from bartizan.workbench.triage.tune.shelf import TuningDesk

RULE = """title: Shell from a service
id: 6d3f1d5e-0a55-4d4b-9a1b-2d6a3e6f0001
status: test
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\\cmd.exe'
  condition: selection
level: medium
"""
ID = "6d3f1d5e-0a55-4d4b-9a1b-2d6a3e6f0001"
SOURCE = LogSource("windows", "process_creation", "sysmon")
PLAIN = {"product": "windows", "category": "process_creation", "service": ""}


def record(name, parent, command, user="CORP\\svc", **more):
    fields = {"Image": "C:\\Windows\\System32\\cmd.exe", "ParentImage": parent, "CommandLine": command, "User": user, "Computer": f"pc{name}",
              "ProcessGuid": f"{{{name}}}", "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational"}  # fmt: skip
    return LogRecord(id=f"s:{name}", at=1.0 + name, form="evtx", source="s", logsource=SOURCE, fields=fields | more)


FALSE = [record(n, "C:\\Program Files\\Backup\\agent.exe", f"cmd /c backup.bat {n}") for n in range(5)]
TRUE = [record(50, "C:\\inetpub\\w3wp.exe", "cmd /c whoami"), record(51, "C:\\Temp\\agent.exe", "cmd /c net user")]


@pytest.fixture(scope="module")
def rule(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    (folder / "r.yml").write_text(RULE)
    return rule_of(ID, [folder], None)


@pytest.fixture
def desk(tmp_path):
    ledger = Ledger.open(tmp_path, role="test")
    directory = Directory(ledger)
    person = Registrar(ledger, directory).register("person", "analyst", ("operator",), actor=None)
    yield TuningDesk(ledger), person
    ledger.close()


def test_the_smallest_filter_is_one_field_and_the_engine_agrees(rule):
    made = propose(ID, PLAIN, false=FALSE, true=TRUE)
    assert made.fields == ("ParentImage",)
    assert made.left == 0
    assert yaml.safe_load(made.yaml)["filter"]["rules"] == [ID]
    proof = prove(rule, made.yaml, true=TRUE, false=FALSE)
    assert proof.holds
    assert (proof.true_kept, proof.false_silenced, proof.false_left) == (2, 5, ())


def test_without_a_true_positive_one_field_is_not_enough():
    made = propose(ID, PLAIN, false=FALSE, true=[])
    assert len(made.fields) >= 2


def test_what_nobody_judged_is_silenced_as_little_as_can_be():
    others = [record(70 + n, "C:\\Program Files\\Backup\\agent.exe", "cmd /c powershell") for n in range(9)]
    true = [record(50, "C:\\inetpub\\w3wp.exe", "cmd /c whoami")]
    made = propose(ID, PLAIN, false=FALSE, true=true, unlabelled=others)
    assert made.unlabelled_silenced == 0
    assert made.fields == ("CommandLine",)


def test_two_kinds_of_false_positives_become_two_parts(rule):
    other = [record(20 + n, "C:\\Tools\\monitor.exe", "cmd /c ver", user="CORP\\mon") for n in range(4)]
    made = propose(ID, PLAIN, false=[*FALSE, *other], true=TRUE)
    assert len(made.parts) == 2
    assert prove(rule, made.yaml, true=TRUE, false=[*FALSE, *other]).false_silenced == 9


def test_there_is_no_filter_where_a_true_positive_looks_the_same():
    same = [record(60, "C:\\Program Files\\Backup\\agent.exe", "cmd /c backup.bat 1")]
    assert propose(ID, PLAIN, false=[FALSE[1]], true=same) is None or all(
        not propose(ID, PLAIN, false=[FALSE[1]], true=same).silences(one.fields) for one in same
    )


def test_values_with_wildcards_and_backslashes_are_taken_literally(rule):
    odd = [record(n, "\\\\srv\\share*\\a?b\\", "cmd /c x\\*", user="u\\") for n in range(3)]
    near = [record(80, "\\\\srv\\shareX\\aYb\\", "cmd /c x\\*", user="u\\")]
    made = propose(ID, PLAIN, false=odd, true=near)
    proof = prove(rule, made.yaml, true=near, false=odd)
    assert proof.holds
    assert proof.false_silenced == 3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_no_proposal_ever_loses_a_true_positive(rule, seed):
    chance = random.Random(seed)
    names = ["C:\\A\\x.exe", "C:\\B\\x.exe", "/opt/y", "a*b", "q?\\", "Ünïcode", "x"]
    every = [record(n, chance.choice(names), chance.choice(names), user=chance.choice(names)) for n in range(12)]
    false, true = every[: chance.randrange(1, 8)], every[8:]
    made = propose(ID, PLAIN, false=false, true=true)
    if made is not None:
        assert prove(rule, made.yaml, true=true, false=false).holds


def test_from_label_to_force_and_back(desk, rule, tmp_path):
    room, who = desk
    with pytest.raises(RefusedError, match="nobody called"):
        room.propose(rule, who)
    room.label(ID, FALSE, "false_positive", who, reason="backup")
    room.label(ID, TRUE, "true_positive", who)
    made, proof = room.propose(rule, who)
    assert proof.holds
    with pytest.raises(RefusedError, match="not watched"):
        room.deploy(made.id, rule, who, reason="x")
    watched = room.watch(made.id, rule, [*FALSE, *TRUE, record(90, "C:\\x.exe", "cmd")], who)
    assert (watched.matches, watched.silenced, watched.lost) == (8, 5, ())
    state = room.deploy(made.id, rule, who, reason="agreed")
    assert state.stage == "live"
    assert state.since_label_s < 60
    assert room.write(tmp_path / "filters", who) == 1
    again = TuningDesk(room._ledger)
    again.catch_up()
    assert again.filters[made.id].stage == "live"
    room.withdraw(made.id, who, reason="too broad")
    assert room.write(tmp_path / "filters", who) == 0
    assert list((tmp_path / "filters").iterdir()) == []


def test_a_true_positive_that_is_labelled_later_stops_a_filter(desk, rule):
    room, who = desk
    room.label(ID, FALSE, "false_positive", who)
    room.label(ID, TRUE, "true_positive", who)
    made, _ = room.propose(rule, who)
    room.watch(made.id, rule, FALSE, who)
    room.label(ID, [record(99, "C:\\Program Files\\Backup\\agent.exe", "cmd /c vssadmin delete")], "true_positive", who)
    with pytest.raises(RefusedError, match="labelled since"):
        room.deploy(made.id, rule, who, reason="x")


def test_a_filter_that_silenced_a_true_positive_in_shadow_is_not_put_in_force(desk, rule):
    room, who = desk
    room.label(ID, FALSE, "false_positive", who)
    made, _ = room.propose(rule, who)
    late = record(98, "C:\\Program Files\\Backup\\agent.exe", "cmd /c backup.bat x")
    room.label(ID, [late], "true_positive", who)
    assert room.watch(made.id, rule, [*FALSE, late], who).lost == (late.id,)
    with pytest.raises(RefusedError, match="in shadow"):
        room.deploy(made.id, rule, who, reason="x")


def test_a_later_word_replaces_an_earlier_one(desk):
    room, who = desk
    room.label(ID, FALSE[:1], "false_positive", who)
    room.label(ID, FALSE[:1], "true_positive", who)
    assert room.labels.counts(ID) == (1, 0)


def test_labels_keep_the_record_whole():
    one = record(1, "p", "c", tuples=("a", 1))
    assert decode(encode(one)) == one


@pytest.mark.parametrize(
    ("true", "false", "advice"),
    [(0, 0, "undecided"), (0, 3, "tune"), (0, 40, "retire"), (20, 2, "keep"), (5, 40, "tune"), (1, 1, "undecided"), (2, 3, "keep")],
)
def test_advice_follows_the_interval(true, false, advice):
    assert advise(true, false).advice == advice
