# ruff: noqa: E501 - a case is one line
import json

import duckdb
import pytest

from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.triage.hunt import Bounds, Indicator, Indicators, Records, load
from bartizan.workbench.triage.record import LogRecord, LogSource

SOURCE = LogSource("windows", "process_creation", "sysmon")


def record(n, **fields):
    return LogRecord(id=f"s:{n}", at=float(n), form="evtx", source="s", logsource=SOURCE, fields={"EventID": 1, **fields})


@pytest.fixture
def store(tmp_path):
    made = Records(tmp_path / "triage" / "records.duckdb")
    made.add(record(n, Image=f"C:\\{n % 3}.exe", Args=("a", n), Odd="'; DROP TABLE records; --") for n in range(100))
    return made


def test_records_come_back_as_they_went_in(store):
    assert next(store.scan()) == record(0, Image="C:\\0.exe", Args=("a", 0), Odd="'; DROP TABLE records; --")
    assert store.sources() == {SOURCE: 100}


def test_a_record_is_stored_once(store):
    assert store.add([record(1), record(200), record(200)]) == 1


def test_sql_reads_fields(store):
    found = store.ask("SELECT fields->>'Image' AS image, count(*) AS n FROM records GROUP BY ALL ORDER BY n DESC, image")
    assert found.columns == ("image", "n")
    assert found.rows[0] == ("C:\\0.exe", 34)


def test_rows_are_cut_off_and_the_answer_says_so(store):
    found = store.ask("SELECT id FROM records", Bounds(rows=10))
    assert len(found.rows) == 10
    assert found.cut


@pytest.mark.parametrize(
    "question",
    [
        "DROP TABLE records",
        "SELECT 1; DROP TABLE records",
        "DELETE FROM records",
        "COPY records TO '{out}'",
        "COPY (SELECT 1) TO '{out}'",
        "EXPORT DATABASE '{out}'",
        "ATTACH '{out}' AS x",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET enable_external_access",
        "PRAGMA database_list",
        "CREATE TABLE x AS SELECT 1",
        "CREATE SECRET (TYPE s3)",
        "CALL pragma_version()",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_blob('{secret}')",
        "SELECT * FROM read_parquet('{secret}')",
        "SELECT * FROM read_json('{secret}')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM '{secret}'",
        'SELECT * FROM "{secret}"',
        "SELECT * FROM 'https://example.org/x.parquet'",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "SELECT getenv('HOME')",
        "SELECT * FROM query('DROP TABLE records')",
        "SELECT * FROM query('COPY records TO ''{out}''')",
        "WITH x AS (DELETE FROM records RETURNING *) SELECT * FROM x",
        "SELECT * FROM sniff_csv('{secret}')",
        "",
        "nonsense",
    ],
)  # fmt: skip
def test_a_question_can_only_read_records(store, tmp_path, question):
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden\n")
    out = tmp_path / "out"
    with pytest.raises(RefusedError):
        store.ask(question.format(out=out, secret=secret, folder=tmp_path))
    assert not out.exists()
    assert store.ask("SELECT count(*) FROM records").rows == ((100,),)


def test_a_question_without_end_is_stopped(store):
    with pytest.raises(RefusedError) as raised:
        store.ask("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t", Bounds(seconds=0.5))
    assert raised.value.code in {"too_slow", "too_large"}
    with pytest.raises(RefusedError) as raised:
        store.ask("SELECT count(*) FROM range(100000000) a, range(100000000) b", Bounds(seconds=0.5))
    assert raised.value.code == "too_slow"


def test_a_question_that_wants_much_memory_is_stopped(store):
    with pytest.raises(RefusedError) as raised:
        store.ask("SELECT list(a.range || repeat('x', 1000)) FROM range(10000000) a", Bounds(memory_mb=64, seconds=20))
    assert raised.value.code in {"too_large", "bad_question", "too_slow"}


def test_without_records_or_library_there_is_a_hint(tmp_path, monkeypatch):
    with pytest.raises(ConfigError) as raised:
        Records(tmp_path / "none.duckdb").ask("SELECT 1")
    assert "store" in raised.value.hint
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as raised:
        Records(tmp_path / "none.duckdb")
    assert "bartizan[hunt]" in raised.value.hint


def test_the_file_holds_no_more_than_records(store, tmp_path):
    assert sorted(path.name for path in (tmp_path / "triage").iterdir()) == ["records.duckdb"]
    assert duckdb.__version__


IOCS = [Indicator(kind="domain", value="evil.example"), Indicator(kind="ip", value="203.0.113.9"), Indicator(kind="hash", value="A" * 64),
        Indicator(kind="url", value="http://x.example/a/"), Indicator(kind="file", value="C:\\Users\\Public\\a b.dat"), Indicator(kind="email", value="m@x.example")]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("evil.example", "domain"), ("cdn.EVIL.example", "domain"), ("curl https://a.evil.example:8443/x", "domain"), ("203.0.113.9:443", "ip"),
        ("MD5=0,SHA256=" + "a" * 64 + ",IMPHASH=1", "hash"), ("get HTTP://x.example/a/ now", "url"), ("c:\\users\\public\\A B.dat", "file"), ("from m@x.example.", "email"),
    ],
)  # fmt: skip
def test_indicators_are_found_in_the_middle_of_values(value, kind):
    found = Indicators(IOCS).find(record(1, Field=value))
    assert kind in {one.kind for one in found}


@pytest.mark.parametrize("value", ["notevil.example", "evil.example.org", "1203.0.113.9", "203.0.113.90", "x" + "a" * 64, "b" * 64])
def test_what_only_looks_like_an_indicator_is_none(value):
    assert Indicators(IOCS).find(record(1, Field=value)) == ()


def test_a_hit_is_an_alert_about_its_record():
    (alert,) = Indicators(IOCS).alerts([record(7, Computer="PC", QueryName="evil.example"), record(8, QueryName="good.example")])
    assert (alert.tool, alert.rule, alert.records, alert.host, alert.severity, alert.at) == (
        "intel",
        "domain:evil.example",
        ("s:7",),
        "pc",
        "high",
        7.0,
    )
    assert "evil.example" in {entity.value for entity in alert.entities}


FILES = {
    "a.csv": "kind,value,tier\nhost,evil.example,high\nipv4,203.0.113.9,low\nhost,vendor.example,reference link\ncve,CVE-2020-1,low\n",
    "b.jsonl": '{"kind": "host", "value": "evil[.]example"}\n{"indicators": [{"kind": "ipv4", "value": "203.0.113.9"}]}\nbroken\n[1]\n',
    "c.json": json.dumps({"type": "bundle", "objects": [{"type": "indicator", "pattern": "[domain-name:value = 'evil.example']"}, {"type": "x"}, 3,
                                                         {"type": "indicator", "pattern": "[ipv4-addr:value = '203.0.113.9']"}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_indicators_are_read_from_exports(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    assert {(one.kind, one.value) for one in load(tmp_path / name)} == {("domain", "evil.example"), ("ip", "203.0.113.9")}


def test_a_file_without_indicators_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"\x00\xff nothing")
    with pytest.raises(ConfigError):
        load(tmp_path / "x")
