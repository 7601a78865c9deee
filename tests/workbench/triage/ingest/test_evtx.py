# ruff: noqa: E501, PLC0415 - a case is one line, and an import only where it is needed
"""EVTX, written here byte by byte (libevtx's description of the format), read by the parser in its child."""

import io
import struct
import zlib

import pytest

from bartizan.workbench.triage.ingest import Malformed, evtx, read
from bartizan.workbench.triage.record import LogRecord, LogSource

CHUNK = 65536
EVENT = ("Event", {}, [
    ("System", {}, [("Provider", {"Name": "Microsoft-Windows-Sysmon"}, []), ("EventID", {}, "1"), ("TimeCreated", {"SystemTime": "2025-11-28T08:30:20.5Z"}, []),
                    ("Channel", {}, "Microsoft-Windows-Sysmon/Operational"), ("Computer", {}, "pc")]),
    ("EventData", {}, [("Data", {"Name": "Image"}, "C:\\a.exe"), ("Data", {"Name": "CommandLine"}, "a b")]),
])  # fmt: skip


def text(value):
    return b"\x05\x01" + struct.pack("<H", len(value)) + value.encode("utf-16-le")


def named(name, at):
    """A name that stands where it is used: its offset is where the offset field ends."""
    return struct.pack("<I", at + 4) + struct.pack("<IHH", 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"


def element(node, at):
    name, attributes, inner = node
    opened = b"\x41" if attributes else b"\x01"
    head = named(name, at + 5)
    given = b""
    begins = at + 5 + len(head) + (4 if attributes else 0)
    for number, (key, value) in enumerate(attributes.items()):
        token = b"\x46" if number + 1 < len(attributes) else b"\x06"
        given += token + named(key, begins + len(given) + 1) + text(value)
    listed = struct.pack("<I", len(given)) + given if attributes else b""
    body = b""
    start = at + 5 + len(head) + len(listed) + 1
    if isinstance(inner, str):
        body = b"\x02" + text(inner) + b"\x04"
    elif inner:
        for child in inner:
            body += element(child, start + len(body))
        body = b"\x02" + body + b"\x04"
    else:
        body = b"\x03"
    rest = head + listed + body
    return opened + struct.pack("<I", len(rest)) + rest


def chunk(count, first=1):
    records, at = b"", 512
    for number in range(first, first + count):
        body = b"\x0f\x01\x01\x00" + element(EVENT, at + 24 + 4) + b"\x00"
        size = 24 + len(body) + 4
        last = at
        records += struct.pack("<4sIQQ", b"\x2a\x2a\0\0", size, number, 133000000000000000) + body + struct.pack("<I", size)
        at += size
    ids = (first, first + count - 1)
    head = struct.pack("<8sQQQQIIII", b"ElfChnk\0", *ids, *ids, 128, last, at, zlib.crc32(records)) + bytes(64) + struct.pack("<I", 1)
    tables = bytes(384)
    made = head + struct.pack("<I", zlib.crc32(head[:120] + tables)) + tables + records
    return made.ljust(CHUNK, b"\0")


def file(*chunks):
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, len(chunks) - 1, 99, 128, 1, 3, 4096, len(chunks)) + bytes(76)
    head += struct.pack("<II", 0, zlib.crc32(head))
    return head.ljust(4096, b"\0") + b"".join(chunks)


def test_events_of_several_chunks_are_records():
    told = []
    found = list(read(io.BytesIO(file(chunk(3), chunk(2, 4))), told=told.append))
    assert told[0].form == "evtx"
    assert len(found) == 5
    for record in found:
        assert isinstance(record, LogRecord)
        assert record.logsource == LogSource("windows", "process_creation", "sysmon")
        assert record.at == 1764318620.5
        assert {"Image": "C:\\a.exe", "CommandLine": "a b", "Computer": "pc"}.items() <= record.fields.items()
    assert len({record.id for record in found}) == 5


def test_a_damaged_chunk_costs_itself():
    bad = bytearray(chunk(2))
    bad[512 + 30 : 512 + 3000] = b"\xff" * 2970
    found = list(read(io.BytesIO(file(chunk(2), bytes(bad), chunk(2, 5)))))
    assert sum(isinstance(item, LogRecord) for item in found) >= 4
    assert any(isinstance(item, Malformed) for item in found)


@pytest.mark.parametrize(
    "data",
    [b"ElfFile\0", b"ElfFile\0" + b"\xff" * 9000, file(b"\xff" * CHUNK), file(chunk(2))[:20_000]],
    ids=["short", "noise", "no chunk", "torn"],
)
def test_what_only_begins_like_evtx_ends_no_run(data):
    for item in read(io.BytesIO(data)):
        assert isinstance(item, (LogRecord, Malformed))


def test_a_child_that_is_killed_costs_its_chunk(monkeypatch):
    from bartizan.sandbox import Limits

    monkeypatch.setattr(evtx, "_LIMITS", Limits(memory_bytes=1 << 20, output_bytes=1000, cpu_s=5.0))
    found = list(read(io.BytesIO(file(chunk(2), chunk(2, 3)))))
    assert [item.reason for item in found] == ["unreadable", "unreadable"]


def test_a_folder_is_read_in_one_child(tmp_path, monkeypatch):
    from bartizan.sandbox import Sandbox

    begun = []
    real = Sandbox._spawn

    async def counted(self):
        begun.append(self)
        return await real(self)

    monkeypatch.setattr(Sandbox, "_spawn", counted)
    for number in range(4):
        (tmp_path / f"{number}.evtx").write_bytes(file(chunk(2)))
    found = list(read([tmp_path]))
    assert len(found) == len({record.id for record in found}) == 8
    assert len(begun) == 1


def test_a_file_that_breaks_the_child_costs_no_file_after_it(tmp_path, monkeypatch):
    from bartizan.sandbox import Limits

    monkeypatch.setattr(evtx, "_LIMITS", Limits(memory_bytes=512 << 20, output_bytes=3000, cpu_s=5.0))
    for name, count in (("a", 1), ("b_too_much", 40), ("c", 1), ("d_too_much", 40), ("e", 1)):
        (tmp_path / f"{name}.evtx").write_bytes(file(chunk(count)))
    found = list(read([tmp_path]))
    assert [(type(item).__name__, item.source.rpartition("/")[2]) for item in found] == [
        ("LogRecord", "a.evtx"),
        ("Malformed", "b_too_much.evtx"),
        ("LogRecord", "c.evtx"),
        ("Malformed", "d_too_much.evtx"),
        ("LogRecord", "e.evtx"),
    ]


def test_what_a_worn_child_dies_of_is_tried_in_a_new_one(monkeypatch):
    """The child is killed between two files, as the kernel would do it when memory is short."""
    import os
    import signal

    with evtx.Warm() as warm:
        assert len(warm.run(file(chunk(2))).records) == 2
        os.kill(warm._sandbox._idle[0].process.pid, signal.SIGKILL)
        assert len(warm.run(file(chunk(3))).records) == 3
