"""``bartizan triage run`` with what is in force: filters that are live, and the rules about bartizan's own record."""

import json

import pytest

from bartizan.app import open_rooms
from bartizan.cli.main import main
from bartizan.config import Settings
from bartizan.event import ControlModeChanged, ExchangeCompleted, envelope

ID = "6d3f1d5e-0a55-4d4b-9a1b-2d6a3e6f0001"
RULE = f"""title: Shell from a service
id: {ID}
status: test
logsource: {{product: windows, category: process_creation}}
detection:
  selection:
    Image|endswith: '\\cmd.exe'
  condition: selection
level: high
tags: [attack.t1059.003]
"""


def event(number, host, parent, command):
    return {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": host,
        "SystemTime": f"2026-01-02T03:{number:02}:00Z",
        "Image": "C:\\Windows\\System32\\cmd.exe",
        "ParentImage": parent,
        "CommandLine": command,
    }


@pytest.fixture
def ready(tmp_path, monkeypatch, capsys):
    with open_rooms(tmp_path / "data", Settings()) as rooms:
        key = rooms.registrar.bootstrap("analyst").secret.reveal()
    monkeypatch.setenv("BARTIZAN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BARTIZAN_KEY", key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert ended.value.code == 0, said.err
        return said

    return run


def test_a_live_filter_suppresses_what_was_labelled_false_and_nothing_else(ready, tmp_path):
    rules = tmp_path / "rule.yml"
    rules.write_text(RULE)
    agent = "C:\\Program Files\\Backup\\agent.exe"
    lines = [event(number, "backup", agent, "cmd /c backup.bat") for number in range(3)]
    lines += [event(30, "web", "C:\\inetpub\\w3wp.exe", "cmd /c whoami")]
    logs = tmp_path / "events.jsonl"
    logs.write_text("\n".join(map(json.dumps, lines)) + "\n")

    before = json.loads(ready("triage", "run", logs, "--rules", rules, "--json").out)
    assert before["alerts"] == 4
    cited = {step["host"]: step["cites"] for made in before["incidents"] for step in made["timeline"]}
    assert set(cited) == {"backup", "web"}

    for word, host in (("false", "backup"), ("true", "web")):
        records = [part for record in cited[host] for part in ("--record", record)]
        ready("triage", "label", ID, word, *records, "--from", logs)
    ready("triage", "tune", "auto", ID, "--rules", rules, "--reason", "the backup does this", logs)

    after = ready("triage", "run", logs, "--rules", rules, "--json")
    assert "1 filters are live" in after.err
    made = json.loads(after.out)
    assert made["alerts"] == 1
    assert [one["hosts"] for one in made["incidents"]] == [["web"]]


def test_bartizans_own_record_is_read_with_the_rules_about_it(ready, tmp_path):
    with open_rooms(tmp_path / "data", Settings()) as rooms:
        rooms.ledger.append_now(envelope(ControlModeChanged(control="rules", mode="off"), actor="person_1"))
        for _ in range(2):
            rooms.ledger.append_now(envelope(ExchangeCompleted(outcome="answered", decision="allow"), actor="person_1"))
    made = json.loads(ready("triage", "run", "--own", "--json").out)
    titles = {step["title"] for one in made["incidents"] for step in one["timeline"]}
    titles |= {title for group in made["groups"] for title, _ in group["signatures"]}
    assert "A control was switched off" in titles
    assert "A request was answered" not in titles


def test_own_rules_without_the_own_record_match_no_other_log(ready, tmp_path):
    logs = tmp_path / "events.jsonl"
    logs.write_text(json.dumps(event(1, "web", "C:\\a.exe", "cmd")) + "\n")
    assert json.loads(ready("triage", "run", logs, "--own-rules", "--no-keep", "--json").out)["alerts"] == 0
