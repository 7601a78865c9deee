"""Alerts of other tools, as alerts of ours: the same struct, the tool's own rule and words, the record as evidence."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

from bartizan.workbench.triage.ingest.item import Claim
from bartizan.workbench.triage.record import Alert, Entity, EntityKind, LogRecord

_ENTITIES: Final[tuple[tuple[str, EntityKind], ...]] = (
    ("Computer", "host"), ("hostname", "host"), ("host.name", "host"), ("agent.name", "host"), ("dvchost", "host"),
    ("User", "user"), ("TargetUserName", "user"), ("data.dstuser", "user"), ("data.srcuser", "user"),
    ("dstuser", "user"), ("srcuser", "user"),
    ("src_ip", "ip"), ("dst_ip", "ip"), ("data.srcip", "ip"), ("data.dstip", "ip"), ("srcip", "ip"), ("agent.ip", "ip"),
    ("SourceIp", "ip"), ("DestinationIp", "ip"), ("c-ip", "ip"),
    ("query", "domain"), ("QueryName", "domain"), ("cs-host", "domain"), ("DestinationHostname", "domain"),
    ("Image", "process"), ("TargetFilename", "file"), ("syscheck.path", "file"), ("sha256", "hash"), ("md5", "hash"),
)  # fmt: skip
_CASELESS: Final = frozenset({"host", "domain", "ip", "hash", "user"})
_EMPTY: Final = frozenset({"", "-", "any", "0.0.0.0", "::"})  # noqa: S104 - as a value in a log


def alert_of(record: LogRecord, claim: Claim) -> Alert:
    """Return what a tool said about a record; a record without a time counts as of 1970."""
    return Alert(
        id=f"{claim.tool.lower()}:{record.id}",
        at=record.at if record.at is not None else 0.0,
        tool=claim.tool,
        rule=claim.rule,
        title=claim.title,
        severity=claim.level,
        host=claim.host.lower(),
        entities=entities(record.fields),
        techniques=claim.techniques,
        records=(record.id,),
    )


def entities(fields: Mapping[str, object]) -> tuple[Entity, ...]:
    """Return whom and what a record names, sorted."""
    found = set()
    for name, kind in _ENTITIES:
        given = fields.get(name)
        for value in given if isinstance(given, tuple) else (given,):
            if isinstance(value, str) and value not in _EMPTY and len(value) <= 512 and (kind != "ip" or _is_address(value)):
                found.add(Entity(kind, value.lower() if kind in _CASELESS else value))
    return tuple(sorted(found))


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
