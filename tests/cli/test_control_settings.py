import json

import pytest

from bartizan.app import open_app
from bartizan.cli import main
from bartizan.cli.control_settings import changed
from bartizan.config import Settings
from bartizan.errors import ConfigError
from bartizan.event import ControlSettingsChanged, kind_of
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger

RULE = 'rules=[{"id":"own","phrase":"Project Nightjar"}]'


class Shell:
    def __init__(self, data, capsys, monkeypatch):
        self.data, self.capsys, self.monkeypatch = data, capsys, monkeypatch
        ledger = Ledger.open(data, role="test")
        self.keys = {"Ada": Registrar(ledger, Directory(ledger)).bootstrap("Ada").secret.reveal()}
        ledger.close()

    def run(self, who, *words):
        self.monkeypatch.setenv("BARTIZAN_KEY", self.keys.get(who, ""))
        self.monkeypatch.setenv("BARTIZAN_DATA", str(self.data))
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = self.capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    def ok(self, who, *words):
        code, out, err = self.run(who, *words)
        assert code == 0, err
        return out.strip()

    def join(self, name, *roles):
        self.ok("Ada", "principal", "add", "person", name, *(word for role in roles for word in ("--role", role)))
        self.keys[name] = self.ok("Ada", "key", "issue", name)


@pytest.fixture
def shell(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path / "data", capsys, monkeypatch)


def facts(app):
    return [fact.body for _, fact in app.ledger.events(kinds=[kind_of(ControlSettingsChanged)])]


def test_a_process_that_runs_follows_a_change_without_a_restart(shell):
    with open_app(shell.data, Settings(), role="gateway") as app:
        before = {each.control: each.sha256 for each in app.registry.registered()}
        shell.ok("Ada", "controls", "set", "rules", RULE, "--reason", "a new project")
        app.ledger.catch_up()
        after = {each.control: each.sha256 for each in app.registry.registered()}
        assert {name for name in before if before[name] != after[name]} == {"rules"}
        [fact] = facts(app)
    assert (fact.control, fact.reason, fact.approval) == ("rules", "a new project", "")
    code, out, _ = shell.run("", "controls", "test", "about project nightjar", "--json")
    assert (code, json.loads(out)["action"]) == (1, "block")
    shell.ok("Ada", "controls", "set", "rules", "rules=", "--reason", "over")
    assert shell.run("", "controls", "test", "about project nightjar")[0] == 0


def test_what_cannot_be_built_is_refused_before_it_is_written(shell):
    for words in (("rules", 'rules=[{"id":"x","pattern":"a+"}]'), ("injection", "thresholds.injection_user.public=3"), ("items", "x=1")):
        code, _, err = shell.run("Ada", "controls", "set", *words, "--reason", "r")
        assert code == 1
        assert "control" in err
    with open_app(shell.data, Settings()) as app:
        assert facts(app) == []


def test_only_who_changes_controls_changes_their_settings(shell):
    shell.join("Bob", "auditor")
    code, _, err = shell.run("Bob", "controls", "set", "rules", RULE, "--reason", "r")
    assert code == 1
    assert "control.change is not permitted" in err


def test_where_duties_are_apart_another_person_agrees_first(shell, tmp_path):
    shell.join("Bob", "approver")
    shell.join("Olga", "operator")
    (tmp_path / "bartizan.toml").write_text('profile = "regulated"')
    said = json.loads(shell.ok("Olga", "controls", "set", "rules", RULE, "--reason", "a new project", "--json"))
    with open_app(shell.data, Settings(profile="regulated")) as app:
        assert facts(app) == []
        assert shell.run("Olga", "case", "approve", said["approval"])[0] == 1
        shell.ok("Bob", "case", "approve", said["approval"])
        app.ledger.catch_up()
        [fact] = facts(app)
        assert (fact.approval, fact.reason) == (said["approval"], "a new project")
        assert app.registry.settings == {"rules": '{"rules":[{"id":"own","phrase":"Project Nightjar"}]}'}


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("{}", ["a.b.c=0.5"], '{"a":{"b":{"c":0.5}}}'),
        ('{"a":{"b":1,"c":2}}', ["a.b="], '{"a":{"c":2}}'),
        ('{"a":{"b":1}}', ["a.b="], "{}"),
        ("{}", ["a=plain words", "b=[1]"], '{"a":"plain words","b":[1]}'),
        ("{}", ["a=x=y"], '{"a":"x=y"}'),
    ],
)
def test_dotted_keys_are_set_and_taken_away(before, change, after):
    assert changed(before, change) == after


@pytest.mark.parametrize("change", ["a", "=1", "a..b=1", "a.b.c=1"])
def test_a_change_that_is_none_is_refused(change):
    with pytest.raises(ConfigError):
        changed('{"a":{"b":3}}', [change])
