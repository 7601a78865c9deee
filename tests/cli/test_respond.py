"""The whole noun as a person uses it: plan, run, refuse to approve one's own, undo, report; on a data directory with two people."""

import contextlib
import io
import json

import msgspec
import pytest

from bartizan.app import open_rooms
from bartizan.app.directory import prepare
from bartizan.cli.respond import app
from bartizan.config import load
from bartizan.errors import RefusedError

pytest.importorskip("dbos", reason="the extra `work` is not installed")


@pytest.fixture
def people(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bartizan.toml").write_text(
        f'[respond]\nunattended_reach = 1\n[respond.connectors.firewall]\nkind = "blocklist"\nfile = "{tmp_path}/blocked.txt"\n'
    )
    incident = {"id": "inc-1", "title": "password guessing\u001b[2J", "entities": [{"kind": "ip", "value": "9.9.9.9"}]}
    (tmp_path / "incident.json").write_text(json.dumps(incident))
    text = "id: wide\nname: Wide\nmost: 300\nsteps: [{id: block, do: firewall.block, with: {address: 203.0.113.0/24}}]\n"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "wide.yaml").write_text(text)
    (tmp_path / "bartizan.toml").write_text(
        (tmp_path / "bartizan.toml").read_text().replace("[respond]\n", '[respond]\nplaybooks = "own"\n')
    )
    data = tmp_path / "bartizan-data"
    prepare(data)
    with open_rooms(data, load(tmp_path / "bartizan.toml")) as rooms:
        keys = {}
        for name, role in (("ada", "operator"), ("cleo", "operator"), ("bob", "approver"), ("mallory", "member")):
            person = rooms.registrar.register("person", name, (role,), actor=None)
            keys[name] = rooms.registrar.issue_key(person.id, actor=None).secret.reveal()
    return keys


def told(*words):
    """Run a command and return what it wrote; stderr stays, since durable work keeps a handler on it."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out):
        app(args=list(words), standalone_mode=False)
    return out.buffer.getvalue().decode()


def test_from_the_plan_to_the_report(people, tmp_path):
    with pytest.raises(RefusedError):
        told("plan", "incident.json", "-p", "wide", "--as", people["mallory"])
    planned = msgspec.json.decode(told("plan", "incident.json", "-p", "wide", "--as", people["cleo"], "--json"))
    which = planned["response"]
    assert planned["actions"][0]["reach"] == 256
    assert not (tmp_path / "blocked.txt").exists()
    with pytest.raises(RefusedError):
        told("run", which, "--as", people["mallory"])
    assert "waits for consent" in told("run", which, "--as", people["ada"])
    with pytest.raises(RefusedError):
        told("approve", which, "--yes", "--as", people["ada"])
    assert "contained" in told("approve", which, "--yes", "--as", people["bob"])
    assert (tmp_path / "blocked.txt").read_text().startswith("203.0.113.0/24 # bartizan:")
    assert "\u001b" not in told("show", which, "--as", people["ada"])
    assert "undone" in told("undo", which, "--reason", "a drill", "--as", people["ada"])
    assert (tmp_path / "blocked.txt").read_text() == ""
    assert "## Decisions" in told("report", which, "--as", people["ada"])
    told("close", which, "needless", "--reason", "a drill", "--as", people["ada"])
    assert "undone" in told("list", "--as", people["ada"])


def test_playbooks_are_listed_checked_and_converted(people, tmp_path):
    assert "wide" in told("playbooks")
    assert "brute-force" in told("playbooks", "--for", "incident.json")
    (tmp_path / "x.json").write_text(told("convert", "ransomware"))
    told("check", "x.json")
    assert told("convert", "x.json", "--to", "yaml").startswith("id: ransomware\n")
    assert msgspec.json.decode(told("schema"))
