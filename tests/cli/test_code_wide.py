import json
import os
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from bartizan.cli.code import app

BAD = "app.get('/', (req, res) => { eval(req.query.x) })\n"


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "a.js").write_text(BAD)
    return folder


def git(folder, *words):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *words]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def test_a_triage_is_written_in_every_form_and_learns(tree, tmp_path):
    sarif, words, base = tmp_path / "o.sarif", tmp_path / "w.jsonl", tmp_path / "b.json"
    done = call(
        "triage", "--tree", tree, "--sarif", sarif, "--md", tmp_path / "o.md", "--html", tmp_path / "o.html", "--write-baseline", base
    )
    assert done.exit_code == 0, done.output
    assert "CWE-95" in done.output
    (result,) = json.loads(sarif.read_text())["runs"][0]["results"]
    finding = result["partialFingerprints"]["bartizan/v1"]
    assert "js/code-injection" in (tmp_path / "o.md").read_text()
    assert "js/code-injection" in (tmp_path / "o.html").read_text()
    assert call("triage", "--tree", tree, "--baseline", base).output.startswith("0 kept")
    assert call("judge", finding, "false", "--sarif", sarif, "--feedback", words, "--by", "ann").exit_code == 0
    assert "1 judged-false" in call("triage", "--tree", tree, "--feedback", words).output
    assert call("triage", sarif, "--json").exit_code == 0


def test_a_change_that_brings_a_grave_finding_is_stopped(tree):
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "x")
    assert call("check", tree).exit_code == 0
    (tree / "b.js").write_text(BAD)
    git(tree, "add", "-A")
    done = call("check", tree)
    assert done.exit_code == 3
    assert "b.js:1" in done.output
    assert "a.js" not in done.output


def test_the_hook_is_installed_beside_no_other(tree):
    git(tree, "init", "-q")
    assert call("hook", tree, "--install").exit_code == 0
    assert os.access(tree / ".git/hooks/pre-commit", os.X_OK)
    assert call("hook", tree, "--install").exit_code == 0
    (tree / ".git/hooks/pre-commit").write_text("#!/bin/sh\ntrue\n")
    assert call("hook", tree, "--install").exit_code != 0
    assert "bartizan code check" in call("hook").output
    assert "permissions: {}" in call("hook", "--ci").output


def test_dependencies_are_judged_and_mended(tree, tmp_path):
    (tree / "requirements.txt").write_text("pyyaml==5.3\n")
    entry = {
        "id": "X-1",
        "published": "2026-01-01",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "pyyaml"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.4"}]}],
            }
        ],
    }
    snapshot = tmp_path / "osv.jsonl"
    snapshot.write_text(json.dumps(entry) + "\n")
    assert call("sca", tree, "--advisories", snapshot).exit_code == 1
    key = tmp_path / "k.pem"
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signed = call("advisories", "sign", snapshot, "--key", key, "--made", "2026-01-01")
    assert signed.exit_code == 0, signed.output
    public = signed.stdout.strip()
    assert "the signature holds" in call("advisories", "check", snapshot, "--trust", public).output
    bom = tmp_path / "bom.json"
    done = call("sca", tree, "--advisories", snapshot, "--trust", public, "--oldest", 100_000, "--fix", "--write", "--cyclonedx", bom)
    assert done.exit_code == 3
    assert "pyyaml 5.3 -> 5.4  ready" in done.output
    assert (tree / "requirements.txt").read_text() == "pyyaml==5.4\n"
    assert json.loads(bom.read_text())["specVersion"] == "1.6"
    assert call("sca", tree, "--advisories", snapshot, "--trust", public, "--oldest", 100_000).exit_code == 0
    assert call("sca", tree, "--advisories", snapshot, "--trust", public, "--oldest", 1).exit_code == 4


def test_model_import_and_history_run(tree, tmp_path):
    assert "Ways in" in call("model", tree).output
    assert json.loads(call("model", tree, "--json").output)["entries"]
    log = tmp_path / "x.sarif"
    log.write_text('{"version":"2.1.0","runs":[]}')
    assert "0 findings" in call("import", log).output
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "x")
    assert "1 findings live" in call("history", tree).output
