"""JSON objects, each read as what its own fields say it is; and the arrays and envelopes that they come in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from bartizan.workbench.triage.ingest import cloud, network, otlp, windows, windows_xml
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.flat import ShapeError, flat
from bartizan.workbench.triage.ingest.item import Flaw, Parsed
from bartizan.workbench.triage.ingest.lines import Readable
from bartizan.workbench.triage.ingest.times import seconds
from bartizan.workbench.triage.record import LogSource

_Object = dict[str, object]
_CHUNK: Final = 1 << 20
_ENVELOPES: Final = ("Records", "records", "value", "events", "Events", "logs", "hits")
"""Names under which exports keep their array of records."""
_TIMES: Final = ("@timestamp", "timestamp", "time", "ts", "eventTime", "EventTime", "date", "createdDateTime", "published", "TimeGenerated")

FORMS: Final[tuple[tuple[str, Callable[[Mapping[str, object]], bool], Callable[[_Object, Caps], Parsed], str], ...]] = (
    ("sentinel", windows_xml.is_sentinel, windows_xml.from_sentinel, "EventID with EventData as XML"),
    ("windows_json", windows.is_flat, windows.from_flat, "EventID with Channel or provider"),
    ("windows_json", windows.is_nested, windows.from_nested, "Event with System and its EventID"),
    ("winlogbeat", windows.is_winlogbeat, windows.from_winlogbeat, "the object winlog"),
    ("cloudtrail", cloud.is_cloudtrail, cloud.from_cloudtrail, "eventSource, eventName and eventTime"),
    ("suricata", network.is_suricata, network.from_suricata, "event_type with timestamp and addresses or flow"),
    ("wazuh", network.is_wazuh, network.from_wazuh, "agent with rule level or decoder"),
    ("ocsf", cloud.is_ocsf, cloud.from_ocsf, "class_uid with metadata"),
    ("ecs", cloud.is_ecs, cloud.from_ecs, "@timestamp with ecs or event"),
    ("zeek", network.is_zeek, network.from_zeek, "ts with uid or id.orig_h"),
)
"""In this order: what an object is told by, and how it is read."""

_decode = msgspec.json.Decoder().decode


def shape(found: Mapping[str, object]) -> tuple[str, str]:
    """Return the form of an object and what it is told by; ``json`` when it is none that is known."""
    for form, is_it, _, why in FORMS:
        if is_it(found):
            return form, why
    return ("otlp", "resourceLogs") if otlp.is_otlp(found) else ("json", "an object of no known schema")


def line(given: bytes, caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield the record, or the records, of one line."""
    try:
        found = _decode(given)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _lenient(given)
    except RecursionError:
        found = Flaw("too_deep", "nested too deep to decode", given)
    if isinstance(found, Flaw):
        yield found
    else:
        yield from value(found, caps, given)


def _lenient(given: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Decode what strict JSON refuses and logs hold: bytes that are no UTF-8, lone surrogates, raw control characters."""
    try:
        return json.loads(given.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        return Flaw("not_json", f"{type(error).__name__}: {error}"[:200], given)


def value(found: object, caps: Caps, given: bytes = b"", depth: int = 3) -> Iterator[Parsed | Flaw]:
    """Yield the records of one decoded value: an object, an envelope of many, or an array of objects."""
    if isinstance(found, list):
        for element in found:
            yield from (
                value(element, caps, b"", depth)
                if isinstance(element, dict)
                else (Flaw("bad_shape", "an array of something else than objects"),)
            )
    elif not isinstance(found, dict):
        yield Flaw("bad_shape", "JSON, but no object", given)
    elif depth and (inner := _inside(found)) is not None:
        for element in inner:
            yield from value(element, caps, b"", depth - 1)
    elif otlp.is_otlp(found):
        yield from otlp.records(found, caps, one)
    else:
        yield one(found, caps, given)


def _inside(found: Mapping[str, object]) -> list[object] | None:
    """Return the records of an envelope: an object that holds little else than one array of objects."""
    if len(found) > 4:
        return None
    for name in _ENVELOPES:
        inner = found.get(name)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            return inner
    return None


def one(found: _Object, caps: Caps, given: bytes = b"") -> Parsed | Flaw:
    """Return one object as a record."""
    try:
        for _, is_it, parse, _ in FORMS:
            if is_it(found):
                return parse(found, caps)
        return generic(found, caps)
    except ShapeError as error:
        return Flaw("too_deep" if str(error) == "too_deep" else "too_many_fields", f"over {caps.depth} deep or {caps.fields} fields", given)
    except (TypeError, AttributeError, KeyError) as error:
        return Flaw("bad_shape", f"{type(error).__name__}: {error}"[:200], given)


def generic(found: _Object, caps: Caps) -> Parsed:
    """Return an object of no known schema: its fields flat, its time where one is named so."""
    fields = flat(found, caps)
    at = next((at for name in _TIMES if (at := seconds(fields.get(name))) is not None), None)
    return Parsed("json", at, LogSource(), fields)


class Elements:
    """The objects of a JSON document, one after another, without holding the whole: an array's, an envelope's, or several in a row."""

    def __init__(self, stream: Readable, caps: Caps) -> None:
        self._stream = stream
        self._caps = caps
        self._text = ""
        self._at = 0
        self._left = b""
        self._ended = False
        self._decoder = json.JSONDecoder(strict=False, parse_constant=lambda _: None)

    def __iter__(self) -> Iterator[Parsed | Flaw]:
        """Yield records until the document ends, or until it can't be followed any further."""
        self._open()
        while self._skip():
            found = self._next()
            yield from (found,) if isinstance(found, Flaw) else value(found, self._caps)
            if isinstance(found, Flaw):
                return

    def _open(self) -> None:
        """Step into the array: past ``[``, or past ``{"Records": [`` and its like."""
        self._fill()
        head = self._text.lstrip()
        self._at = len(self._text) - len(head)
        if head.startswith("["):
            self._at += 1
            return
        for name in (*_ENVELOPES, "resourceLogs"):
            squeezed = head[:200].replace(" ", "").replace("\n", "").replace("\r", "").replace("\t", "")
            if name != "resourceLogs" and squeezed.startswith(f'{{"{name}":['):
                self._at += head.index("[") + 1
                return

    def _fill(self) -> bool:
        got = self._stream.read(_CHUNK)
        self._ended = not got
        given = self._left + got
        cut = len(given)
        if got:  # a character may be cut in two
            while cut and len(given) - cut < 4 and given[cut - 1] & 0xC0 == 0x80:
                cut -= 1
            if cut and given[cut - 1] >= 0xC0:
                cut -= 1
            else:
                cut = len(given)
        self._left = given[cut:]
        self._text = self._text[self._at :] + given[:cut].decode("utf-8", "replace")
        self._at = 0
        return bool(got)

    def _skip(self) -> bool:
        """Go to the next value; False at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n,\x1e":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at] not in "]}"
            if not self._fill():
                return False

    def _next(self) -> Any:  # noqa: ANN401 - any JSON value
        while True:
            try:
                found, self._at = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                return Flaw("too_deep", "nested too deep to decode", self._text[self._at :][:2000].encode())
            except ValueError as error:
                have = len(self._text) - self._at
                if have > self._caps.document_bytes:
                    return Flaw(
                        "too_long", f"a value of more than {self._caps.document_bytes} bytes", self._text[self._at :][:2000].encode()
                    )
                grown = False
                while len(self._text) - self._at < 2 * have and self._fill():  # twice as much each time, so that trying again stays linear
                    grown = True
                if not grown:
                    return Flaw("truncated" if self._ended else "not_json", str(error)[:200], self._text[self._at :][:2000].encode())
            else:
                return found
