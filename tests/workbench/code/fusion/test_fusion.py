import datetime as dt
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import ConfigError
from bartizan.workbench.code import Finding, Scan, Step, sarif, sarif_in
from bartizan.workbench.code.fusion import Baseline, Judgement, Judgements, Suppressions, cwe_class, merge, shipped_priors, triage
from bartizan.workbench.code.fusion.judged import append
from bartizan.workbench.code.fusion.prior import Count, Priors, together
from bartizan.workbench.code.fusion.triage import Known, is_test

TODAY = dt.date(2026, 11, 1)


def finding(line=10, cwe=89, **rest):
    rest = {"id": f"i{line}-{cwe}", "rule": "py/sql", "file": "app.py", "p": 0.8, "severity": "high"} | rest
    return Finding(line=line, cwe=cwe, **rest)


def known(**rest):
    return Known(priors=Priors(version="1", counts=()), today=TODAY, **rest)


def test_two_tools_on_one_flaw_are_one_finding_that_is_surer():
    mine = finding(flow=(Step(file="app.py", line=1), Step(file="app.py", line=10)))
    theirs = finding(line=11, cwe=564, tool="Bandit", rule="B608", id="b", p=0.5)
    done = triage([mine, theirs], known())
    (ranked,) = done.kept
    assert ranked.finding.id == mine.id
    assert ranked.tools == ("bartizan", "Bandit")
    assert ranked.finding.p > 0.8
    assert "also found by Bandit: B608" in ranked.finding.evidence
    assert [each.why for each in done.dropped] == ["double"]


def test_two_flaws_of_one_tool_stay_two():
    assert len(merge([finding(line=10), finding(line=11, id="other")])) == 2
    assert len(merge([finding(line=10), finding(line=40, tool="Bandit")])) == 2
    assert len(merge([finding(line=10), finding(line=10, cwe=79, tool="Bandit")])) == 2


def test_names_of_functions_come_from_the_tree_where_a_tool_has_none():
    pair = [finding(function="f"), finding(tool="Bandit", line=11)]
    assert len(merge(pair)) == 2
    assert len(merge(pair, lambda file, line: "f")) == 1


def test_classes_hold_what_tools_call_differently():
    assert cwe_class(327) == cwe_class(916) == "crypto"
    assert cwe_class(0) == "unknown"
    assert cwe_class(99999) == "cwe-99999"


@pytest.mark.parametrize("path", ["tests/a.py", "src/test_a.py", "a_test.go", "web/a.spec.ts", "x/__tests__/a.js", "conftest.py"])
def test_tests_are_dropped_with_the_reason(path):
    assert is_test(path)
    done = triage([finding(file=path)], known())
    assert [(each.why, each.reason) for each in done.dropped] == [("test", "only in tests")]
    assert len(triage([finding(file=path)], known(tests=True)).kept) == 1


@pytest.mark.parametrize("path", ["src/contest.py", "latest/a.py", "attest.py", "protests/a.py"])
def test_what_only_sounds_like_a_test_is_kept(path):
    assert not is_test(path)


def test_exposure_and_severity_decide_the_order():
    web = finding(line=1, source_kind="web")
    cli = finding(line=50, source_kind="cli")
    low = finding(line=90, severity="low")
    done = triage([low, cli, web], known(), exposure=lambda each: 1.0 if each.source_kind == "web" else 0.5)
    assert [each.finding.line for each in done.kept] == [1, 50, 90]


def test_what_analysts_say_moves_the_rule(tmp_path):
    path = tmp_path / "words.jsonl"
    words = [Judgement(id=str(n), tool="Bandit", rule="B608", true=False, by="ann", at=0.0) for n in range(8)]
    append(path, words)
    priors = Priors(version="1", counts=(Count(tool="Bandit", rule="B608", right=6, wrong=2),))
    theirs = finding(tool="Bandit", rule="B608")
    before = priors.rate(theirs)
    after = priors.rate(theirs, Judgements.read(path).learnt())
    assert after < before - 0.2
    append(path, [msgspec.structs.replace(each, true=True) for each in words])
    assert priors.rate(theirs, Judgements.read(path).learnt()) > before


def test_a_finding_that_somebody_called_false_is_gone_and_one_called_true_stays():
    word = Judgement(id=finding().id, tool="bartizan", rule="py/sql", true=False, by="ann", at=0.0, reason="a constant")
    done = triage([finding()], known(judgements=Judgements(given=(word,))))
    assert [(each.why, each.reason) for each in done.dropped] == [("judged-false", "ann: a constant")]
    again = msgspec.structs.replace(word, true=True)
    assert len(triage([finding(file="tests/a.py")], known(judgements=Judgements(given=(word, again)))).kept) == 1


def test_a_baseline_hides_what_was_there_before():
    base = Baseline.of([finding()], TODAY)
    done = triage([finding(), finding(line=99)], known(baseline=base))
    assert [each.finding.line for each in done.kept] == [99]


def test_a_suppression_holds_until_its_day(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text('[[suppress]]\npath = "legacy/*"\nreason = "goes in spring"\nuntil = 2026-12-01\n')
    given = Suppressions.read(path, TODAY)
    old = finding(file="legacy/a.py")
    assert triage([old], known(suppressions=given)).dropped[0].reason == "goes in spring (until 2026-12-01)"
    later = Known(priors=Priors(version="1", counts=()), today=dt.date(2026, 12, 2), suppressions=given)
    assert len(triage([old], later).kept) == 1
    assert triage([old], later).notes == ("the suppression of legacy/* ended on 2026-12-01",)


@pytest.mark.parametrize(
    "text",
    [
        '[[suppress]]\nreason = "x"\nuntil = 2026-12-01\n',
        '[[suppress]]\nid = "x"\nreason = " "\nuntil = 2026-12-01\n',
        '[[suppress]]\nid = "x"\nreason = "for ever"\nuntil = 2999-01-01\n',
        '[[suppress]]\nid = "x"\nreason = "no end"\n',
        "nonsense",
    ],
)
def test_a_suppression_without_reason_target_or_end_is_refused(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        Suppressions.read(path, TODAY)


def test_shipped_counts_say_from_what_they_were_made():
    priors = shipped_priors()
    assert sum(count.right + count.wrong for count in priors.counts) > 100
    assert "sha256 of the observations" in priors.made
    assert all(" observations" in priors.made[name] for name in ("vulpy", "pygoat", "nodegoat"))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_rates_together_are_a_probability_no_less_than_the_best(rates):
    assert max(rates) - 1e-9 <= together(rates) <= 1.0


def test_what_bartizan_writes_as_sarif_it_reads_back():
    mine = finding(flow=(Step(file="a.py", line=1, text="x"), Step(file="app.py", line=10)), function="f", column=3, cwes=(943,))
    back = sarif_in.read(sarif.encode(Scan(findings=(mine,)))).findings[0]
    assert (back.id, back.rule, back.cwe, back.file, back.line, back.p, back.function) == (mine.id, mine.rule, 89, "app.py", 10, 0.8, "f")
    assert [step.file for step in back.flow] == ["a.py", "app.py"]


def log(**result):
    rules = [{"id": "B608", "properties": {"tags": ["security", "external/cwe/cwe-89"], "security-severity": "9.8"}}]
    place = {"physicalLocation": {"artifactLocation": {"uri": "app.py"}, "region": {"startLine": 4}}}
    result = {"ruleId": "B608", "message": {"text": "m"}, "locations": [place]} | result
    return {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Bandit", "rules": rules}}, "results": [result]}]}


def uri(text):
    return [{"physicalLocation": {"artifactLocation": {"uri": text}}}]


def test_a_rule_of_another_tool_brings_its_weakness_and_severity():
    (one,) = sarif_in.read(json.dumps(log()).encode()).findings
    assert (one.cwe, one.severity, one.tool, one.line) == (89, "critical", "Bandit", 4)


@pytest.mark.parametrize(
    "text", ["../../etc/passwd", "https://x.example/a.py", "//host/a", "..", "", "a\\..\\..\\b", "file://h/x", "%2e%2e/x"]
)
def test_a_place_outside_of_the_tree_is_no_place(text):
    got = sarif_in.read(json.dumps(log(locations=uri(text))).encode())
    assert got.findings == ()
    assert len(got.notes) == 1


def test_what_the_tool_suppressed_stays_so():
    assert sarif_in.read(json.dumps(log(suppressions=[{"kind": "inSource"}])).encode()).findings == ()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"version":"2.1.0"}', b'{"version":"1.0","runs":[]}', b"[" * 100_000, b"\xff"])
def test_what_is_no_log_is_refused(data):
    with pytest.raises(sarif_in.SarifError):
        sarif_in.read(data)


KEYS = [
    "results",
    "locations",
    "physicalLocation",
    "artifactLocation",
    "uri",
    "region",
    "startLine",
    "tool",
    "driver",
    "rules",
    "id",
    "properties",
    "tags",
    "codeFlows",
    "threadFlows",
    "location",
    "message",
    "text",
    "ruleId",
    "p",
    "suppressions",
    "taxa",
]
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
JSON = st.recursive(
    LEAVES,
    lambda kids: st.lists(kids, max_size=3) | st.dictionaries(st.sampled_from(KEYS), kids, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_run_is_read(run):
    sarif_in.read(json.dumps({"version": "2.1.0", "runs": [run]}).encode())


def test_a_finding_in_any_log_is_bounded():
    (one,) = sarif_in.read(json.dumps(log(message={"text": "x" * 10_000_000}, ruleId="r" * 5000)).encode()).findings
    assert len(one.message) <= 2000
    assert len(one.rule) <= 120
