"""One made-up incident for each shipped playbook, with addresses, names and hashes that documentation may use."""

from __future__ import annotations

from typing import Any, Final

from bartizan.bench.respond_doubles import Doubles
from bartizan.workbench.respond.incident import Incident, Named

HASH: Final = "5f" * 32
_USERS: Final = ("bob", "eve")
_HOSTS: Final = ("ws-07.example.org", "ws-08.example.org")
_ENTITIES: Final[dict[str, tuple[str, ...]]] = {
    "ip": ("8.8.4.4", "9.9.9.9", "10.0.0.12"),
    "user": _USERS,
    "host": _HOSTS,
    "domain": ("update-check.example.net",),
    "hash": (HASH,),
}
_GIVEN: Final[dict[str, dict[str, Any]]] = {
    "leaked-key": {"key": "AKIA1", "delete": True},
    "cloud-key-abuse": {"key": "AKIA2"},
    "malicious-package": {"package": "left-pda"},
    "lost-device": {"device": _HOSTS[0], "owner": "bob@example.org"},
}


def case_of(playbook: str, *, account: str, severity: str = "critical") -> tuple[Incident, dict[str, Any]]:
    """Return an incident that a playbook fits, and its variables; ``account`` is one of bartizan's own."""
    entities = {**_ENTITIES, "account": (account,)}
    incident = Incident(
        id=f"inc-{playbook}",
        title=f"a case for {playbook}",
        severity=severity,
        entities=tuple(Named(kind=kind, value=value) for kind, values in entities.items() for value in values),
        techniques=("T1078", "T1110"),
        evidence=("record-1", "record-2"),
        began_at=1_795_000_000.0,
        raised_at=1_795_000_060.0,
    )
    return incident, _GIVEN.get(playbook, {})


def prepare(doubles: Doubles) -> None:
    """Have the doubles know who and what the incidents are about."""
    doubles.users |= dict.fromkeys(_USERS, True)
    doubles.hosts |= dict.fromkeys(_HOSTS, False)
