"""The incident that is responded to: plain data from anywhere, within limits, with the views that playbooks may name."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from bartizan.errors import RefusedError

MAX_BYTES: Final = 1 << 20
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Line = Annotated[str, msgspec.Meta(max_length=4000)]

_LISTS: Final[Mapping[str, str]] = {
    "ips": "ip",
    "hosts": "host",
    "users": "user",
    "accounts": "account",
    "domains": "domain",
    "urls": "url",
    "emails": "email",
    "hashes": "hash",
    "files": "file",
    "processes": "process",
}
"""What playbooks call the entities of each kind."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody or something that the incident is about; any kind may come, playbooks name some."""

    kind: Word
    value: Line


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident; times are UTC seconds, 0 where nobody knows. Everything in it may have been written by an attacker."""

    id: Word
    title: Line = ""
    severity: Word = "medium"
    entities: Annotated[tuple[Named, ...], msgspec.Meta(max_length=1000)] = ()
    techniques: Annotated[tuple[Word, ...], msgspec.Meta(max_length=200)] = ()
    evidence: Annotated[tuple[Word, ...], msgspec.Meta(max_length=1000)] = ()
    began_at: float = 0.0
    raised_at: float = 0.0

    def view(self) -> dict[str, object]:
        """Return what conditions and arguments may name as ``incident``: no list holds a value twice."""
        view: dict[str, object] = {
            "id": self.id,
            "title": self.title,
            "severity": self.severity,
            "techniques": list(self.techniques),
            "evidence": list(self.evidence),
        }
        for name, kind in _LISTS.items():
            view[name] = list(dict.fromkeys(each.value for each in self.entities if each.kind == kind))
        addresses = [each for each in self.entities if each.kind == "ip"]
        view["public_ips"] = list(dict.fromkeys(each.value for each in addresses if _is_public(each.value)))
        return view


def read_incident(data: bytes) -> Incident:
    """Read an incident from JSON; raises RefusedError 400 ``invalid_incident``."""
    if len(data) > MAX_BYTES:
        raise RefusedError(f"reading the incident: it is larger than {MAX_BYTES} bytes", code="invalid_incident", status=413)
    try:
        return msgspec.json.decode(data, type=Incident)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(
            f"reading the incident: {error}", code="invalid_incident", hint="it needs an id; entities are {kind, value}"
        ) from error


def _is_public(value: str) -> bool:
    try:
        return ipaddress.ip_address(value).is_global
    except ValueError:
        return False
