import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bartizan.errors import VerificationError
from bartizan.ledger import offline
from bartizan.ledger.witness import Witness


@pytest.fixture
def witness(tmp_path):
    return Witness(tmp_path / "witness")


def test_a_witness_signs_what_goes_on_and_the_verifier_believes_it(ledger, person, witness, tmp_path):
    for count in (1, 300, 7):
        ledger.append_now(*(person() for _ in range(count)))
        cosigned = ledger.cosign(witness)
    anchor = cosigned.note
    ledger.append_now(person())
    report = offline.verify(tmp_path / "data", log_key=ledger.signer.vkey, witness_keys=[witness.vkey], anchor=anchor)
    assert (report.findings, report.cosigned, report.size) == ([], 309, 310)
    assert report.remarks == []


def test_a_witness_refuses_an_older_copy(make, person, witness, tmp_path):
    ledger = make()
    ledger.append_now(person())
    ledger.close()
    shutil.copytree(tmp_path / "data", tmp_path / "old")
    ledger = make()
    ledger.append_now(person())
    ledger.cosign(witness)
    old = make(data=tmp_path / "old")
    with pytest.raises(VerificationError, match="shrunk"):
        old.cosign(witness)
    old.append_now(*(person() for _ in range(10)))
    with pytest.raises(VerificationError, match="consistency"):
        old.cosign(witness)


def test_a_witness_refuses_another_key_for_the_same_log(make, person, witness, tmp_path):
    for name in ("one", "two"):
        make(data=tmp_path / name).append_now(person())
    make(data=tmp_path / "one").cosign(witness)
    with pytest.raises(VerificationError, match="another key"):
        make(data=tmp_path / "two").cosign(witness)


@pytest.fixture
def bundle(ledger, person, witness):
    ledger.append_now(*(person() for _ in range(20)))
    ledger.cosign(witness)
    ledger.append_now(person())
    return ledger.export([0, 7, 20], witnesses=[witness.vkey])


def test_a_bundle_proves_its_entries_without_the_data(ledger, bundle, witness, tmp_path):
    (tmp_path / "bundle.json").write_bytes(bundle)
    anchor = ledger.cosigned().note
    report = offline.verify(tmp_path / "bundle.json", log_key=ledger.signer.vkey, witness_keys=[witness.vkey], anchor=anchor)
    assert (report.findings, report.cosigned, report.remarks) == ([], 21, [])


@pytest.mark.parametrize(
    "flaw",
    [
        lambda value: value["entries"][1].update(seq=8),
        lambda value: value["entries"][1].update(header=value["entries"][2]["header"]),
        lambda value: value["entries"][1].update(
            header=value["entries"][1]["header"].replace("person", "Person", 1).replace("p7", "p8") + " "
        ),
        lambda value: value["entries"][1]["proof"].pop(),
        lambda value: value["entries"][1]["proof"].append("A" * 43 + "="),
        lambda value: value.update(checkpoint=value["checkpoint"].replace("21", "22")),
        lambda value: value.update(entries=7),
        lambda value: value.update(format="other"),
        lambda value: value.pop("checkpoint"),
    ],
    ids=["moved", "swapped", "edited", "proof_short", "proof_long", "checkpoint_size", "entries_no_list", "format", "no_checkpoint"],
)
def test_a_changed_bundle_proves_nothing(ledger, bundle, witness, tmp_path, flaw):
    value = json.loads(bundle)
    flaw(value)
    (tmp_path / "bundle.json").write_text(json.dumps(value))
    assert not offline.verify(tmp_path / "bundle.json", log_key=ledger.signer.vkey, witness_keys=[witness.vkey]).ok


def test_the_verifier_runs_as_a_script_without_bartizan(ledger, person, witness, tmp_path):
    ledger.append_now(person())
    (tmp_path / "checkpoint").write_text(ledger.cosign(witness).note)
    script = shutil.copy(offline.__file__, tmp_path / "offline.py")
    keys = ["--log-key", ledger.signer.vkey, "--witness-key", witness.vkey]
    command = [sys.executable, "-I", script, tmp_path / "data", "--checkpoint", tmp_path / "checkpoint", *keys]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("all is well\n")
    lost = subprocess.run([sys.executable, "-I", script, tmp_path / "nowhere"], capture_output=True, text=True, check=False)
    assert (lost.returncode, lost.stderr) == (1, "")


def test_the_verifier_imports_only_the_standard_library_and_cryptography():
    tree = ast.parse(Path(offline.__file__).read_text())
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names, "cryptography"}
