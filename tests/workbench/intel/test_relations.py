import gzip
import json

import pytest
import zstandard

from bartizan.errors import BartizanError
from bartizan.workbench.intel.extract import extract, rows


def stated(text):
    return [(one.subject, one.verb, one.object) for one in extract(text).relations if one.object_kind != "technique"]


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("APT29 deployed Cobalt Strike on hosts.", ("APT29", "uses", "Cobalt Strike")),
        ("Emotet downloads TrickBot as a second stage.", ("Emotet", "delivers", "TrickBot")),
        ("APT29 exploited CVE-2021-44228 in March.", ("APT29", "exploits", "CVE-2021-44228")),
        ("CVE-2021-44228 was exploited by APT29 in March.", ("APT29", "exploits", "CVE-2021-44228")),
        ("APT29 targets Norway.", ("APT29", "targets", "Norway")),
        ("Emotet connects to evil[.]com for orders.", ("Emotet", "communicates with", "evil.com")),
    ],
)
def test_a_sentence_states_a_relation(text, relation):
    assert relation in stated(text)
    assert all(one.quote in text and text[one.start : one.end] == one.quote for one in extract(text).relations)


def test_two_sentences_state_none_together():
    assert stated("APT29 was idle. Cobalt Strike is a framework that others use.") == []


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_rows_are_read_in_every_form_and_answered_in_order(tmp_path, suffix):
    raw = b"".join(json.dumps({"text": text, "other": 1}).encode() + b"\n" for text in ("see evil[.]com", "nothing", "CVE-2021-44228"))
    packed = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}.get(suffix[6:], lambda one: one)(raw)
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(packed)
    found = list(rows.results(rows.read(path)))
    assert [one["i"] for one in found] == [0, 1, 2]
    assert [(one["kind"], one["value"]) for row in found for one in row["indicators"]] == [("host", "evil.com"), ("cve", "cve-2021-44228")]


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"doc": 1}', b"\xff\xfe"])
def test_a_broken_row_is_a_typed_error_that_says_where(tmp_path, raw):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "a"}\n' + raw + b"\n")
    with pytest.raises(BartizanError, match="row"):
        list(rows.read(path))
