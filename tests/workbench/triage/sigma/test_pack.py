"""Rule packs: filters, hostile files, the cache on disk, and that nothing is lost silently."""

import io
import tarfile
import time

import pytest

from bartizan.errors import ConfigError
from bartizan.workbench.triage.record import LogSource
from bartizan.workbench.triage.sigma import Engine, Limits

SOURCE = LogSource(product="test")
LAUGHS = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
    f"{n}: &{n} [{','.join(['*' + p] * 8)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "yaml_bomb": LAUGHS,
    "yaml_python_object": "!!python/object/apply:os.system ['true']",
    "yaml_recursive": "a: &a [*a]",
    "deep": "[" * 5000,
    "not_utf8": b"\xff\xfe\x00title",
    "no_mapping": "- 1\n- 2",
    "scalar": "just words",
    "empty": "",
    "binary": bytes(range(256)),
    "unclosed": "title: 'x",
}


@pytest.mark.parametrize("flaw", sorted(HOSTILE))
def test_hostile_files_become_a_reason(engine, flaw):
    begun = time.process_time()
    built = engine(HOSTILE[flaw])
    assert not built.rules
    assert len(built.not_evaluated) == 1
    assert built.not_evaluated[0].reason
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        ({"s": {"a|re": "(a(b"}, "condition": "s"}, "missing"),
        ({"s": {"a|re": "a(?=b)"}, "condition": "s"}, "perl operator"),
        ({"s": {"a|re": r"(a)\1"}, "condition": "s"}, "escape"),
        ({"s": {"a|re": "x" * 5000}, "condition": "s"}, "4000 characters"),
        ({"s": {"a": "x" * 9000}, "condition": "s"}, "8000 characters"),
        ({"s": {"a|nosuch": "x"}, "condition": "s"}, "nosuch"),
        ({"s": {"a|expand": "%admins%"}, "condition": "s"}, "%admins%"),
        ({"s": {"a": "x"}, "condition": "s | count() > 5"}, "pipe"),
        ({"s": {"a": "x"}, "condition": "nothing"}, "nothing"),
        ({"s": {"a": "x"}, "condition": "(" * 40 + "s" + ")" * 40}, "nested brackets"),
        ({"s": {"a": "x"}, "condition": " or ".join(["s"] * 2000)}, "4000 characters"),
        ({"s": {"a": "x"}, "condition": "not " * 900 + "s"}, ""),
        ({**{f"s{n}": {"a": n} for n in range(300)}, "condition": " or ".join(["all of s*"] * 200)}, "selections"),
        ({"s": {"a|windash": ["-a -b -c"] * 600}, "condition": "s"}, "multiplies"),
        ({"s": {"a|gt": "much"}, "condition": "s"}, ""),
        ({"s": {"a|cidr": "10.0.0.0/99"}, "condition": "s"}, "CIDR"),
        ({"s": {"a": {"b": {"c": 1}}}, "condition": "s"}, ""),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_named_with_its_reason(engine, rule, detection, reason):
    built = engine(rule(detection), rule({"s": {"a": "ok"}, "condition": "s"}, id_="00000000-0000-0000-0000-000000000002"))
    assert [one.rule for one in built.not_evaluated] == ["00000000-0000-0000-0000-000000000001"]
    assert reason.lower() in built.not_evaluated[0].reason.lower()
    assert built.match({"a": "ok"}, SOURCE) == ("00000000-0000-0000-0000-000000000002",)


def test_too_many_values_are_refused_before_they_are_built(engine, rule):
    built = engine(rule({"s": {"a": [str(n) for n in range(200)]}, "condition": "s"}), limits=Limits(nodes=100))
    assert "more than 100 values" in built.not_evaluated[0].reason


FILTER = {
    "title": "not ours",
    "id": "00000000-0000-0000-0000-00000000000f",
    "logsource": {"product": "test"},
    "filter": {"rules": "any", "s1": {"User": "admin"}, "s2": {"Host": "lab"}, "condition": "not 1 of s*"},
}


@pytest.mark.parametrize(
    ("rules", "applies"), [("any", True), (["made_up"], True), (["00000000-0000-0000-0000-000000000001"], True), (["other"], False)]
)
def test_filters_narrow_the_rules_they_name(engine, rule, rules, applies):
    narrowing = {**FILTER, "filter": {**FILTER["filter"], "rules": rules}}
    built = engine(rule({"s": {"a": 1}, "condition": "1 of s*"}, name="made_up"), narrowing)
    assert built.match({"a": 1, "User": "bo"}, SOURCE)
    assert bool(built.match({"a": 1, "User": "admin"}, SOURCE)) is not applies
    assert [one.rule for one in built.not_evaluated] == ([] if applies else [FILTER["id"]])


def test_a_filter_of_another_log_source_does_not_apply(engine, rule):
    built = engine(rule({"s": {"a": 1}, "condition": "s"}), {**FILTER, "logsource": {"product": "other"}})
    assert built.match({"a": 1, "User": "admin"}, SOURCE)


def test_rules_that_only_feed_a_correlation_are_silent(engine, rule):
    burst = {
        "title": "burst",
        "id": "00000000-0000-0000-0000-00000000000c",
        "correlation": {"type": "event_count", "rules": ["made_up"], "group-by": ["user"], "timespan": "1m", "condition": {"gte": 3}},
    }
    quiet = engine(rule({"s": {"a": 1}, "condition": "s"}, name="made_up"), burst)
    assert quiet.hits({"a": 1}, SOURCE) == (0,)
    assert quiet.reported((0,)) == ()
    assert quiet.match({"a": 1}, SOURCE) == ("00000000-0000-0000-0000-000000000001",)
    burst["correlation"]["generate"] = True
    assert engine(rule({"s": {"a": 1}, "condition": "s"}, name="made_up"), burst).reported((0,))


def test_a_correlation_over_unknown_rules_is_reported(engine, rule):
    lost = {"title": "lost", "id": "00000000-0000-0000-0000-00000000000d"}
    lost["correlation"] = {"type": "temporal", "rules": ["nobody"], "group-by": ["user"], "timespan": "1m"}
    assert "nobody" in engine(lost).not_evaluated[0].reason


def write(folder, name, text):
    (folder / name).write_text(text)


RULE = (
    "title: t\nid: 00000000-0000-0000-0000-0000000000{0:02}\nauthor: somebody\n"
    "logsource: {{product: test}}\ndetection: {{s: {{a: v{0}}}, condition: s}}\n"
)


def test_the_cache_gives_the_same_rules_and_only_new_files_are_parsed(tmp_path):
    rules, cache = tmp_path / "rules", tmp_path / "cache"
    rules.mkdir()
    for number in range(3):
        write(rules, f"{number}.yml", RULE.format(number))
    first = Engine.compile([rules], cache)
    write(rules, "3.yml", RULE.format(3))
    parsed = []
    second = Engine.compile([rules], cache, progress=parsed.append)
    assert [about.id for about in second.rules][:3] == [about.id for about in first.rules]
    assert second.match({"a": "v3"}, SOURCE)
    assert second.rules[0].author == "somebody"
    for path in cache.iterdir():
        path.write_bytes(b"\x93damaged" + path.read_bytes()[:50])
    assert len(Engine.compile([rules], cache).rules) == 4


def test_a_tar_archive_is_read_like_its_folder_and_links_in_it_are_not_followed(tmp_path):
    archive = tmp_path / "rules.tar.xz"
    with tarfile.open(archive, "w:xz") as out:
        text = RULE.format(1).encode()
        member = tarfile.TarInfo("x/rule.yml")
        member.size = len(text)
        out.addfile(member, io.BytesIO(text))
        link = tarfile.TarInfo("x/link.yml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(link)
        big = tarfile.TarInfo("x/big.yml")
        big.size = Limits().file_bytes + 1
        out.addfile(big, io.BytesIO(b"#" * big.size))
    engine = Engine.compile([archive], None)
    assert len(engine.rules) == 1
    assert ["limit" in one.reason for one in engine.not_evaluated] == [True]


def test_what_is_no_rule_pack_is_said_so(tmp_path):
    with pytest.raises(ConfigError, match="no rules"):
        Engine.compile([tmp_path / "nothing"], None)
    (tmp_path / "x.bin").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="can't read"):
        Engine.compile([tmp_path / "x.bin"], None)


def test_memory_stays_within_the_budget_under_ever_new_values(engine, rule):
    built = engine(rule({"s": {"a|contains": "x"}, "condition": "s"}), memory_bytes=20_000)
    for number in range(3000):
        assert bool(built.match({"a": f"{number} x"}, SOURCE))
    assert built._budget.forgotten > 10
    assert sum(len(memory.values) for memory in built._memories.values()) < 200


def test_ever_new_shapes_of_records_are_forgotten(engine, rule):
    built = engine(rule({"s": {"a|contains": "x"}, "condition": "s"}))
    for number in range(4500):
        assert built.match({"a": "x", f"k{number}": 1}, SOURCE)
    assert len(built._shapes) <= 4096
