"""The monitor's commands as people run them: on a data directory, with a key, and on files."""

import json
import random

import pytest

from bartizan.cli import main
from bartizan.event import ExchangeAdmitted, ExchangeCompleted, SignalRaised, Tier, Trace, Verdict, envelope, kind_of
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.monitor.live.dryrun import dry_run
from bartizan.monitor.live.expression import Rule, compile_rule
from bartizan.monitor.live.projection import KINDS
from bartizan.monitor.training.requests import requests

START = 1_790_000_000.0


def exchanges(ledger, count, *, account="acct_1", score=0.0, begun=0, tier=Tier.VERIFIED):
    for number in range(begun, begun + count):
        verdict = Verdict(control="learned", version="1", layer="input", mode="enforce", category="cyber_misuse", score=score)
        admitted = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=tier, key_id="k", trace=Trace())
        completed = ExchangeCompleted(outcome="answered", decision="allow", verdicts=(verdict,) if score else ())
        named = f"ex_{account}_{number}"
        at = START + number * 30.0
        ledger.append_now(*(envelope(body, account=account, correlation=named, at=at) for body in (admitted, completed)))


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BARTIZAN_DATA", str(tmp_path / "data"))
    ledger = Ledger.open(tmp_path / "data", role="test")
    issued = Registrar(ledger, Directory(ledger)).bootstrap("Ada")
    exchanges(ledger, 20)
    exchanges(ledger, 10, begun=20, score=0.9995)
    exchanges(ledger, 5, account="acct_2", tier=Tier.TRUSTED)
    ledger.close()
    monkeypatch.setenv("BARTIZAN_KEY", issued.secret.reveal())

    def command(*words):
        with pytest.raises(SystemExit) as ended:
            main(["monitor", *map(str, words)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


def test_rules_are_tried_on_the_record_and_raise_nothing(run, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(
        "[[rule]]\nid = 'sure'\nwhen = 'score > 3.0'\n\n[[rule]]\nid = 'never'\nwhen = 'hour > 40'\n"
        "\n[[rule]]\nid = 'trusted'\nwhen = \"tier == 'trusted'\"\n",
        encoding="utf-8",
    )
    code, out, err = run("rules", "test", rules, "--json")
    assert code == 0, err
    found = {row["rule"]: row for row in json.loads(out)}
    assert (found["sure"]["signals"], found["sure"]["accounts"]) == (1, 1)
    assert found["sure"]["examples"][0].startswith("ex_acct_1_")
    assert found["never"]["signals"] == 0
    assert found["trusted"]["accounts"] == 1
    ledger = Ledger.open(tmp_path / "data", role="test")
    assert list(ledger.events(kinds={kind_of(SignalRaised)})) == []
    ledger.close()


def test_a_rule_that_is_none_is_refused_and_so_is_nobody(run, tmp_path, monkeypatch):
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule]]\nid = 'r'\nwhen = \"account == 'x'\"\n", encoding="utf-8")
    code, _, err = run("rules", "test", rules)
    assert code != 0
    assert "Traceback" not in err
    rules.write_text("[[rule]]\nid = 'r'\nwhen = 'score > 3.0'\n", encoding="utf-8")
    monkeypatch.setenv("BARTIZAN_KEY", "")
    code, _, err = run("rules", "test", rules)
    assert code != 0
    assert "nobody acts" in err


def test_signals_on_record_do_not_hide_what_a_rule_would_raise(run, tmp_path):
    ledger = Ledger.open(tmp_path / "data", role="test")
    compiled = [compile_rule(Rule(id="sure", when="score > 3.0"))]
    before = dry_run(ledger.events(kinds=KINDS), compiled)
    (signal,) = [row for row in before if row.signals]
    assert signal.accounts == 1
    assert dry_run(ledger.events(kinds=KINDS), compiled) == before
    assert dry_run(iter(()), compiled)[0].signals == 0
    ledger.close()


def test_signals_of_a_record_without_any_are_none(run):
    code, out, err = run("signals", "--json")
    assert (code, json.loads(out)) == (0, []), err


def test_a_folder_is_scored_and_one_without_rows_refused(run, tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    code, _, err = run("score", folder, tmp_path / "out.jsonl")
    assert code != 0
    assert "neither" in err
    (folder / "conversations.jsonl").write_text('{"id": "a", "turns": [{"role": "user", "content": "Hello"}]}\n', encoding="utf-8")
    code, _, err = run("score", folder, tmp_path / "out.jsonl")
    assert code == 0, err
    (line,) = map(json.loads, (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines())
    assert (line["id"], line["flagged"]) == ("a", False)


def test_calibrating_reads_harmless_rows_alone_and_keeps_the_budget(run, tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    draw = random.Random(3)
    texts = [item.text for item in requests(400, seed=97) if not item.harmful]
    rows = [
        {"account": f"b{account}", "account_label": 0, "t": number * 600.0, "net": f"n{account}", "text": draw.choice(texts)}
        for account in range(220)
        for number in range(6)
    ]
    (folder / "account_streams.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    talks = [
        {"id": str(number), "label": 0, "turns": [{"role": "user", "content": draw.choice(texts)} for _ in range(2)]}
        for number in range(210)
    ]
    (folder / "conversations.jsonl").write_text("\n".join(map(json.dumps, talks)), encoding="utf-8")
    made = []
    for name in ("one.json", "two.json"):
        code, _, err = run("calibrate", "--data", folder, "--out", tmp_path / name)
        assert code == 0, err
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    calibration = json.loads(made[0])
    assert calibration["provenance"]["harmless"] == {"accounts": 220, "exchanges": 1320, "conversations": 210}
    (folder / "conversations.jsonl").write_text(json.dumps(talks[0]), encoding="utf-8")
    code, _, err = run("calibrate", "--data", folder, "--out", tmp_path / "three.json")
    assert code != 0
    assert "200 are needed" in err
