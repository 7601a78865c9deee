"""bartizan's own record as a log source (``product: bartizan``): one event a record, flat, and without anybody's text."""

from __future__ import annotations

import functools
import tomllib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from importlib.resources import files
from typing import Final, TypeVar

import msgspec

from bartizan.event import ApprovalGiven, ApprovalRequested, Envelope, GrantGiven, PrincipalRegistered, RolesAssigned, Tier
from bartizan.workbench.triage.record import LogRecord, LogSource

T = TypeVar("T")
_REMEMBERED: Final = 50_000


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """``data/ledger.toml``: kinds of events by service, and the fields that stay out of a log."""

    services: dict[str, tuple[str, ...]]
    left_out: tuple[str, ...]


@functools.cache
def table() -> Table:
    """Return the table that comes with bartizan."""
    shipped = files("bartizan.workbench.triage.ingest") / "data" / "ledger.toml"
    return msgspec.convert(tomllib.loads(shipped.read_text(encoding="utf-8")), Table)


@functools.cache
def _services() -> Mapping[str, str]:
    return {kind: service for service, kinds in table().services.items() for kind in kinds}


class OwnLog:
    """Turns events into records, in the order of the log; remembers just enough to say how an event stands to earlier ones.

    Fields beside the event's own: ``event`` (its kind without version), ``seq``, ``actor``, ``account``, ``correlation``, and where
    they apply ``own`` (somebody decides about what they asked for or receive), ``proposer``, ``previous_tier``, ``tier_jump``
    (how many tiers up), ``added_roles``, ``entries_count``.
    """

    def __init__(self, name: str = "ledger") -> None:
        self._name = name
        self._proposers: OrderedDict[str, str] = OrderedDict()
        self._tiers: OrderedDict[str, Tier] = OrderedDict()
        self._roles: OrderedDict[str, frozenset[str]] = OrderedDict()

    def records(self, entries: Iterable[tuple[int, Envelope]]) -> Iterator[LogRecord]:
        """Yield a record for each entry; its id is the event's own."""
        for seq, entry in entries:
            yield self.record(seq, entry)

    def record(self, seq: int, entry: Envelope) -> LogRecord:
        """Return one entry as a record."""
        kind = entry.kind.rpartition(".v")[0]
        fields: dict[str, object] = {}
        _flat(entry.body, "", fields)
        about = str(fields.get("account") or entry.account)  # whom the fact is about, where it says so
        fields |= {"event": kind, "seq": seq, "actor": entry.actor, "account": about, "correlation": entry.correlation}
        fields |= {"tenant": entry.tenant, "causation": entry.causation}
        fields |= self._standing(entry)
        source = LogSource("bartizan", "", _services().get(kind, "other"))
        return LogRecord(id=entry.id, at=entry.at, form="ledger", source=self._name, logsource=source, fields=fields)

    def _standing(self, entry: Envelope) -> dict[str, object]:
        match entry.body:
            case ApprovalRequested() as fact:
                _remember(self._proposers, fact.approval, entry.actor)
            case ApprovalGiven() as fact:
                proposer = self._proposers.get(fact.approval, "")
                return {"proposer": proposer, "own": bool(proposer) and proposer == entry.actor}
            case PrincipalRegistered() as fact:
                _remember(self._roles, fact.principal, frozenset(fact.roles))
            case RolesAssigned() as fact:
                added = frozenset(fact.roles) - self._roles.get(fact.principal, frozenset())
                _remember(self._roles, fact.principal, frozenset(fact.roles))
                return {"added_roles": tuple(sorted(added)), "own": fact.principal == entry.actor}
            case GrantGiven() as fact:
                before = self._tiers.get(fact.principal, Tier.PUBLIC)
                _remember(self._tiers, fact.principal, max(before, fact.tier))
                return {
                    "previous_tier": before.value,
                    "tier_jump": max(0, fact.tier.rank - before.rank),
                    "own": fact.principal == entry.actor,
                    "approvals_count": len(fact.approvals),
                }
            case _:
                pass
        return {}


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)


def _flat(body: object, prefix: str, fields: dict[str, object]) -> None:
    """Add a struct's fields; of a tuple of structs each field becomes a tuple of its values, and every tuple has its count beside it."""
    for field in msgspec.structs.fields(body):  # type: ignore[arg-type]  # every event is a Struct
        name = f"{prefix}{field.name}"
        if name in table().left_out or field.name in table().left_out:
            continue
        value = getattr(body, field.name)
        if isinstance(value, Enum):
            fields[name] = value.value
        elif isinstance(value, msgspec.Struct):
            _flat(value, f"{name}.", fields)
        elif isinstance(value, tuple):
            _tuple(name, value, fields)
        elif isinstance(value, (str, int, float, bool)) or value is None:
            fields[name] = value


def _tuple(name: str, value: tuple[object, ...], fields: dict[str, object]) -> None:
    fields[f"{name}_count"] = len(value)
    if value and isinstance(value[0], msgspec.Struct):
        rows: dict[str, list[object]] = {}
        for one in value:
            inner: dict[str, object] = {}
            _flat(one, f"{name}.", inner)
            for key, found in inner.items():
                rows.setdefault(key, []).extend(found if isinstance(found, tuple) else (found,))
        fields.update((key, tuple(found)) for key, found in rows.items())
    else:
        fields[name] = tuple(one.value if isinstance(one, Enum) else one for one in value)
