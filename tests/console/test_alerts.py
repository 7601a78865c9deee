import gzip

import pytest

from bartizan.event import FilterProposed, FilterWatched, MatchLabelled, envelope
from bartizan.workbench.triage.coverage.health import Health, Left, RuleHealth, keep
from bartizan.workbench.triage.record import LogSource

LINES = b'{"EventID": 1, "Channel": "Security"}\nbroken\n'


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def rule(name, **given):
    known = {"level": "high", "author": "<b>somebody</b>", "licence": "DRL 1.1", "techniques": ("T1059",), "tactics": ("execution",)}
    return RuleHealth(id=name, title=f"Rule {name} <script>", source=LogSource("windows", "", "security"), **(known | given))


@pytest.fixture
def counted(world):
    rules = (rule("a", matches=150, seen=9, last_at=1.7e9), rule("b", seen=9), rule("c", techniques=("T1070",), tactics=()))
    left = (Left(rule="d", title="Rule d", file="d.yml", reason="<i>condition</i>"),)
    keep(world.ledger.data / "triage" / "health.json", Health(rules=rules, left=left, records=9, matches=150, runs=1, since=1.0, until=2.0))
    facts = (
        MatchLabelled(rule="b", record="s:1", label="false_positive"),
        FilterProposed(filter="filter_1", rule="b", sha256="", fields=("User",), false_positives=1, true_positives=0),
        FilterWatched(filter="filter_1", records=9, matches=5, silenced=2, true_positives_lost=0),
    )
    world.ledger.append_now(*(envelope(fact) for fact in facts))
    return world


def test_rule_health_lists_what_needs_somebody_first(counted):
    page = counted.browser("operator").get("/alerts/rules.json")
    body = page.json()
    assert [(row["id"], row["state"]) for row in body["rows"]] == [("a", "noisy"), ("b", "silent"), ("c", "blind"), ("d", "left out")]
    assert body["rows"][1]["advice"]["advice"] == "tune"
    assert body["filters"][0]["stage"] == "watched"
    html = counted.browser("operator").get("/alerts/rules?state=silent").text
    assert "filter_1" in html
    assert "Rule b &lt;script&gt;" in html
    assert "<script>" not in html.partition("<main")[2]
    assert "<b>somebody" not in html


def test_coverage_shows_techniques_and_gaps(counted):
    html = counted.browser("operator").get("/alerts/coverage").text
    assert "T1059" in html
    body = counted.browser("operator").get("/alerts/coverage.json").json()
    assert body["counts"] == {"fired": 1, "watched": 0, "blind": 1}
    assert body["gaps"][0]["techniques"] == ["T1070"]


def test_pages_without_a_count_say_what_to_run(world):
    for path in ("/alerts/rules", "/alerts/coverage"):
        assert "bartizan triage health" in world.browser("operator").get(path).text


def test_records_are_pushed_with_a_key_and_kept_as_they_came(world):
    key = world.person("member")
    answer = world.browser().send("POST", "/alerts/records", gzip.compress(LINES), headers=bearer(key))
    assert answer.status == 200, answer.text
    told = answer.json()
    assert (told["form"], told["records"], told["malformed"]) == ("jsonl", 1, {"not_json": 1})
    kept = list((world.ledger.data / "triage" / "inbox").iterdir())
    assert [path.name for path in kept] == [told["name"]]
    assert gzip.decompress(kept[0].read_bytes()) == LINES


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (bearer("bz_wrong"), 401)], ids=["no key", "wrong key"])
def test_nobody_unknown_sends_anything(world, headers, status):
    assert world.browser().send("POST", "/alerts/records", LINES, headers=headers).status == status
    assert not (world.ledger.data / "triage").exists()


def test_a_session_is_no_key(world):
    assert world.browser("operator").send("POST", "/alerts/records", LINES).status == 401


def test_what_is_no_log_is_answered_and_not_kept(world):
    key = world.person("member")
    answer = world.browser().send("POST", "/alerts/records", b"\x00\x01", headers=bearer(key))
    assert answer.status == 422
    assert answer.json()["malformed"] == {"unrecognised": 1}
    assert not list((world.ledger.data / "triage" / "inbox").iterdir())
    assert world.browser().send("POST", "/alerts/records?form=nonsense", LINES, headers=bearer(key)).status == 400
