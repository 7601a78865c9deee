import json
import time

import pytest

from bartizan.cli import main
from bartizan.event import ExchangeAdmitted, ExchangeCompleted, Tier, Verdict, envelope
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger


@pytest.fixture
def drift(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    ledger = Ledger.open(data, role="test")
    monkeypatch.setenv("BARTIZAN_KEY", Registrar(ledger, Directory(ledger)).bootstrap("Ada").secret.reveal())
    monkeypatch.setenv("BARTIZAN_DATA", str(data))

    def command(scores):
        facts = []
        for number, score in enumerate(scores):
            seen = {"category": "malware_high", "score": score} if score else {}
            verdict = Verdict(control="misuse", version="1", layer="input", mode="shadow", **seen)
            admitted = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k")
            done = ExchangeCompleted(outcome="answered", decision="allow", verdicts=(verdict,))
            facts += [envelope(fact, correlation=f"ex_{number}", account="a", at=time.time()) for fact in (admitted, done)]
        ledger.append_now(*facts)
        ledger.close()
        with pytest.raises(SystemExit) as ended:
            main(["guard", "drift", "--json"])
        assert not ended.value.code
        return json.loads(capsys.readouterr().out)

    return command


def test_live_scores_are_compared_with_the_card(drift):
    [found] = drift([0.0] * 590 + [0.85] * 5 + [0.97] * 105)
    assert (found["head"], found["n"], found["band"]) == ("misuse", 700, "shifted")


def test_little_traffic_is_no_evidence(drift):
    [found] = drift([0.0, 0.97])
    assert (found["n"], found["band"], found["psi"]) == (2, "insufficient evidence", None)
