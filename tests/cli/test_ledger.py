import json

import pytest
from typer.testing import CliRunner

from bartizan.cli.ledger import app
from bartizan.errors import BartizanError
from bartizan.event import PrincipalRegistered, envelope
from bartizan.ledger import Ledger


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = Ledger.open(tmp_path / "bartizan-data", role="test")
    body = PrincipalRegistered(principal="p", account="acct_a", kind="person")
    ledger.append_now((envelope(body, account="acct_a"), b'{"name":"Ada"}'))
    ledger.close()

    def command(*arguments, code=0):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(result.exception, BartizanError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout

    return command


def test_a_ledger_is_witnessed_exported_and_verified(run, tmp_path):
    kept = json.loads(run("witness", "--json"))
    (tmp_path / "checkpoint").write_text(kept["checkpoint"])
    keys = ["--log-key", kept["log_key"], "--witness-key", kept["witness_key"], "--checkpoint", tmp_path / "checkpoint"]
    report = json.loads(run("verify", "--json", *keys))
    assert (report["ok"], report["cosigned"], report["remarks"]) == (True, 3, [])
    run("export", 1, "--out", tmp_path / "bundle.json")
    assert "all is well" in run("verify", tmp_path / "bundle.json", *keys)
    assert json.loads(run("prove", 1, "--json"))["seq"] == 1


def test_a_damaged_ledger_is_not_proven(run, tmp_path):
    path = tmp_path / "bartizan-data" / "ledger.db"
    path.write_bytes(path.read_bytes().replace(b"principal_registered", b"principal_deregisterd"[:20]))
    assert "NOT PROVEN" in run("verify", code=1)


def test_retention_is_stated_and_applied(run):
    assert "exchange    text    30 days" in run("retention")
    with pytest.raises(BartizanError, match="nobody acts"):
        run("retention", "--apply")


def test_a_directory_without_a_ledger_is_named(run, tmp_path):
    with pytest.raises(BartizanError, match="no ledger"):
        run("prove", 1, "--data", tmp_path / "nowhere")
    with pytest.raises(BartizanError, match="nothing to verify"):
        run("verify", tmp_path / "nowhere")
