"""What a source is, by looking at its beginning; and the reason, in words."""

from __future__ import annotations

import codecs
from typing import Final

import msgspec

from bartizan.workbench.triage.ingest import auditd, evtx, json_forms, text_forms
from bartizan.workbench.triage.ingest.lines import as_text

HEAD: Final = 64 << 10
"""Bytes that are looked at."""
_LINES: Final = 40
_ENOUGH: Final = 0.6
"""The share of lines that must look like a format; continuation lines and a torn first line are no reason to give up."""
_decode: Final = msgspec.json.Decoder().decode


class _Head:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1, /) -> bytes:
        taken, self._data = (self._data, b"") if size < 0 else (self._data[:size], self._data[size:])
        return taken


def recognise(head: bytes) -> tuple[str, str]:
    """Return the id of a format and the reason; an empty id when the beginning is no text and nothing that is known."""
    if head.startswith(evtx.MAGIC):
        return "evtx", "opens with ElfFile"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8)):
        head = as_text(head, _Head(head)).read()
    start = head.lstrip()
    if not start:
        return ("plain", "white space at its beginning") if len(head) >= HEAD else ("", "empty")
    if b"\0" in head[:4096]:
        return "", "holds zero bytes and opens with no mark that is known"
    if start.startswith(b"<") and (b"<Event>" in start or b"<Event " in start) and not start[1:2].isdigit():
        return "xml", "XML with <Event> elements"
    if start[:1] in {b"{", b"["}:
        return _json(start)
    return _text(head)


def _json(start: bytes) -> tuple[str, str]:
    first, ended, _ = start.partition(b"\n")
    if start.startswith(b"["):
        return "json", "a JSON array"
    try:
        found = _decode(first)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return (
            ("jsonl", "lines that open with {")
            if ended and b"\n{" in start and first.rstrip().endswith(b"}")
            else ("json", "a JSON document of several lines")
        )
    form, why = json_forms.shape(found) if isinstance(found, dict) else ("json", "a JSON value")
    envelope = isinstance(found, dict) and not ended and form == "json"
    return ("json" if envelope else "jsonl"), f"one JSON object a line; the first is {form}, by {why}"


def _text(head: bytes) -> tuple[str, str]:
    if head.startswith((b"#separator", b"#fields")):
        return "zeek_tsv", "opens with a #separator or #fields line"
    given = head.decode("utf-8", "replace").splitlines()
    sample = [line for line in (given[:-1] or given) if line.strip()][:_LINES] or given[:1]
    if any("<Event>" in line or "<Event " in line for line in sample) and not text_forms.RFC5424.match(sample[0]):
        return "xml", "lines that carry <Event> elements"
    tests = (
        ("auditd", lambda line: bool(auditd.HEAD.search(line[:400])), "name audit(time:serial)"),
        ("cef", lambda line: bool(text_forms.CEF.match(line)), "open with CEF:"),
        ("syslog", lambda line: bool(text_forms.RFC5424.match(line)), "open with <priority>1 (RFC 5424)"),
        ("syslog", lambda line: bool(text_forms.RFC3164.match(line)), "open with time, host and program (RFC 3164)"),
        ("access", lambda line: bool(text_forms.ACCESS.match(line)), "are requests with time, status and size"),
        ("logfmt", _is_logfmt, "are pairs of key=value"),
    )  # fmt: skip
    for form, test, why in tests:
        count = sum(map(test, sample))
        if count >= max(1, _ENOUGH * len(sample)):
            return form, f"{count} of {len(sample)} lines {why}"
    return "plain", f"text, and none of {len(sample)} lines is of a format that is known"


def _is_logfmt(line: str) -> bool:
    pairs = text_forms.LOGFMT.findall(line[:2000])
    return len(pairs) >= 3 and sum(len(key) + len(one) + len(two) + 2 for key, one, two in pairs) >= 0.7 * len(line[:2000].strip())
