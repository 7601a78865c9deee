"""Windows events, however they were shipped, under the names of their XML: System's attributes and EventData side by side."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.flat import flat
from bartizan.workbench.triage.ingest.item import Parsed
from bartizan.workbench.triage.ingest.times import seconds
from bartizan.workbench.triage.record import LogSource

_TIMES: Final = ("SystemTime", "TimeCreated", "@timestamp", "EventTime", "UtcTime", "TimeGenerated")
_NESTED: Final = frozenset({dict, list})
_LINUX: Final = "Linux-Sysmon"
_SYSMON: Final = "microsoft-windows-sysmon/operational"
_Object = dict[str, object]


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of ``data/windows.toml``."""

    services: dict[str, str]
    categories: dict[str, dict[str, str]]
    registry: dict[str, str]
    process: dict[str, str]
    nxlog: dict[str, str]
    winlog: dict[str, str]


@functools.cache
def names() -> Names:
    """Return the tables that come with bartizan."""
    shipped = files("bartizan.workbench.triage.ingest") / "data" / "windows.toml"
    return msgspec.convert(tomllib.loads(shipped.read_text(encoding="utf-8")), Names)


@functools.lru_cache(maxsize=4096)
def _source(channel: str, event: str, kind: str, *, linux: bool) -> LogSource:
    table, channel = names(), _SYSMON if linux else channel.lower()
    category = table.categories.get(channel, {}).get(event, "")
    if kind and category == "registry_event":
        category = table.registry.get(kind, category)
    return LogSource("linux" if linux else "windows", category, table.services.get(channel, ""))


def record(form: str, fields: _Object) -> Parsed:
    """Return a flat event as a record, with the names that process rules ask for where it is Security 4688."""
    channel = fields.get("Channel")
    event = fields.get("EventID")
    kind = fields.get("EventType") if event in {12, "12"} else ""
    provider = fields.get("Provider_Name")
    found = _source(
        channel if isinstance(channel, str) else "",
        str(event),
        kind if isinstance(kind, str) else "",
        linux=isinstance(provider, str) and provider == _LINUX,
    )
    if found.service == "security" and found.category:
        _as_process(fields)
    at = None
    for name in _TIMES:
        value = fields.get(name)
        if value is not None and (at := seconds(value)) is not None:
            break
    return Parsed(form, at, found, fields)


def _as_process(fields: _Object) -> None:
    """Give a process event of the Security log the names of Sysmon's; what it calls ProcessId is its parent's."""
    renamed = {new: fields[old] for old, new in names().process.items() if old in fields}
    if "NewProcessName" not in fields:
        renamed.pop("ParentProcessId", None)
    user, domain = fields.get("SubjectUserName"), fields.get("SubjectDomainName")
    if isinstance(user, str) and isinstance(domain, str) and "User" not in fields:
        renamed["User"] = f"{domain}\\{user}"
    fields.update(renamed)


def is_flat(found: Mapping[str, object]) -> bool:
    """Say whether this is an event whose System and EventData stand side by side."""
    return "EventID" in found and ("Channel" in found or "Provider_Name" in found or "SourceName" in found or "EventSourceName" in found)


def from_flat(found: _Object, caps: Caps) -> Parsed:
    """Return an event that was flattened before: by `evtx` tools, NXLog or Winlogbeat's older forms."""
    if not _NESTED.isdisjoint(map(type, found.values())):
        found = flat(found, caps)
    for old, new in names().nxlog.items():
        if old in found and new not in found:
            found[new] = found[old]
    return record("windows_json", found)


def is_nested(found: Mapping[str, object]) -> bool:
    """Say whether this is an event as its XML is turned into JSON."""
    event = found.get("Event", found)
    return isinstance(event, dict) and isinstance(event.get("System"), dict) and "EventID" in event["System"]


def from_nested(found: _Object, caps: Caps, form: str = "windows_json") -> Parsed:
    """Return an event as its XML is turned into JSON: ``{"Event": {"System": ..., "EventData": ...}}``."""
    event = found.get("Event", found)
    fields = _system(event["System"], caps) if isinstance(event, dict) else {}
    for part in ("EventData", "UserData"):
        data = event.get(part) if isinstance(event, dict) else None
        if isinstance(data, dict):
            _data(data, fields, caps)
        elif isinstance(data, str):
            fields["Data"] = data
    return record(form, fields)


def is_winlogbeat(found: Mapping[str, object]) -> bool:
    """Say whether Winlogbeat shipped this event."""
    return isinstance(found.get("winlog"), dict)


def from_winlogbeat(found: _Object, caps: Caps) -> Parsed:
    """Return an event that Winlogbeat shipped; its ECS copies of the same values are left out."""
    winlog = found["winlog"]
    if not isinstance(winlog, dict):
        raise TypeError("winlog is no object")
    fields: _Object = {new: winlog[old] for old, new in names().winlog.items() if old in winlog}
    for part in ("event_data", "user_data"):
        data = winlog.get(part)
        if isinstance(data, dict):
            fields |= data if all(not isinstance(value, (dict, list)) for value in data.values()) else flat(data, caps)
    event = fields.get("EventID")
    if isinstance(event, str) and event.isdecimal() and len(event) < 8:
        fields["EventID"] = int(event)
    if isinstance(found.get("@timestamp"), str):
        fields["@timestamp"] = found["@timestamp"]
    return record("winlogbeat", fields)


def _system(system: _Object, caps: Caps) -> _Object:
    """Return System's elements and attributes flat: ``Provider_Name``, ``SystemTime``, ``Channel`` ..."""
    fields: _Object = {}
    for name, value in system.items():
        if name.endswith("_attributes"):  # as the evtx library writes attributes beside text
            fields |= _attributes(name.removesuffix("_attributes"), value)
        elif isinstance(value, dict):
            inner = value.get("#text", value.get("value"))
            if isinstance(inner, (dict, list)):
                fields |= flat({name: inner}, caps)
            elif inner is not None:
                fields[name] = inner
            fields |= _attributes(name, value.get("#attributes", value))
        elif isinstance(value, list):
            fields |= flat({name: value}, caps)
        elif value is not None:
            fields[name] = value
    event = fields.get("EventID")
    if isinstance(event, str) and event.isdecimal() and len(event) < 8:
        fields["EventID"] = int(event)
    if len(fields) > caps.fields:
        return flat(fields, caps)
    return fields


def _attributes(name: str, value: object) -> _Object:
    if not isinstance(value, dict):
        return {}
    owner = f"{name}_" if name == "Provider" else ""
    return {
        f"{owner}{key.lstrip('@')}": item
        for key, item in value.items()
        if not isinstance(item, (dict, list)) and key not in {"#text", "value", "xmlns"} and (name != "EventID")
    }


def _data(data: _Object, fields: _Object, caps: Caps) -> None:
    """Add EventData: named values, a list of unnamed ones, or UserData's one element with its children."""
    for name, value in data.items():
        if name in {"#attributes", "xmlns"} or name.endswith("_attributes"):
            continue
        if name == "Data":
            _unnamed(value, fields)
        elif isinstance(value, dict):
            inner = {key: item for key, item in value.items() if not key.startswith("#attributes") and key != "xmlns"}
            fields |= flat(inner, caps)
        elif isinstance(value, list):
            fields |= flat({name: value}, caps)
        else:
            fields[name] = value


def _unnamed(value: object, fields: _Object) -> None:
    """Add ``<Data>`` elements: with a Name they are fields of that name, without one all are the field Data."""
    if isinstance(value, dict) and isinstance(value.get("#text"), (list, str)):
        value = value["#text"]
    if not isinstance(value, list):
        fields["Data"] = value if not isinstance(value, dict) else None
        return
    plain: list[object] = []
    for item in value:
        if isinstance(item, dict):
            name = item.get("@Name", item.get("Name"))
            content = item.get("#text", item.get("text"))
            if isinstance(name, str) and not isinstance(content, (dict, list)):
                fields[name] = content
        elif not isinstance(item, list):
            plain.append(item)
    if plain:
        fields["Data"] = tuple(plain)
