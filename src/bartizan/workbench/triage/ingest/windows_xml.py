"""Windows events, and those of Sysmon for Linux, as XML: one element a record, no document type, no entities of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from xml.parsers import expat

from bartizan.workbench.triage.ingest import windows
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.item import Flaw, Parsed
from bartizan.workbench.triage.ingest.lines import Readable

_CHUNK: Final = 1 << 20
_END: Final = b"</Event>"
_STARTS: Final = (b"<Event ", b"<Event>")


class _RefusedError(Exception):
    """The XML has what no event has; the message is the reason."""


class _Reader:
    """What expat calls: the path of elements, and the fields that come of it."""

    def __init__(self, caps: Caps) -> None:
        self.fields: dict[str, object] = {}
        self._caps = caps
        self._path: list[str] = []
        self._name = ""
        self._text: list[str] = []
        self._unnamed: list[object] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take in an element's beginning."""
        self._path.append(tag)
        if len(self._path) > self._caps.depth:
            raise _RefusedError("too_deep")
        self._text = []
        self._name = ""
        if len(self._path) > 2 and self._path[1] == "System":
            owner = "Provider_" if tag == "Provider" else ""
            if tag != "EventID":
                self.fields |= {f"{owner}{key}": value for key, value in attributes.items() if key != "xmlns"}
        elif tag in {"Data", "ComplexData"}:
            self._name = attributes.get("Name", "")

    def text(self, given: str) -> None:
        """Take in a piece of text."""
        self._text.append(given)

    def end(self, tag: str) -> None:
        """Make a field of an element that has no children."""
        content = "".join(self._text)
        depth, inside = len(self._path), self._path[1] if len(self._path) > 1 else ""
        self._path.pop()
        if len(self.fields) > self._caps.fields:
            raise _RefusedError("too_many_fields")
        if depth > 2 and inside == "System":
            if content.strip():
                self.fields[tag] = content
        elif depth > 2 and inside in {"EventData", "UserData"} and (content.strip() or self._name):
            self._set(self._name or tag, content, named=bool(self._name) or tag != "Data")
        self._text, self._name = [], ""

    def _set(self, name: str, content: str, *, named: bool) -> None:
        if named:
            self.fields[name] = content
        else:
            self._unnamed.append(content)
            self.fields["Data"] = self._unnamed[0] if len(self._unnamed) == 1 else tuple(self._unnamed)

    def refuse(self, *_: object) -> None:
        """Refuse a document type: no event has one, and entities are declared in it."""
        raise _RefusedError("a document type")


def event(given: bytes, caps: Caps) -> Parsed | Flaw:
    """Return one ``<Event>`` element as a record."""
    parser, reader = expat.ParserCreate(), _Reader(caps)
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.buffer_text = True
    try:
        parser.Parse(given, True)  # noqa: FBT003 - expat takes it by position
    except expat.ExpatError as error:
        return Flaw("not_xml", str(error)[:200], given)
    except _RefusedError as error:
        why = str(error)
        return Flaw("too_deep" if why == "too_deep" else "too_many_fields" if why == "too_many_fields" else "not_xml", why, given)
    fields = reader.fields
    number = fields.get("EventID")
    if isinstance(number, str) and number.strip().isdecimal() and len(number) < 8:
        fields["EventID"] = int(number)
    if "EventID" not in fields:
        return Flaw("bad_shape", "an event without EventID", given)
    found = windows.record("windows_xml", fields)
    return found if found.logsource.product == "windows" else Parsed("sysmon_linux", found.at, found.logsource, fields)


def is_sentinel(found: Mapping[str, object]) -> bool:
    """Say whether this is a Windows event as Azure's workspaces export it, EventData being XML within JSON."""
    return isinstance(data := found.get("EventData"), str) and data.startswith("<EventData") and "EventID" in found


def from_sentinel(found: dict[str, object], caps: Caps) -> Parsed:
    """Return a Windows event of an Azure workspace; what its EventData says goes first."""
    data = str(found.pop("EventData"))
    inner = event(f"<Event><System><EventID>0</EventID></System>{data}</Event>".encode(), caps)
    if isinstance(inner, Parsed):
        found |= {name: value for name, value in inner.fields.items() if name != "EventID"}
    return windows.from_flat(found, caps)


def events(stream: Readable, caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield the events of a stream, whatever stands around them: ``<Events>``, nothing, or lines of syslog."""
    have = b""
    while True:
        got = stream.read(_CHUNK)
        have += got
        while (end := have.find(_END)) >= 0:
            start = max(have.rfind(mark, 0, end) for mark in _STARTS)
            if start < 0:
                yield Flaw("truncated", "the end of an event whose beginning is not there", have[: end + len(_END)])
            else:
                yield event(have[start : end + len(_END)], caps)
            have = have[end + len(_END) :]
        if not got:
            break
        if len(have) > caps.record_bytes + _CHUNK:
            yield Flaw("too_long", f"an event of more than {caps.record_bytes} bytes", have[:2000])
            have = have[-len(_END) :]
    if any(mark in have for mark in _STARTS):
        yield Flaw("truncated", "an event that does not end", have[-2000:])
