"""The commands as a person runs them: from logs to stored records, health, labels, a filter in force and back."""

import json

import pytest

from bartizan.app import open_rooms
from bartizan.cli.main import main
from bartizan.config import Settings

RULE = """title: Shell
id: 6d3f1d5e-0a55-4d4b-9a1b-2d6a3e6f0001
status: test
author: somebody
tags: [attack.execution, attack.t1059]
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\\cmd.exe'
  condition: selection
level: medium
"""
ID = "6d3f1d5e-0a55-4d4b-9a1b-2d6a3e6f0001"


def event(number):
    return {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational",
            "SystemTime": f"2026-01-02T03:04:{number:02}Z", "Computer": "pc",
            "Image": "C:\\cmd.exe", "ParentImage": "C:\\w3wp.exe" if number % 2 else "C:\\backup.exe", "User": "svc"}  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    data = tmp_path / "data"
    with open_rooms(data, Settings()) as rooms:
        known = rooms.registrar.register("person", "hunter", ("operator",), actor=None)
        key = rooms.registrar.issue_key(known.id, actor=None).secret.reveal()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BARTIZAN_DATA", str(data))
    monkeypatch.setenv("BARTIZAN_KEY", key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shell.yml").write_text(RULE)
    (tmp_path / "logs.jsonl").write_text("".join(json.dumps(event(n)) + "\n" for n in range(8)) + "broken\n")

    def go(*arguments, code=0):
        with pytest.raises(SystemExit) as ended:
            main(["triage", *arguments])
        assert ended.value.code == code, capsys.readouterr()
        return capsys.readouterr()

    return go


def test_ingest_says_what_it_was_and_why(run, tmp_path):
    said = run("ingest", "logs.jsonl", "--out", "out.jsonl", "--malformed", "bad.jsonl")
    assert "logs.jsonl: jsonl: one JSON object a line; the first is windows_json" in said.err
    assert "8 records" in said.err
    assert "1 not_json" in said.err
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 8
    assert json.loads((tmp_path / "bad.jsonl").read_text())["raw"] == "broken"
    assert json.loads(run("ingest", "logs.jsonl", "--json").out)["malformed"] == {"not_json": 1}
    assert "ElfFile" not in run("ingest", "-", "--form", "help").out


def test_from_stored_records_to_a_filter_in_force_and_back(run, tmp_path):
    assert "8 new records" in run("store", "logs.jsonl").err
    assert "0 new records" in run("store", "logs.jsonl").err
    found = json.loads(run("hunt", "SELECT id, fields->>'ParentImage' FROM records ORDER BY time", "--json").out)
    bad = [row[0] for row in found["rows"] if "backup" in row[1]]
    good = [row[0] for row in found["rows"] if "w3wp" in row[1]]
    assert len(json.loads(run("hunt", "--sigma", "rules", "--json").out)) == 8
    run("label", ID, "false", "--record", bad[0], "--record", bad[1], "--reason", "backup")
    run("label", ID, "true", "--record", good[0])
    said = run("tune", "auto", ID, "--rules", "rules", "--reason", "agreed")
    assert "ParentImage" in said.out
    assert "2 false positives silenced, 1 true ones kept; 4 of 8 matches" in said.err
    (live,) = (tmp_path / "data" / "triage" / "filters").iterdir()
    health = json.loads(run("health", "--rules", "rules", "--json").out)
    assert health["rules"][0]["matches"] == 4
    assert json.loads(run("tune", "list", "--json").out)["filters"][0]["stage"] == "live"
    run("tune", "back", live.stem, "--reason", "too broad")
    assert not live.exists()
    said = run("coverage", "--layer", "layer.json", "--json")
    assert json.loads(said.out)["techniques"][0]["id"] == "T1059"
    assert json.loads((tmp_path / "layer.json").read_text())["techniques"][0]["techniqueID"] == "T1059"


def test_indicators_over_stored_records_are_alerts(run, tmp_path):
    (tmp_path / "iocs.csv").write_text("kind,value\nfilepath,C:\\w3wp.exe\n")
    run("store", "logs.jsonl", "--own")
    alerts = json.loads(run("hunt", "--indicator", "iocs.csv", "--json").out)
    assert len(alerts) == 4
    assert alerts[0]["tool"] == "intel"


def test_who_may_not_hunt_is_told_so(run, tmp_path, monkeypatch):
    with open_rooms(tmp_path / "data", Settings()) as rooms:
        known = rooms.registrar.register("person", "member", ("member",), actor=None)
        monkeypatch.setenv("BARTIZAN_KEY", rooms.registrar.issue_key(known.id, actor=None).secret.reveal())
    assert "not permitted" in run("hunt", "SELECT 1", code=1).err
    assert "not permitted" in run("label", ID, "true", "--record", "x", code=1).err


def test_mistakes_have_hints(run):
    assert "hint:" in run("hunt", code=2).err
    assert "hint:" in run("coverage", code=2).err
    assert "hint:" in run("hunt", "SELECT 1", code=2).err
