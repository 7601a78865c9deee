"""OpenTelemetry's logs as JSON: attributes flat, and a body that is itself a record read as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.flat import ShapeError, flat, text
from bartizan.workbench.triage.ingest.item import Flaw, Parsed
from bartizan.workbench.triage.ingest.times import seconds
from bartizan.workbench.triage.record import LogSource

_Object = dict[str, object]


def is_otlp(found: Mapping[str, object]) -> bool:
    """Say whether this is a batch of OTLP logs."""
    return isinstance(found.get("resourceLogs"), list)


def records(found: _Object, caps: Caps, inner: Callable[[_Object, Caps], Parsed | Flaw]) -> Iterator[Parsed | Flaw]:
    """Yield the log records of a batch; ``inner`` reads a body that is an object."""
    for resource in _objects(found.get("resourceLogs")):
        about = _attributes((resource.get("resource") or {}), caps.depth)
        for scope in _objects(resource.get("scopeLogs")):
            for record in _objects(scope.get("logRecords")):
                try:
                    yield _record(record, about, caps, inner)
                except ShapeError as error:
                    yield Flaw("too_deep" if str(error) == "too_deep" else "too_many_fields", "a log record of OTLP")
                except (TypeError, AttributeError, ValueError) as error:
                    yield Flaw("bad_shape", f"{type(error).__name__}: {error}"[:200])


def _record(record: _Object, about: _Object, caps: Caps, inner: Callable[[_Object, Caps], Parsed | Flaw]) -> Parsed:
    fields: _Object = about | _attributes(record, caps.depth)
    for name in ("severityText", "severityNumber", "traceId", "spanId", "eventName"):
        if name in record:
            fields[name] = record[name]
    at = _nanos(record.get("timeUnixNano")) or _nanos(record.get("observedTimeUnixNano"))
    body = _value(record.get("body"), caps.depth)
    source = LogSource(text(fields.get("os.type")), "", text(fields.get("service.name")))
    if isinstance(body, dict):
        within = inner(body, caps)
        if isinstance(within, Parsed):
            given = within.logsource if within.logsource != LogSource() else source
            return Parsed("otlp", within.at if within.at is not None else at, given, fields | dict(within.fields), within.claim)
        fields |= flat(body, caps)
    elif body is not None:
        fields["message"] = body
    return Parsed("otlp", at, source, flat(fields, caps))


def _attributes(owner: object, depth: int) -> _Object:
    given = owner.get("attributes") if isinstance(owner, dict) else None
    return {key: _value(one.get("value"), depth) for one in _objects(given) if isinstance(key := one.get("key"), str)}


def _value(given: object, depth: int) -> object:
    """Return an AnyValue as a plain value; raises ShapeError when it is nested too deep."""
    if depth <= 0:
        raise ShapeError("too_deep")
    if not isinstance(given, dict):
        return given if isinstance(given, (str, int, float, bool)) else None
    match next(iter(given.items()), ("", None)):
        case ("intValue", str(number)):
            return int(number) if len(number) < 25 and number.lstrip("-").isdecimal() else number
        case ("kvlistValue", {"values": list(values)}):
            return {key: _value(one.get("value"), depth - 1) for one in _objects(values) if isinstance(key := one.get("key"), str)}
        case ("arrayValue", {"values": list(values)}):
            return [_value(one, depth - 1) for one in values]
        case (_, plain) if not isinstance(plain, (dict, list)):
            return plain
        case _:
            return None


def _objects(given: object) -> Iterator[_Object]:
    return (one for one in given if isinstance(one, dict)) if isinstance(given, list) else iter(())


def _nanos(given: object) -> float | None:
    if isinstance(given, str) and given.isdecimal() and len(given) < 25:
        given = int(given)
    return given / 1e9 if isinstance(given, int) and not isinstance(given, bool) and given > 0 else seconds(None)
