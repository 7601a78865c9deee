# ruff: noqa: E501 - log lines are as long as they are
"""Whatever bytes come, a reading gives records and malformed ones, never an error; and every byte of a line is looked at once."""

import io
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.workbench.triage.ingest import FORMS, Malformed, read
from bartizan.workbench.triage.record import Alert, LogRecord

SEEDS = {
    "xml": b'<Event xmlns="x"><System><Provider Name="P"/><EventID>1</EventID><Channel>C</Channel></System><EventData><Data Name="a">b</Data></EventData></Event>',
    "jsonl": b'{"EventID":1,"Channel":"Security","a":{"b":[1,{"c":2}]}}\n{"Event":{"System":{"EventID":{"#text":1}},"EventData":{"Data":["x"]}}}\n',
    "json": b'{"Records":[{"eventSource":"s","eventName":"n","eventTime":"2026-01-01T00:00:00Z"},{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}]}',
    "zeek_tsv": b"#separator \\x09\n#path\tdns\n#fields\tts\tquery\n#types\ttime\tset[string]\n1.5\ta,b\n",
    "auditd": b'type=EXECVE msg=audit(1364481363.243:24287): argc=3 a0="curl" a1=2D6F\ntype=EOE msg=audit(1364481363.243:24287):\n',
    "syslog": b'<165>1 2003-10-11T22:14:15.003Z h sshd 42 ID47 [x@1 iut="3"] CEF:0|a|b|c|d|e|5|src=1.1.1.1\n<34>Oct 11 22:14:15 box su: {"a":1}\n',
    "cef": b"CEF:0|Sec|tm|1.0|100|worm \\| stopped|10|src=10.0.0.1 msg=a \\= b cs1Label=P cs1=s\n",
    "access": b'10.0.0.9 - bob [10/Oct/2000:13:55:36 -0700] "GET /a.php?id=1 HTTP/1.1" 404 2326 "r" "a"\n',
    "logfmt": b'time=2026-01-02T03:04:05Z level=info msg="hello" n=3\n',
    "plain": b"2026-01-02 03:04:05 words\n",
}
CALM = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(data, form):
    found = list(read(io.BytesIO(data), form=form))
    assert all(isinstance(item, (LogRecord, Malformed, Alert)) for item in found)
    for item in found:
        if isinstance(item, LogRecord):
            assert item.at is None or item.at == item.at
            for name, value in item.fields.items():
                assert isinstance(name, str)
                assert isinstance(value, (str, int, float, bool, type(None), tuple)), (name, value)
    return found


@pytest.mark.parametrize("form", SEEDS)
def test_seeds_are_read_whole(form):
    assert not [item for item in check(SEEDS[form], form) if isinstance(item, Malformed)]


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"evtx"}))
@CALM
@given(data=st.data())
def test_any_bytes_and_any_mutation_of_a_good_file(form, data):
    seed = SEEDS[form]
    at = data.draw(st.integers(0, len(seed)))
    until = data.draw(st.integers(at, min(len(seed), at + 20)))
    noise = data.draw(
        st.binary(max_size=30)
        | st.sampled_from([b"\n", b"{", b"\\", b'"', b"=", b"<", b"]", b"|", b"\xff", b"\0", b"9" * 30, b"[" * 50, seed])
    )
    check(seed[:at] + noise + seed[until:], form)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
MARKS = ["EventID", "Channel", "Event", "System", "EventData", "UserData", "Data", "winlog", "event_data", "eventSource", "eventName", "eventTime", "event_type",
         "timestamp", "src_ip", "alert", "agent", "rule", "level", "decoder", "data", "win", "class_uid", "metadata", "time", "@timestamp", "ecs", "event", "ts",
         "uid", "id.orig_h", "resourceLogs", "scopeLogs", "logRecords", "attributes", "key", "value", "body", "Records", "kind", "severity_id"]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        JSON,
        lambda inner: st.dictionaries(st.sampled_from(MARKS), inner, max_size=6) | st.lists(inner, max_size=3),
        max_leaves=20,
    )
)
def test_objects_that_only_look_like_a_schema(value):
    check(json.dumps(value).encode() + b"\n", "jsonl")
    check(json.dumps(value, indent=1).encode(), "json")


@CALM
@given(st.binary(max_size=300))
def test_any_bytes_are_recognised_or_refused(data):
    list(read(io.BytesIO(data)))


HOSTILE = {
    "cef_of_escaped_pipes": ("cef", b"CEF:0|" + b"\\|" * 200_000),
    "cef_of_keys": ("cef", b"CEF:0|a|b|c|d|e|5|" + b"a=" * 200_000),
    "syslog_of_elements": ("syslog", b"<1>1 - h p - - " + b'[a b="c"]' * 50_000),
    "audit_of_pieces": ("auditd", b"type=EXECVE msg=audit(1.1:1): " + b"a1[0]=41 " * 50_000),
    "logfmt_of_quotes": ("logfmt", b'a="' * 200_000),
    "access_of_backslashes": ("access", b'h - - [10/Oct/2000:13:55:36 -0700] "GET ' + b"\\" * 400_000),
    "xml_of_openings": ("xml", b"<Event>" * 100_000 + b"</Event>"),
    "xml_of_attributes": ("xml", b"<Event " + b" ".join(b'a%d=""' % n for n in range(50_000)) + b"></Event>"),
    "json_of_brackets": ("json", b"[" * 500_000),
    "json_of_open_strings": ("json", b'["' + b'\\"' * 300_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_time_in_proportion(name):
    form, data = HOSTILE[name]
    begun = time.process_time()
    check(data, form)
    assert time.process_time() - begun < 3
