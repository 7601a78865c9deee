"""The drills themselves: a broken cascade lets nothing through, and a drill that did would say so."""

import pytest

from bartizan.bench import drills
from bartizan.bench.evidence import measure
from bartizan.bench.outputs import measure as score_outputs
from bartizan.guard.evidence import Rate, shipped_evidence


@pytest.mark.slow
def test_nothing_passes_a_broken_cascade_unjudged():
    report = drills.measure()
    assert (report.drills, report.passed_unjudged) == (10, 0)
    assert all(drill.recorded for drill in report.each)


def test_a_drill_can_fail():
    verdicts = drills._judged(drills._Asks(lambda text: None))
    assert not drills._told("nothing is broken", verdicts).held


def test_damaged_weights_stop_the_start():
    drill = drills._start("x", "bartizan.guard.outputs", "heads.npz", drills._changed, drills.OutputHeads.load)
    assert (drill.held, drill.outcome) == (True, "the gateway does not start")


def test_evidence_is_counted_by_tier_with_an_interval(tmp_path):
    path = tmp_path / "benign.jsonl"
    path.write_text('{"text": "How do I rotate the logs of a server?", "source": "a"}\n' * 3 + '{"text": "other", "source": "b"}\n')
    evidence = measure([path], sources=["a"], most=2)
    assert evidence.sources == {"a": 2}
    assert evidence.controls["rules"].tiers["public"] == Rate(stopped=0, of=2)
    assert Rate(stopped=0, of=100).interval() == (0.0, pytest.approx(0.037, abs=0.001))
    assert "(measured on an earlier version" in evidence.of("rules", "other")
    assert evidence.of("nobody", "") == "not measured"


def test_the_shipped_evidence_covers_what_ships():
    evidence = shipped_evidence()
    assert evidence is not None
    assert {"injection", "misuse", "malicious_code", "phishing_text"} <= set(evidence.controls)
    assert sum(evidence.sources.values()) >= 2000


def test_outputs_are_scored_against_benign_files(tmp_path):
    (tmp_path / "a.sh").write_text('#!/bin/sh\nset -eu\nfor host in a b c; do ssh "$host" uptime; done\n')
    report = score_outputs(benign=[tmp_path])
    assert report.written["malicious_code"].auc > 0.9
    assert len(report.outside) == 1
