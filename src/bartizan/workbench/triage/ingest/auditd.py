"""The Linux audit log: lines of one event joined by its serial, hexadecimal values decoded, system calls named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import re2

from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.item import Flaw, Parsed
from bartizan.workbench.triage.ingest.names import tables
from bartizan.workbench.triage.ingest.pairs import Pair, pairs
from bartizan.workbench.triage.record import LogSource

HEAD: Final = re2.compile(
    r"(?:^|\s)(?:node=(\S{1,255}) )?(?:type=([A-Za-z0-9_\[\]]{1,64}) )?(?:msg=)?audit\((\d{1,12})\.(\d{1,9}):(\d{1,20})\): ?"
)
_HEX: Final = frozenset("0123456789ABCDEF")
_ENCODED: Final = frozenset(
    {"exe", "comm", "cwd", "name", "proctitle", "cmd", "data", "key", "acct", "path", "dir", "grp", "new_group", "file", "vm"}
)
_LONGEST_HEAD: Final = 700
_OPEN: Final = 256
"""Events whose lines are waited for; lines of one event stand within a few lines of one another."""
_ARGUMENTS: Final = 4096
_SINGLE: Final = frozenset({"EXECVE", "SYSCALL", "CWD"})


class _Event:
    __slots__ = ("at", "fields", "host", "kinds", "number", "paths")

    def __init__(self, at: float, host: str) -> None:
        self.at = at
        self.host = host
        self.kinds: list[str] = []
        self.fields: dict[str, object] = {}
        self.paths: dict[str, list[str]] = {}
        self.number = 0


class Audit:
    """Lines in, events out: an event goes out when its end is told, when others crowd it out, and at the end."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._open: dict[tuple[str, str, str], _Event] = {}

    def parse(self, line: bytes) -> Iterator[Parsed | Flaw]:
        """Take in one line and yield the events that it ends."""
        words = line.decode("utf-8", "replace")
        found = HEAD.search(words[:_LONGEST_HEAD])
        if found is None:
            yield Flaw("bad_shape", "no line of the audit log", line)
            return
        host, kind, whole, part, serial = found.groups()
        rest = words[found.end() :]
        kind = kind or ""
        if not kind and rest.startswith("type="):
            kind = rest[5:].partition(" ")[0]
        kind = tables().audit_types.get(kind, kind)
        key = (host or "", f"{whole}.{part}", serial)
        event = self._open.get(key)
        if event is None:
            event = self._open[key] = _Event(float(f"{whole}.{part}"), host or "")
        if kind == "EOE":
            yield self._close(key)
            return
        if len(event.fields) < self._caps.fields and len(event.kinds) < 1000:
            _add(event, kind, rest)
        if len(self._open) > _OPEN:
            yield self._close(next(iter(self._open)))

    def flush(self) -> Iterator[Parsed]:
        """Yield the events that are still open."""
        for key in list(self._open):
            yield self._close(key)

    def _close(self, key: tuple[str, str, str]) -> Parsed:
        event = self._open.pop(key)
        fields = event.fields
        for name, values in event.paths.items():
            fields[name] = values[0] if len(values) == 1 else tuple(values)
        kinds = tuple(dict.fromkeys(event.kinds))
        fields["type"] = kinds[0] if len(kinds) == 1 else kinds
        fields["serial"] = key[2]
        if event.host:
            fields["Computer"] = event.host
        call = tables().syscalls.get(str(fields.get("arch")), {}).get(str(fields.get("syscall")))
        if call:
            fields.setdefault("SYSCALL", call)
        category = ""
        if "EXECVE" in kinds:
            category = "process_creation"
            _as_process(fields)
        return Parsed("auditd", event.at, LogSource("linux", category, "auditd"), fields)


def _add(event: _Event, kind: str, rest: str) -> None:
    """Add the pairs of one line; of several PATH lines each field has all values, arguments of EXECVE win over those of SYSCALL."""
    event.kinds.append(kind)
    plain, _, enriched = rest.partition("\x1d")
    for pair in pairs(plain, "\"'"):
        name = pair.key
        if pair.quote == "'" and name == "msg":
            for inner in pairs(pair.value, '"'):
                event.fields.setdefault(inner.key, _value(inner, arguments=False))
            continue
        value = _value(pair, arguments=kind == "EXECVE" and name[:1] == "a" and name[1:2].isdecimal())
        if kind == "EXECVE" or (kind in _SINGLE and name not in event.fields):
            event.fields[name] = value
        elif kind not in _SINGLE:
            event.paths.setdefault(name, [])
            if name in event.fields:
                had = event.fields.pop(name)
                event.paths[name].append(str(had))
            event.paths[name].append(value)
    for pair in pairs(enriched, '"'):
        event.fields.setdefault(pair.key, pair.value)


def _value(pair: Pair, *, arguments: bool) -> str:
    bare = pair.value
    if pair.quote:
        return bare
    if (arguments or pair.key in _ENCODED) and len(bare) > 1 and len(bare) % 2 == 0 and _HEX.issuperset(bare):
        return bytes.fromhex(bare).replace(b"\0", b" ").decode("utf-8", "replace").rstrip(" ")
    return "" if bare in {"(null)", "?"} else bare


def _as_process(fields: dict[str, object]) -> None:
    """Add the names that process rules ask for."""
    arguments = []
    for number in range(_ARGUMENTS):
        value = fields.get(f"a{number}")
        if not isinstance(value, str):
            value = _pieces(fields, number)
        if value is None:
            break
        arguments.append(value)
    fields["CommandLine"] = " ".join(arguments)
    for old, new in (
        ("exe", "Image"),
        ("cwd", "CurrentDirectory"),
        ("pid", "ProcessId"),
        ("ppid", "ParentProcessId"),
        ("AUID", "User"),
        ("ses", "LogonId"),
    ):
        value = fields.get(old)
        if isinstance(value, str) and value:
            fields.setdefault(
                new, int(value) if new.endswith("Id") and value.isdecimal() and len(value) < 12 and new != "LogonId" else value
            )
    if "Image" not in fields and arguments:
        fields["Image"] = arguments[0]


def _pieces(fields: dict[str, object], number: int) -> str | None:
    """Return a long argument that the kernel wrote in pieces, ``a1[0]=... a1[1]=...``."""
    found: list[str] = []
    while isinstance(piece := fields.get(f"a{number}[{len(found)}]"), str):
        found.append(piece)
    return "".join(found) if found else None
