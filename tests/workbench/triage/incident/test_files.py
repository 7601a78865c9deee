"""Files of alerts: forms, labels that are never read, hostile rows; the commands that read them."""

import contextlib
import json
import lzma

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.app import open_rooms
from bartizan.bench.triage_world import world
from bartizan.cli.main import main
from bartizan.config import Settings
from bartizan.errors import ConfigError
from bartizan.workbench.triage.incident.rows import moment, read

HEAD = "time,name,ip,host,short,time_label,event_label\n"


@pytest.fixture(scope="module")
def table():
    rows = [f'{alert.at},"{alert.tool}: {alert.title}",10.0.0.1,{alert.host},X,false_positive,-\n' for alert in world(count=800).alerts]
    return HEAD + "".join(rows)


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def written(path, text):
    path.write_bytes(lzma.compress(text.encode()))
    return path


def test_every_row_is_in_one_line_and_labels_change_nothing(tmp_path, table):
    source = written(tmp_path / "a_alerts.csv.xz", table)
    assert run("triage", "alerts", source, tmp_path / "out") == 0
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert sorted(row for line in lines for row in line["alerts"]) == list(range(table.count("\n") - 1))
    assert {"incident", "alerts", "verdict", "p", "first_alert_t", "raised_t"} <= set(lines[0])
    assert sum(line["verdict"] == "malicious" for line in lines) == 3
    assert all(line["suppressed"] == (line["raised_t"] is None) for line in lines)
    lying = table.replace("false_positive,-", "attack,benign")
    written(tmp_path / "a_alerts.csv.xz", lying)
    run("triage", "alerts", source, tmp_path / "lied")
    bare = "".join(line.rsplit(",", 2)[0] + "\n" for line in table.splitlines())
    written(tmp_path / "a_alerts.csv.xz", bare)
    run("triage", "alerts", source, tmp_path / "bare")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "lied").read_bytes() == (tmp_path / "bare").read_bytes()


def test_wazuh_suricata_and_plain_rows_become_alerts(tmp_path):
    rows = [
        {
            "timestamp": "2026-11-01T10:00:00.000+0000",
            "rule": {"level": 12, "id": "5710", "description": "sshd: brute force", "mitre": {"id": ["T1110"]}},
            "agent": {"name": "Web-1"},
            "data": {"srcip": "192.0.2.7"},
        },
        {
            "timestamp": "2026-11-01T10:00:01+00:00",
            "event_type": "alert",
            "alert": {"signature_id": 7, "signature": "ET SCAN x", "severity": 1},
            "src_ip": "192.0.2.7",
            "dest_ip": "10.0.0.2",
        },
        {
            "time": 1.7e12,
            "title": "Odd",
            "level": "critical",
            "host": "h",
            "tags": ["attack.t1059.001", "attack.execution"],
            "label": "benign",
        },
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    one, two, three = read(path)
    assert (one.tool, one.severity, one.techniques, one.host) == ("Wazuh", "high", ("T1110",), "Web-1")
    assert (two.tool, two.severity, two.host, two.at - one.at) == ("Suricata", "high", "10.0.0.2", 1.0)
    assert (three.at, three.severity, three.techniques) == (1.7e9, "critical", ("T1059.001",))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("not_json.jsonl", b"{"),
        ("a_list.jsonl", b"[1]"),
        ("not_packed.csv.xz", b"time,name\n"),
        ("cut_off.csv.xz", lzma.compress(b"time,name\n1,x\n")[:-9]),
        ("other.txt", b"x"),
        ("deep.jsonl", b'{"a":' * 5000),
    ],
)
def test_a_file_that_is_none_is_a_typed_error(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        list(read(path))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_table_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEAD + text, encoding="utf-8", errors="replace")
    with contextlib.suppress(ConfigError):
        assert all(alert.records for alert in read(path))


@pytest.mark.parametrize("value", [None, True, "", "x", "nan", "inf", -5, 1e300, "9" * 100, [], {}, "2026-13-01", b"\x00"])
def test_a_time_that_is_none_is_zero(value):
    assert moment(value) == 0.0


def test_a_run_is_kept_once_and_followed_up_from_the_command_line(tmp_path, table, capsys, monkeypatch):
    source = written(tmp_path / "a_alerts.csv.xz", table)
    with open_rooms(tmp_path / "data", Settings()) as rooms:
        key = rooms.registrar.bootstrap("analyst").secret.reveal()
    monkeypatch.setenv("BARTIZAN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BARTIZAN_KEY", key)
    assert run("triage", "run", source, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert len(made["incidents"]) == 3
    assert run("triage", "run", source) == 0
    assert "taken in before" in capsys.readouterr().err
    first, second, _ = (each["id"] for each in made["incidents"])
    assert run("triage", "decide", first, "benign", "--reason", "a drill") == 0
    assert run("triage", "merge", second, first, "--reason", "one attacker") == 0
    act = capsys.readouterr().err.split("undo ")[1].split()[0]
    assert run("triage", "undo", act, "--reason", "two") == 0
    assert run("triage", "split", second, "0", "--reason", "other") == 0
    assert run("triage", "sample", "--budget", "3", "--json") == 0
    capsys.readouterr()
    assert run("triage", "show", first[:6]) == 0
    assert "a drill" in capsys.readouterr().out
    assert run("triage", "show", first, "--for-response") == 0
    assert json.loads(capsys.readouterr().out)["id"] == first
    assert run("triage", "incidents", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert run("triage", "run", source, "--asset", "x") == 2
