import json

import pytest

from bartizan.errors import ConfigError, StoreError
from bartizan.workbench.triage.coverage import Health, coverage, gaps, keep, layer, load, wanted
from bartizan.workbench.triage.record import LogRecord, LogSource
from bartizan.workbench.triage.tune import health

RULES = {
    "fires": ("windows", "process_creation", "T1059.001", "Image|endswith: a.exe"),
    "quiet": ("windows", "process_creation", "T1055", "Image|endswith: never.exe"),
    "waits": ("linux", "file_event", "T1070", "TargetFilename: x"),
}
PROCESS = LogSource("windows", "process_creation", "sysmon")


@pytest.fixture
def pack(tmp_path):
    for number, (name, (product, category, technique, ask)) in enumerate(RULES.items()):
        (tmp_path / f"{name}.yml").write_text(
            f"title: {name}\nid: 00000000-0000-4000-8000-00000000000{number}\nstatus: test\nauthor: somebody\nlevel: high\n"
            f"tags: [attack.execution, attack.{technique.lower()}]\nlogsource: {{product: {product}, category: {category}}}\n"
            f"detection:\n  selection:\n    {ask}\n  condition: selection\n"
        )
    (tmp_path / "broken.yml").write_text("title: broken\nlogsource: {product: x}\ndetection: {condition: nothing}\n")
    return health.pack([tmp_path], None)


def ran(pack, before, count):
    tally = health.Tally(pack.engine)
    for number in range(count):
        record = LogRecord(
            id=f"s:{number}", at=100.0 + number, form="evtx", source="s", logsource=PROCESS, fields={"Image": f"C:\\{'ab'[number % 2]}.exe"}
        )
        tally.saw(record, pack.engine.match(record.fields, record.logsource))
    return tally.added_to(before, pack.sources)


def test_health_says_which_rules_fire_are_silent_blind_or_left_out(pack):
    found = ran(pack, Health(), 10)
    states = {rule.title: found.state(rule) for rule in found.rules}
    assert states == {"fires": "fires", "quiet": "silent", "waits": "blind"}
    assert [left.file for left in found.left] == ["broken.yml"]
    assert found.left[0].reason


def test_runs_add_up_and_a_rule_that_drowns_the_others_is_noisy(pack):
    found = ran(pack, ran(pack, Health(), 150), 150)
    rule = next(rule for rule in found.rules if rule.title == "fires")
    assert (rule.matches, rule.first_at, rule.last_at, rule.seen, found.runs, found.records) == (150, 100.0, 248.0, 300, 2, 300)
    assert found.state(rule) == "noisy"


def test_health_is_kept_in_one_file_and_a_damaged_one_is_named(pack, tmp_path):
    path = tmp_path / "triage" / "health.json"
    assert load(path) == Health()
    found = ran(pack, Health(), 4)
    keep(path, found)
    assert load(path) == found
    path.write_bytes(b'{"rules": 3}')
    with pytest.raises(StoreError):
        load(path)


def test_coverage_tells_fired_from_watched_from_blind_from_uncovered(pack):
    found = coverage(ran(pack, Health(), 10), {"T1566": "Phishing"})
    assert {row.id: row.state for row in found.techniques} == {
        "T1059.001": "fired",
        "T1055": "watched",
        "T1070": "blind",
        "T1566": "uncovered",
    }


def test_a_gap_is_a_log_source_with_what_it_would_open(pack):
    (gap,) = gaps(ran(pack, Health(), 10))
    assert (gap.source, gap.rules, gap.techniques) == (LogSource("linux", "file_event", ""), 1, ("T1070",))


def test_the_layer_is_what_the_navigator_reads(pack):
    made = json.loads(layer(coverage(ran(pack, Health(), 10))))
    assert made["versions"]["layer"] == "4.5"
    assert made["domain"] == "enterprise-attack"
    assert {row["techniqueID"]: row["score"] for row in made["techniques"]} == {"T1059.001": 1, "T1055": 1, "T1070": 0}


@pytest.mark.parametrize(
    "text",
    [
        "T1566\nT1059.001 and words\n",
        json.dumps({"techniques": [{"techniqueID": "T1566"}, {"techniqueID": "T1059.001"}, 3]}),
        json.dumps(
            {
                "objects": [
                    {"type": "attack-pattern", "name": n, "external_references": [{"external_id": i}]}
                    for n, i in (("a", "T1566"), ("b", "T1059.001"))
                ]
            }
        ),
    ],
)
def test_techniques_that_matter_come_from_a_list_a_layer_or_a_bundle(tmp_path, text):
    path = tmp_path / "x"
    path.write_text(text)
    assert set(wanted(path)) == {"T1566", "T1059.001"}


def test_a_file_without_techniques_is_refused(tmp_path):
    (tmp_path / "x").write_text("nothing")
    with pytest.raises(ConfigError):
        wanted(tmp_path / "x")
