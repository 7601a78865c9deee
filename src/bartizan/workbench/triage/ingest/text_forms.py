"""Formats of one line a record: syslog of both kinds, CEF, logfmt, web servers' access logs, and plain text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import re2

from bartizan.workbench.triage.ingest import json_forms, windows_xml
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.flat import text
from bartizan.workbench.triage.ingest.item import Claim, Flaw, Parsed
from bartizan.workbench.triage.ingest.names import alias, tables
from bartizan.workbench.triage.ingest.pairs import pairs
from bartizan.workbench.triage.ingest.times import seconds, syslog_3164
from bartizan.workbench.triage.record import LogSource, Severity

_Object = dict[str, object]

RFC5424: Final = re2.compile(r"^<(\d{1,3})>1 (\S{1,64}) (\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,64}) ")
RFC3164: Final = re2.compile(
    r"^(?:<(\d{1,3})>)?(?:([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:\d{4} )?(\d\d:\d\d:\d\d(?:\.\d+)?)"
    r"|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)))"
    r" (\S{1,255}) ([^\s:\[]{1,128})(?:\[(\d{1,10})\])?: ?(.*)$"
)
CEF: Final = re2.compile(r"^CEF:\d+(?:\.\d+)?\|")
LOGFMT: Final = re2.compile(r'(?:^|\s)([A-Za-z_][\w.@/-]{0,100})=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))')
ACCESS: Final = re2.compile(
    r'^(\S{1,255}) (\S{1,255}) (\S{1,255}) \[([^\]]{20,32})\] "([A-Z]{1,20}) ([^"]*?)(?: (HTTP/[\d.]+))?" (\d{3}) (\d+|-)'
    r'(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?'
)
_STRUCTURED: Final = re2.compile(r'^\[([^\s=\]"]{1,64})((?: [^\s=\]"]{1,64}="(?:[^"\\]|\\.)*")*)\]')
_PAIR: Final = re2.compile(r'([^\s=\]"]{1,64})="((?:[^"\\]|\\.)*)"')
_CEF_KEY: Final = re2.compile(r"(?:^|\s)([A-Za-z0-9_.\[\]-]{1,120})=")
_ISO: Final = re2.compile(r"^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)")
_MONTHS: Final = {
    name: f"{number:02}"
    for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)
}
_CEF_WORDS: Final[dict[str, Severity]] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "very-high": "critical",
    "unknown": "informational",
}
_ELEMENTS: Final = 64
"""Structured elements of one message; what comes after is part of its words."""
_AUTH: Final = (4, 10)
_CRON: Final = (9, 15)


def _words(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("utf-8", "replace")


def syslog(line: bytes, caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield a syslog line's record; a message that is itself CEF, JSON or Sysmon's XML is read as that, the envelope kept around it."""
    words = _words(line)
    found = RFC5424.match(words)
    if found is not None:
        yield _inner(_modern(words, found), caps)
        return
    found = RFC3164.match(words)
    if found is None:
        yield Flaw("bad_shape", "no line of syslog", line)
        return
    pri, month, day, clock, iso, host, program, pid, message = found.groups()
    at = seconds(iso) if iso else syslog_3164(month, day, clock, now=time.time())
    fields: _Object = {"Computer": host, "hostname": host, "program": program, "message": message}
    if pid:
        fields["pid"] = int(pid)
    yield _inner(_enveloped(fields, int(pri) if pri else None, program, at), caps)


def _modern(words: str, found: re2._Match[str]) -> Parsed:
    pri, stamp, host, program, pid, kind = found.groups()
    rest = words[found.end() :]
    fields: _Object = {"Computer": host, "hostname": host, "program": program, "pid": pid, "msgid": kind}
    for _ in range(_ELEMENTS):
        element = _STRUCTURED.match(rest)
        if element is None:
            break
        for name, value in _PAIR.findall(element.group(2)):
            fields[f"{element.group(1)}.{name}"] = _unescaped(value)
        rest = rest[element.end() :]
    rest = rest[2:] if rest.startswith("- ") else "" if rest == "-" else rest
    fields["message"] = rest.lstrip(" \ufeff")
    return _enveloped({name: value for name, value in fields.items() if value != "-"}, int(pri), program, seconds(stamp))


def _enveloped(fields: _Object, pri: int | None, program: str, at: float | None) -> Parsed:
    facility = None
    if pri is not None:
        facility, fields["severity"] = pri >> 3, pri & 7
        fields["facility"] = facility
    service = tables().syslog_services.get(program.rpartition("/")[2].lower(), "")
    if not service:
        service = "auth" if facility in _AUTH else "cron" if facility in _CRON else "syslog"
    return Parsed("syslog", at, LogSource("linux", "", service), fields)


def _inner(outer: Parsed, caps: Caps) -> Parsed | Flaw:
    message = text(outer.fields.get("message"))
    if "CEF:" in message[:64] or CEF.match(message):
        within = next(cef(message[message.index("CEF:") :].encode(), caps))
    elif message.startswith("{"):
        within = next(json_forms.line(message.encode(), caps))
    elif message.startswith("<Event"):
        within = windows_xml.event(message.encode(), caps)
    else:
        return outer
    if isinstance(within, Flaw):
        return outer  # the envelope is whole, whatever it carries
    source = within.logsource if within.logsource != LogSource() else outer.logsource
    return Parsed(
        within.form, within.at if within.at is not None else outer.at, source, dict(outer.fields) | dict(within.fields), within.claim
    )


def _unescaped(value: str) -> str:
    return value.replace('\\"', '"').replace("\\]", "]").replace("\\\\", "\\") if "\\" in value else value


def cef(line: bytes, caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield a CEF line's record; one of severity 4 and above is an alert of the device that it names."""
    words = _words(line)
    head = _cef_head(words)
    if head is None:
        yield Flaw("bad_shape", "CEF without its seven header fields", line)
        return
    _, vendor, product, version, signature, name, severity, extension = head
    fields: _Object = {"DeviceVendor": vendor, "DeviceProduct": product, "DeviceVersion": version, "SignatureID": signature, "Name": name}
    fields |= {"Severity": severity}
    pairs = _cef_pairs(extension)
    if len(pairs) > caps.fields:
        yield Flaw("too_many_fields", f"over {caps.fields} fields", line)
        return
    fields |= pairs
    for key in [key for key in pairs if key.endswith("Label")]:
        if key.removesuffix("Label") in pairs and isinstance(label := pairs[key], str) and label not in fields:
            fields[label] = pairs[key.removesuffix("Label")]
    alias(fields, tables().cef)
    at = next((at for key in ("rt", "end", "start") if (at := _cef_time(pairs.get(key))) is not None), None)
    level = _cef_level(severity)
    claim = None
    if level not in {"informational", "low"}:
        host = text(pairs.get("dvchost") or pairs.get("dhost") or pairs.get("shost"))
        claim = Claim(tool=f"{vendor} {product}".strip() or "cef", rule=signature or name or "alert", title=name or signature or "alert",
                      level=level, host=host)  # fmt: skip
    yield Parsed("cef", at, LogSource(vendor.lower().replace(" ", "_"), "", product.lower().replace(" ", "_")), fields, claim)


def _cef_head(words: str) -> list[str] | None:
    r"""Return the version, the six fields after it and the extension; ``\|`` within a field is no separator."""
    parts: list[str] = []
    begun = at = 0
    while len(parts) < 7:
        at = words.find("|", at)
        if at < 0:
            return None
        before = at
        while before > begun and words[before - 1] == "\\":
            before -= 1
        if (at - before) % 2 == 0:
            parts.append(words[begun:at].replace("\\|", "|").replace("\\\\", "\\"))
            begun = at + 1
        at += 1
    return [*parts, words[begun:]]


def _cef_pairs(extension: str) -> _Object:
    r"""Return ``key=value`` pairs; a value goes on until the next key, and ``\=`` is an equals sign in it."""
    marks = [(found.start(1), found.end(), found.group(1)) for found in _CEF_KEY.finditer(extension)]
    out: _Object = {}
    for number, (_, begins, key) in enumerate(marks):
        ends = marks[number + 1][0] if number + 1 < len(marks) else len(extension)
        value = extension[begins:ends].strip()
        out[key] = value.replace("\\=", "=").replace("\\n", "\n").replace("\\r", "\r").replace("\\\\", "\\") if "\\" in value else value
    return out


def _cef_time(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    if (at := seconds(value)) is not None:
        return at
    parts = value.split()
    if len(parts) >= 4 and parts[0] in _MONTHS and len(parts[2]) == 4:
        return seconds(f"{parts[2]}-{_MONTHS[parts[0]]}-{parts[1]:0>2}T{parts[3]}")
    return None


def _cef_level(severity: str) -> Severity:
    if severity.isdecimal() and len(severity) < 3:
        number = int(severity)
        return "low" if number < 4 else "medium" if number < 7 else "high" if number < 9 else "critical"
    return _CEF_WORDS.get(severity.lower(), "informational")


def logfmt(line: bytes, caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield a line of ``key=value`` pairs as a record."""
    fields: _Object = {pair.key: _unescaped(pair.value) if pair.quote else pair.value for pair in pairs(_words(line), '"', escapes=True)}
    if not fields:
        yield Flaw("bad_shape", "no pair of key and value", line)
    elif len(fields) > caps.fields:
        yield Flaw("too_many_fields", f"over {caps.fields} fields", line)
    else:
        if "msg" in fields:
            fields.setdefault("message", fields["msg"])
        at = next((at for key in ("time", "ts", "timestamp", "t", "@timestamp") if (at := seconds(fields.get(key))) is not None), None)
        yield Parsed(
            "logfmt", at, LogSource("", "", text(fields.get("service") or fields.get("logger") or fields.get("component"))), fields
        )


def access(line: bytes, _caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield a line of a web server's access log, common or combined, under the names of W3C that rules ask for."""
    words = _words(line)
    found = ACCESS.match(words)
    if found is None:
        yield Flaw("bad_shape", "no line of an access log", line)
        return
    client, _, user, stamp, method, uri, version, status, size, referer, agent = found.groups()
    stem, _, query = uri.partition("?")
    fields: _Object = {"c-ip": client, "src_ip": client, "cs-method": method, "cs-uri": uri, "cs-uri-stem": stem, "cs-uri-query": query,
                       "c-uri": uri, "cs-version": version, "sc-status": int(status), "message": words}  # fmt: skip
    for name, value in (("cs-username", user), ("sc-bytes", size), ("cs-referer", referer), ("cs-user-agent", agent)):
        if value and value != "-":
            fields[name] = int(value) if name == "sc-bytes" and len(value) < 16 else _unescaped(value)
    if "cs-user-agent" in fields:
        fields["c-useragent"] = fields["cs-user-agent"]
    yield Parsed("access", _clf_time(stamp), LogSource("", "webserver", ""), fields)


def _clf_time(stamp: str) -> float | None:
    """Return ``10/Oct/2000:13:55:36 -0700`` as UTC seconds."""
    day, _, rest = stamp.partition("/")
    month, _, rest = rest.partition("/")
    year, _, rest = rest.partition(":")
    clock, _, offset = rest.partition(" ")
    return seconds(f"{year}-{_MONTHS.get(month, '')}-{day}T{clock}{offset}")


def plain(line: bytes, _caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield any line as a record with one field, ``message``; keyword rules look into it."""
    if b"\0" in line:
        yield Flaw("not_text", "a zero byte within a line", line)
        return
    words = _words(line)
    found = _ISO.match(words)
    yield Parsed("plain", seconds(found.group(1).replace(",", ".")) if found else None, LogSource(), {"message": words})
