# ruff: noqa: E501 - log lines are as long as they are
import gzip
import io
import lzma
import zipfile

import pytest
import zstandard

from bartizan.errors import ConfigError
from bartizan.workbench.triage.ingest import Caps, Malformed, read
from bartizan.workbench.triage.record import LogRecord

LINES = b'{"a": 1}\n{"a": 2}\n'
PACK = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "xz": lzma.compress}
SMALL = Caps(grace_bytes=1 << 20, ratio=100)


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("kind", PACK)
def test_compressed_streams_are_unpacked(kind):
    told = []
    found = list(read(io.BytesIO(PACK[kind](LINES) + PACK[kind](LINES)), told=told.append))
    assert len(found) == 4
    assert told[0].container == kind


def test_an_archive_of_compressed_files_is_read_member_by_member():
    told = []
    found = list(read(io.BytesIO(zipped(one=LINES, two=gzip.compress(LINES), three=b"Oct 11 22:14:15 box app: x\n")), told=told.append))
    assert [(item.source, item.container, item.form) for item in told] == [
        ("stdin/one", "zip", "jsonl"), ("stdin/two", "zip gzip", "jsonl"), ("stdin/three", "zip", "syslog")]  # fmt: skip
    assert len(found) == 5


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_malformed_and_what_came_before_is_kept(kind):
    bomb = PACK[kind](LINES + b" " * (16 << 20))
    *kept, last = read(io.BytesIO(bomb), caps=SMALL)
    assert last.reason == "bomb"
    assert len(kept) <= 3


def test_a_bomb_in_an_archive():
    found = list(read(io.BytesIO(zipped(bomb=LINES + b"\n" * (8 << 20))), caps=SMALL))
    assert found[-1].reason == "bomb"


def test_too_many_members():
    found = list(read(io.BytesIO(zipped(**{str(n): b"" for n in range(20)})), caps=Caps(members=10)))
    assert [item.reason for item in found] == ["bomb"]


@pytest.mark.parametrize("kind", PACK)
def test_a_torn_stream_gives_what_it_has_and_says_so(kind):
    packed = PACK[kind](b"".join(b'{"a": %d}\n' % n for n in range(40_000)))
    found = list(read(io.BytesIO(packed[: len(packed) // 2])))
    assert isinstance(found[-1], Malformed)
    assert found[-1].reason in {"bad_container", "not_json"}
    assert sum(isinstance(item, LogRecord) for item in found) > (1000 if kind == "gzip" else -1)


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04nothing", b"\x1f\x8bnothing", b"\x28\xb5\x2f\xfdxx", b"\xfd7zXZ\x00xxxxxx"], ids=["zip", "gzip", "zstd", "xz"]
)
def test_what_only_begins_like_a_container(data):
    found = list(read(io.BytesIO(data)))
    assert [item.reason for item in found] == ["bad_container"]


def test_a_folder_is_read_by_name_and_one_bad_file_harms_nobody(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.json").write_bytes(LINES)
    (tmp_path / "b.bin").write_bytes(b"\x00\x01\x02" * 50)
    (tmp_path / "sub" / "c.gz").write_bytes(gzip.compress(LINES))
    found = list(read([tmp_path]))
    assert [getattr(item, "reason", "") for item in found] == ["", "", "unrecognised", "", ""]
    assert found[-1].source == f"{tmp_path.name}/sub/c.gz"


def test_the_same_file_elsewhere_has_the_same_ids(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.json").write_bytes(LINES)
    assert [item.id for item in read([tmp_path / "x" / "a.json"])] == [item.id for item in read([tmp_path / "y" / "a.json"])]


def test_a_path_or_format_that_is_not_there_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(ConfigError) as raised:
        list(read([tmp_path / "none"]))
    assert raised.value.hint
    with pytest.raises(ConfigError):
        list(read(io.BytesIO(b"x"), form="nonsense"))


def test_a_line_that_is_too_long_is_skipped_in_pieces():
    caps = Caps(record_bytes=1000)
    found = list(read(io.BytesIO(b'{"a": 1}\n{"a": "' + b"x" * (3 << 20) + b'"}\n{"a": 2}\n'), caps=caps))
    assert [getattr(item, "reason", "") for item in found] == ["", "too_long", ""]
    assert len(found[1].raw) <= caps.kept_bytes


def test_json_nested_too_deep_or_too_wide():
    deep = b'{"a":' * 100 + b"1" + b"}" * 100
    deeper = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    wide = b"{" + b",".join(b'"f%d":1' % n for n in range(5000)) + b"}"
    found = list(read(io.BytesIO(b"\n".join((deep, deeper, wide, b'{"a": 1}'))), form="jsonl"))
    assert [getattr(item, "reason", "") for item in found] == ["too_deep", "too_deep", "too_many_fields", ""]


def test_an_array_that_never_ends_is_given_up_at_its_limit():
    found = list(read(io.BytesIO(b'[{"a": 1}, {"a": "' + b"x" * (4 << 20)), caps=Caps(document_bytes=1 << 20)))
    assert isinstance(found[0], LogRecord)
    assert found[1].reason in {"too_long", "truncated"}


def test_xml_with_a_document_type_is_refused():
    lol = b'<!DOCTYPE Event [<!ENTITY a "aaaa">]><Event><System><EventID>1</EventID></System><EventData><Data Name="x">&a;</Data></EventData></Event>'
    found = list(read(io.BytesIO(lol), form="xml"))
    assert [item.reason for item in found] == ["not_xml"]


def test_xml_nested_without_end():
    found = list(read(io.BytesIO(b"<Event>" + b"<a>" * 10_000 + b"</Event>"), form="xml"))
    assert [item.reason for item in found] == ["too_deep"]


def test_a_file_that_opens_with_much_white_space_is_still_read():
    assert len(list(read(io.BytesIO(b"\n" * 100_000 + b"words\n")))) == 1
