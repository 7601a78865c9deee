"""Zeek, Suricata and Wazuh: sensors that write one object a record, some of them alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bartizan.workbench.triage.ingest import windows
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.flat import flat, text
from bartizan.workbench.triage.ingest.item import Claim, Flaw, Parsed
from bartizan.workbench.triage.ingest.names import alias, tables, web
from bartizan.workbench.triage.ingest.times import seconds
from bartizan.workbench.triage.record import LogSource, Severity

_Object = dict[str, object]
_SURICATA: Final[dict[int, Severity]] = {1: "high", 2: "medium", 3: "low", 4: "informational"}
_NUMBERS: Final = frozenset({"count", "int", "port", "double", "time", "interval"})
_LOGS: Final = {
    "query": "dns",
    "uri": "http",
    "conn_state": "conn",
    "server_name": "ssl",
    "endpoint": "dce_rpc",
    "request_type": "kerberos",
    "fuid": "files",
    "note": "notice",
    "auth_success": "ssh",
    "cookie": "rdp",
}
"""A field that one of Zeek's logs alone has, and the log."""


def is_zeek(found: Mapping[str, object]) -> bool:
    """Say whether this is a line of one of Zeek's logs as JSON."""
    return "ts" in found and ("id.orig_h" in found or "_path" in found or ("uid" in found and "fuid" not in found) or "fuid" in found)


def from_zeek(found: _Object, caps: Caps, path: str = "") -> Parsed:
    """Return a record of a Zeek log; without ``_path`` its log is told by the fields that it has."""
    fields = flat(found, caps)
    return _zeek(text(fields.get("_path")) or path or _log_of(fields), fields)


def _zeek(path: str, fields: _Object) -> Parsed:
    table, category = tables(), ""
    alias(fields, table.network)
    match path:
        case "http":
            category = web(fields)
        case "dns":
            alias(fields, table.dns)
            category = "dns"
        case "conn":
            category = "firewall"
    return Parsed("zeek", seconds(fields.get("ts")), LogSource("zeek", category, path), fields)


def _log_of(fields: Mapping[str, object]) -> str:
    return next((path for name, path in _LOGS.items() if name in fields), "")


class ZeekTable:
    """Lines of a Zeek log with its header of ``#`` lines; a value takes the type that the header gives its column."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._separator, self._set, self._unset, self._empty = "\t", ",", "-", "(empty)"
        self._path = ""
        self._columns: list[str] = []
        self._types: list[str] = []

    def parse(self, line: bytes) -> Iterator[Parsed | Flaw]:
        """Yield what one line holds; a header line holds nothing."""
        try:
            words = line.decode()
        except UnicodeDecodeError:
            words = line.decode("utf-8", "replace")
        if words.startswith("#"):
            self._head(words[1:])
            return
        values = words.split(self._separator)
        if not self._columns:
            yield Flaw("bad_shape", "a Zeek record before the header that names its fields", line)
        elif len(values) != len(self._columns):
            yield Flaw("bad_shape", f"{len(values)} values for {len(self._columns)} fields", line)
        else:
            fields: _Object = {
                name: self._value(value, kind)
                for name, value, kind in zip(self._columns, values, self._types, strict=True)
                if value not in {self._unset, self._empty}
            }
            yield _zeek(self._path, fields)

    def _head(self, words: str) -> None:
        if words.startswith("separator "):
            code = words.removeprefix("separator ").strip()
            if code.startswith("\\x") and len(code) == 4 and all(digit in "0123456789abcdefABCDEF" for digit in code[2:]):
                self._separator = chr(int(code.removeprefix("\\x"), 16))
            return
        name, _, value = words.partition(self._separator)
        match name:
            case "path":
                self._path = value
            case "set_separator":
                self._set = value or ","
            case "unset_field":
                self._unset = value
            case "empty_field":
                self._empty = value
            case "fields":
                self._columns = value.split(self._separator)[: self._caps.fields]
                self._types = [""] * len(self._columns)
            case "types":
                kinds = value.split(self._separator)[: len(self._columns)]
                self._types = [*kinds, *[""] * (len(self._columns) - len(kinds))]

    def _value(self, value: str, kind: str) -> object:
        if kind.startswith(("set[", "vector[")):
            return tuple(value.split(self._set))
        if kind == "bool":
            return value == "T"
        if kind in _NUMBERS and len(value) < 40:
            try:
                return int(value) if kind in {"count", "int", "port"} else float(value)
            except ValueError:
                return value
        return value


def is_suricata(found: Mapping[str, object]) -> bool:
    """Say whether this is an event of Suricata's EVE log."""
    return (
        isinstance(found.get("event_type"), str) and "timestamp" in found and ("src_ip" in found or "flow_id" in found or "stats" in found)
    )


def from_suricata(found: _Object, caps: Caps) -> Parsed:
    """Return an event of EVE; an alert event is an alert."""
    fields, table = flat(found, caps), tables()
    kind = text(found.get("event_type"))
    alias(fields, table.network)
    category = ""
    if kind == "dns":
        alias(fields, table.dns)
        category = "dns"
    elif "http.url" in fields or "http.hostname" in fields:
        category = web(fields)
    elif kind in {"flow", "netflow"}:
        category = "firewall"
    claim = None
    if kind == "alert":
        severity = fields.get("alert.severity")
        claim = Claim(
            tool="suricata",
            rule=text(fields.get("alert.signature_id")) or "0",
            title=text(fields.get("alert.signature")) or "alert",
            level=_SURICATA.get(severity, "medium") if isinstance(severity, int) else "medium",
            host=text(fields.get("host")),
            techniques=_techniques(fields.get("alert.metadata.mitre_technique_id")),
        )
    return Parsed("suricata", seconds(found.get("timestamp")), LogSource("suricata", category, kind), fields, claim)


def is_wazuh(found: Mapping[str, object]) -> bool:
    """Say whether this is an alert (or an archived event) of Wazuh."""
    rule = found.get("rule")
    return (
        isinstance(found.get("agent"), dict)
        and "timestamp" in found
        and ((isinstance(rule, dict) and "level" in rule) or "decoder" in found)
    )


def from_wazuh(found: _Object, caps: Caps) -> Parsed:
    """Return what Wazuh wrote: the event under it by its own names, the rule's opinion as an alert."""
    fields = flat(found, caps)
    data = found.get("data")
    inner = data.get("win") if isinstance(data, dict) else None
    source = LogSource(_product(fields), "", text(fields.get("decoder.name")))
    if isinstance(inner, dict):
        fields |= _windows(inner, caps)
        source = windows.record("wazuh", fields).logsource
    elif isinstance(data, dict):
        fields |= {name: value for name, value in flat(data, caps).items() if name not in fields}
    if isinstance(found.get("full_log"), str):
        fields.setdefault("message", found["full_log"])
    rule = found.get("rule")
    claim = None
    if isinstance(rule, dict) and rule.get("level"):
        claim = Claim(
            tool="wazuh",
            rule=text(fields.get("rule.id")) or "0",
            title=text(fields.get("rule.description")) or "alert",
            level=_wazuh_level(rule.get("level")),
            host=text(fields.get("agent.name")),
            techniques=_techniques(fields.get("rule.mitre.id")),
        )
    return Parsed("wazuh", seconds(found.get("timestamp")), source, fields, claim)


def _windows(inner: _Object, caps: Caps) -> _Object:
    """Return the fields of a Windows event as Wazuh nests it; it writes every name with a small first letter."""
    fields: _Object = {}
    for part in ("system", "eventdata"):
        given = inner.get(part)
        if isinstance(given, dict):
            fields |= {name[:1].upper() + name[1:]: value for name, value in flat(given, caps).items()}
    for old, new in (("ProviderName", "Provider_Name"), ("ProviderGuid", "Provider_Guid")):
        if old in fields:
            fields[new] = fields.pop(old)
    event = fields.get("EventID")
    if isinstance(event, str) and event.isdecimal() and len(event) < 8:
        fields["EventID"] = int(event)
    return fields


def _product(fields: Mapping[str, object]) -> str:
    decoder = text(fields.get("decoder.name"))
    return {"windows_eventchannel": "windows", "suricata": "suricata", "json": ""}.get(decoder, "linux" if decoder else "")


def _wazuh_level(value: object) -> Severity:
    """Return Sigma's word for a level of 0 to 15, by the ranges of Wazuh's own classification."""
    if not isinstance(value, int) or isinstance(value, bool):
        return "medium"
    for most, word in ((3, "informational"), (6, "low"), (11, "medium"), (14, "high")):
        if value <= most:
            return word  # type: ignore[return-value]  # the words of the tuple above
    return "critical"


def _techniques(value: object) -> tuple[str, ...]:
    given = value if isinstance(value, tuple) else (value,)
    return tuple(one.replace("_", ".") for one in given if isinstance(one, str) and one[:1] == "T" and one[1:5].isdigit())
