"""Every format: its name, what it is in words, and how a stream of it becomes records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.triage.ingest import evtx, json_forms, text_forms, windows_xml
from bartizan.workbench.triage.ingest.auditd import Audit
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.item import Flaw, Parsed
from bartizan.workbench.triage.ingest.lines import Readable, lines
from bartizan.workbench.triage.ingest.network import ZeekTable

Line = Callable[[bytes, Caps], Iterator[Parsed | Flaw]]
Stream = Callable[[Readable, Caps], Iterator[Parsed | Flaw]]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A format. ``line`` where every line is a record by itself, so that a file can be followed; ``stream`` in any case."""

    id: str
    title: str
    stream: Stream
    line: Line | None = None


def by_line(form: str, title: str, line: Line) -> Form:
    """Return a format of one line a record."""

    def stream(source: Readable, caps: Caps) -> Iterator[Parsed | Flaw]:
        for given in lines(source, caps.record_bytes):
            if isinstance(given, Flaw):
                yield given
            else:
                yield from line(given, caps)

    return Form(id=form, title=title, stream=stream, line=line)


def _document(source: Readable, caps: Caps) -> Iterator[Parsed | Flaw]:
    return iter(json_forms.Elements(source, caps))


def _zeek(source: Readable, caps: Caps) -> Iterator[Parsed | Flaw]:
    table = ZeekTable(caps)
    for given in lines(source, caps.record_bytes):
        if isinstance(given, Flaw):
            yield given
        else:
            yield from table.parse(given)


def _audit(source: Readable, caps: Caps) -> Iterator[Parsed | Flaw]:
    log = Audit(caps)
    for given in lines(source, caps.record_bytes):
        if isinstance(given, Flaw):
            yield given
        else:
            yield from log.parse(given)
    yield from log.flush()


FORMS: Final[dict[str, Form]] = {
    form.id: form
    for form in (
        Form(id="evtx", title="Windows event log (EVTX)", stream=evtx.alone),
        Form(id="xml", title="Windows or Sysmon events as XML", stream=windows_xml.events),
        by_line("jsonl", "JSON, one object a line", json_forms.line),
        Form(id="json", title="JSON documents and arrays", stream=_document),
        Form(id="zeek_tsv", title="Zeek log with a header", stream=_zeek),
        Form(id="auditd", title="Linux audit log", stream=_audit),
        by_line("syslog", "syslog, RFC 5424 or BSD", text_forms.syslog),
        by_line("cef", "Common Event Format", text_forms.cef),
        by_line("access", "web server access log", text_forms.access),
        by_line("logfmt", "logfmt", text_forms.logfmt),
        by_line("plain", "plain text", text_forms.plain),
    )
}
"""By id. What a JSON object is (ECS, OCSF, CloudTrail ...) is told record by record."""


def form_of(name: str) -> Form:
    """Return a format by its id; raises ConfigError."""
    found = FORMS.get(name)
    if found is None:
        raise ConfigError(f"there is no log format {name!r}", hint=f"one of {', '.join(FORMS)}")
    return found
