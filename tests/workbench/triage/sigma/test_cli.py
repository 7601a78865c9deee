"""``bartizan triage sigma`` on files of events."""

import gzip
import json

import zstandard
from typer.testing import CliRunner

from bartizan.cli.triage import app

RULE = """
title: A title \x1b[31m
id: 00000000-0000-0000-0000-000000000001
author: An author
logsource: {product: windows, service: security}
detection: {s: {EventID: 4625}, condition: s}
""".replace("\x1b", "\\x1b")
BAD = (
    "title: bad\nid: 00000000-0000-0000-0000-000000000002\nlogsource: {product: windows}\ndetection: {s: {a|expand: '%x%'}, condition: s}\n"
)
ROWS = b"".join(
    line + b"\n"
    for line in (
        b'{"Channel":"Security","EventID":4625}',
        b"[]",
        b"not json",
        b'{"Channel":"Security","EventID":1}',
        b'{"events":[{"Channel":"Security","EventID":4625}]}',
    )
)


def run(tmp_path, name, content):
    rules = tmp_path / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "a.yml").write_text(RULE)
    (rules / "b.yml").write_text(BAD)
    (tmp_path / name).write_bytes(content)
    out = tmp_path / "out.jsonl"
    arguments = ["sigma", "--rules", str(rules), "--events", str(tmp_path / name), str(out), "--cache", str(tmp_path / "cache")]
    return CliRunner().invoke(app, arguments), out


def test_rows_that_match_are_written_and_rules_left_out_are_named(tmp_path):
    result, out = run(tmp_path, "events.jsonl", ROWS)
    assert result.exit_code == 0, result.output
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"i": 0, "rules": ["00000000-0000-0000-0000-000000000001"]},
        {"i": 4, "rules": ["00000000-0000-0000-0000-000000000001"]},
    ]
    assert "5 rows, 2 malformed, 2 match 1 rules" in result.stderr
    assert "by An author" in result.stderr
    assert "placeholder %x% has no values" in result.stderr
    assert "\x1b" not in result.stderr


def test_compressed_files_give_the_same(tmp_path):
    _, out = run(tmp_path, "events.jsonl", ROWS)
    plain = out.read_bytes()
    for name, content in (("e.jsonl.gz", gzip.compress(ROWS)), ("e.jsonl.zst", zstandard.compress(ROWS))):
        assert run(tmp_path, name, content)[1].read_bytes() == plain


def test_a_damaged_archive_is_an_error_with_its_place(tmp_path):
    result, _ = run(tmp_path, "e.jsonl.gz", gzip.compress(ROWS)[:30])
    assert result.exit_code != 0
    assert "reading events" in str(result.exception)


BURST = """
title: burst
id: 00000000-0000-0000-0000-00000000000c
author: Another author
correlation:
  type: event_count
  rules: [00000000-0000-0000-0000-000000000001]
  group-by: [user]
  timespan: 1m
  condition: {gte: 3}
"""


def test_a_correlation_stands_at_the_row_with_which_it_began_to_hold(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "c.yml").write_text(BURST)
    order = [0, 2, 1, 3, 200]
    events = [
        {"Channel": "Security", "EventID": 4625, "user": "ann", "SystemTime": f"2026-01-01T00:{s // 60:02}:{s % 60:02}Z"} for s in order
    ]
    result, out = run(tmp_path, "events.jsonl", b"".join(json.dumps(event).encode() + b"\n" for event in [*events, {"Channel": "x"}]))
    assert result.exit_code == 0, result.output
    assert [json.loads(line) for line in out.read_text().splitlines()] == [{"i": 2, "rules": ["00000000-0000-0000-0000-00000000000c"]}]
    assert "by Another author" in result.stderr
