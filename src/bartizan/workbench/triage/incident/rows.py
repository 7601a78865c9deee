"""Alerts from files: the tables and JSON lines that alert tools export. Label columns, where a file has them, are never read."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import lzma
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec
import zstandard

from bartizan.errors import ConfigError
from bartizan.workbench.triage.record import SEVERITIES, Alert, Entity, EntityKind, Severity

_MOST_LINE: Final = 16 << 20
_MOST_TEXT: Final = 400
_MOST_KINDS: Final = 100_000
_CLOCKS: Final = ("time", "at", "timestamp", "@timestamp")
_COLUMNS: Final = (
    "id",
    "title",
    "name",
    "signature",
    "rule",
    "tool",
    "source",
    "host",
    "hostname",
    "computer",
    "ip",
    "user",
    "short",
    "severity",
    "level",
    "techniques",
)
"""The columns of a table that are read; any other, a label above all, is not."""
_ENDINGS: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".csv.xz", ".csv.gz", ".csv.zst", ".jsonl.xz")


def read(path: Path) -> Iterator[Alert]:
    """Read alerts in the order of the file's rows; raises ConfigError with the line that can't be read.

    A row without a time that can be read becomes an alert at time 0, so that row numbers stay true.
    """
    if not path.name.endswith(_ENDINGS):
        raise ConfigError("this is no file of alerts", source=str(path), hint=f"files end in {', '.join(_ENDINGS)}")
    source = hashlib.sha256(path.name.encode()).hexdigest()[:8]
    number = 0
    try:
        with _open(path) as stream:
            for alert in _alerts(path, stream, source):
                yield alert
                number += 1
    except (csv.Error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"this is no alert: {error}", source=str(path), line=number + 1) from error
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ConfigError(f"reading alerts: {error}", source=str(path)) from error


def _open(path: Path) -> BinaryIO:
    match path.suffix:
        case ".gz":
            return cast("BinaryIO", gzip.open(path, "rb"))
        case ".xz":
            return cast("BinaryIO", lzma.open(path, "rb"))
        case ".zst":
            return cast("BinaryIO", io.BufferedReader(zstandard.open(path, "rb")))
        case _:
            return path.open("rb")


def _alerts(path: Path, stream: BinaryIO, source: str) -> Iterator[Alert]:
    if ".csv" in path.suffixes:
        yield from _table(stream, source)
        return
    number = 0
    for line in iter(lambda: stream.readline(_MOST_LINE), b""):
        if len(line) == _MOST_LINE:
            raise csv.Error("the line is too long")
        if line.strip():
            yield _alert(msgspec.json.decode(line, type=dict[str, Any]), f"{source}:{number}")
            number += 1


def _table(stream: BinaryIO, source: str) -> Iterator[Alert]:
    """Read a table; rows that differ in time alone share what was made of the others."""
    with io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="") as text:
        yield from _lines(csv.reader(text), source)


def _lines(lines: Iterator[list[str]], source: str) -> Iterator[Alert]:
    names = [name.strip().lower() for name in next(lines, [])]
    wanted = [(index, name) for index, name in enumerate(names) if name in _COLUMNS]
    clock = next((index for index, name in enumerate(names) if name in _CLOCKS), None)
    seen: dict[tuple[str, ...], Alert] = {}
    number = 0
    for cells in lines:
        if not cells:
            continue
        key = tuple(cells[index] if index < len(cells) else "" for index, _ in wanted)
        one = seen.get(key)
        if one is None:
            one = _alert({name: value for (_, name), value in zip(wanted, key, strict=True)}, "")
            if len(seen) < _MOST_KINDS:
                seen[key] = one
        at = moment(cells[clock]) if clock is not None and clock < len(cells) else 0.0
        identity = one.id or f"{source}:{number}"
        yield Alert(
            id=identity,
            at=at,
            tool=one.tool,
            rule=one.rule,
            title=one.title,
            severity=one.severity,
            host=one.host,
            entities=one.entities,
            techniques=one.techniques,
            records=(identity,),
        )
        number += 1


def _alert(row: Mapping[str, Any], identity: str) -> Alert:
    if isinstance(row.get("rule"), dict):
        return _wazuh(row, identity)
    if isinstance(row.get("alert"), dict):
        return _suricata(row, identity)
    title = _text(row, "title", "name", "signature", "rule")
    tool = _text(row, "tool", "source") or title.partition(":")[0][:40]
    host = _text(row, "host", "hostname", "computer")
    ip = _text(row, "ip")
    entities = _entities(("host", host.lower()), ("ip", ip), ("user", _text(row, "user")))
    return Alert(
        id=_text(row, "id") or identity,
        at=moment(row.get("time") or row.get("at") or row.get("timestamp") or row.get("@timestamp")),
        tool=tool,
        rule=_text(row, "rule", "short") or title,
        title=title,
        severity=_severity(row.get("severity") or row.get("level")),
        host=host or ip,
        entities=entities,
        techniques=_techniques(row.get("techniques") or row.get("tags")),
        records=_records(row, identity),
    )


def _wazuh(row: Mapping[str, Any], identity: str) -> Alert:
    rule = row["rule"]
    agent, data, mitre = _inner(row, "agent"), _inner(row, "data"), _inner(rule, "mitre")
    pairs: tuple[tuple[EntityKind, str], ...] = (
        ("host", _text(agent, "name").lower()),
        ("ip", _text(data, "srcip", "src_ip")),
        ("user", _text(data, "dstuser", "srcuser")),
    )
    return Alert(
        id=_text(row, "id") or identity,
        at=moment(row.get("timestamp") or row.get("@timestamp")),
        tool="Wazuh",
        rule=_text(rule, "id"),
        title=_text(rule, "description"),
        severity=_severity(rule.get("level")),
        host=_text(agent, "name"),
        entities=_entities(*pairs),
        techniques=_techniques(mitre.get("id")),
        records=_records(row, identity),
    )


def _suricata(row: Mapping[str, Any], identity: str) -> Alert:
    alert = row["alert"]
    level = alert.get("severity")
    severity: Severity = "high" if level == 1 else "medium" if level == 2 else "low"
    source, target = _text(row, "src_ip"), _text(row, "dest_ip")
    return Alert(
        id=_text(row, "id") or identity,
        at=moment(row.get("timestamp")),
        tool="Suricata",
        rule=_text(alert, "signature_id"),
        title=_text(alert, "signature"),
        severity=severity,
        host=_text(row, "host", "hostname") or target,
        entities=tuple(Entity("ip", value) for value in dict.fromkeys((source, target)) if value),
        techniques=_techniques(_inner(alert, "metadata").get("mitre_technique_id")),
        records=_records(row, identity),
    )


def _inner(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def _entities(*pairs: tuple[EntityKind, str]) -> tuple[Entity, ...]:
    return tuple(Entity(kind, value) for kind, value in pairs if value)


def _text(row: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
            return str(value)[:_MOST_TEXT]
    return ""


def _records(row: Mapping[str, Any], identity: str) -> tuple[str, ...]:
    listed = row.get("records")
    if isinstance(listed, list):
        found = tuple(str(item)[:_MOST_TEXT] for item in listed[:64] if isinstance(item, str) and item)
        if found:
            return found
    return (_text(row, "id") or identity,)


def _severity(value: object) -> Severity:
    if isinstance(value, str) and value.lower() in SEVERITIES:
        return cast("Severity", value.lower())
    if isinstance(value, int) and not isinstance(value, bool):  # Wazuh's levels, 0 to 16
        bounds: tuple[tuple[int, Severity], ...] = ((15, "critical"), (12, "high"), (5, "medium"), (3, "low"))
        return next((name for least, name in bounds if value >= least), "informational")
    return "medium"


def _techniques(value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    names = (str(item).upper().removeprefix("ATTACK.").replace("_", ".", 1) for item in listed[:32])
    return tuple(dict.fromkeys(name for name in names if name[:1] == "T" and name[1:5].isdigit()))


def moment(value: object) -> float:
    """Read a time: seconds or milliseconds since 1970, or ISO 8601; 0 when there is none that can be read."""
    if isinstance(value, bool) or value is None:
        return 0.0
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return _iso(value)
    if not 0 <= number < 1e14:
        return 0.0
    return number / 1000 if number > 1e11 else number


def _iso(value: object) -> float:
    if not isinstance(value, str) or len(value) > 40:
        return 0.0
    try:
        read_ = datetime.fromisoformat(value)
    except ValueError:
        return 0.0
    return (read_ if read_.tzinfo else read_.replace(tzinfo=UTC)).timestamp()
