"""Which rules look at which events: a log source against the channel and event id, or the log source that ingest named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files

import msgspec

from bartizan.workbench.triage.record import LogSource
from bartizan.workbench.triage.sigma.ir import Source
from bartizan.workbench.triage.sigma.values import moment_of


class Key(msgspec.Struct, frozen=True):
    """What an event is, as far as the choice of rules goes.

    ``channel`` is in lower case; ``sources`` are what ingest says, or what the record's fields betray.
    """

    channel: str = ""
    event_id: str = ""
    sources: tuple[Source, ...] = ()


class _Place(msgspec.Struct, frozen=True):
    channel: str
    ids: tuple[int, ...] = ()


class _System(msgspec.Struct, frozen=True):
    category: dict[str, tuple[_Place, ...]] = {}
    service: dict[str, tuple[str, ...]] = {}


class _Mark(msgspec.Struct, frozen=True):
    fields: tuple[str, ...]
    product: str = ""
    category: str = ""
    service: str = ""


class _Table(msgspec.Struct, frozen=True):
    windows: _System
    linux: _System
    provider: dict[str, str]
    provider_ids: dict[str, dict[str, str]]
    recognise: tuple[_Mark, ...]


class Sources:
    """The table of ``data/logsources.toml``, ready to ask."""

    def __init__(self, text: str) -> None:
        self._table = msgspec.convert(tomllib.loads(text), _Table)
        self._providers = {name.lower(): channel.lower() for name, channel in self._table.provider.items()}
        self._by_id = {
            name.lower(): {number: channel.lower() for number, channel in ids.items()} for name, ids in self._table.provider_ids.items()
        }
        self._linux = {name.lower() for names in self._table.linux.service.values() for name in names}

    def key(self, channel: str, event_id: str, provider: str, given: LogSource | None, names: Iterable[str]) -> Key:
        """Say what an event is; ``names`` are its field names."""
        place = channel.lower()
        if place in ("", "forwardedevents"):
            place = self._of_provider(provider.lower(), event_id) or place
        found: tuple[Source, ...] = ()
        if given is not None and (given.product or given.category or given.service):
            found = (Source(given.product.lower(), given.category.lower(), given.service.lower()),)
        elif not place:
            have = set(names)
            found = tuple(
                Source(mark.product, mark.category, mark.service) for mark in self._table.recognise if have.issuperset(mark.fields)
            )
        return Key(place, event_id, found)

    def _of_provider(self, provider: str, event_id: str) -> str:
        if ids := self._by_id.get(provider):
            return ids.get(event_id, ids["*"])
        return self._providers.get(provider, "")

    def looks_at(self, rule: Source, key: Key) -> bool:
        """Say whether a rule with this log source looks at events of this kind."""
        if any(rule.covers(source) for source in key.sources):
            return True
        if not key.channel:
            return False
        product = "linux" if key.channel in self._linux else "windows"
        if rule.product not in ("", product):
            return False
        system = self._table.linux if product == "linux" else self._table.windows
        if not rule.product and not (rule.category in system.category or rule.service in system.service):
            return False
        return _in_category(system, rule.category, key) and _in_service(system, rule.service, key)

    def unmapped(self, rule: Source) -> str:
        """Return why rules with this log source match only records whose ingest names it; empty if the table places them."""
        system = {"windows": self._table.windows, "linux": self._table.linux}.get(rule.product)
        if system is None:
            return ""
        if rule.category and rule.category not in system.category and rule.product == "windows":
            return f"no channel is known for category {rule.category}"
        if rule.service and rule.service not in system.service and rule.product == "windows":
            return f"no channel is known for service {rule.service}"
        return ""


def _in_category(system: _System, category: str, key: Key) -> bool:
    if not category:
        return True
    places: Iterable[_Place] = system.category.get(category, ())
    return any(place.channel.lower() == key.channel and (not place.ids or key.event_id in map(str, place.ids)) for place in places)


def _in_service(system: _System, service: str, key: Key) -> bool:
    return not service or any(name.lower() == key.channel for name in system.service.get(service, ()))


def shipped() -> Sources:
    """Return the table that bartizan brings."""
    return Sources(files(__package__).joinpath("data/logsources.toml").read_text("utf-8"))


class _At(msgspec.Struct, frozen=True):
    channel: str
    ids: tuple[int, ...]
    fields: dict[str, tuple[str, ...]]


class _Names(msgspec.Struct, frozen=True):
    prefixes: tuple[str, ...]
    never: tuple[str, ...]
    time: tuple[str, ...]
    any: Mapping[str, tuple[str, ...]]
    at: tuple[_At, ...]


class Names:
    """The table of ``data/fields.toml``: under which name an event carries a field of the taxonomy."""

    def __init__(self, text: str) -> None:
        self._table = msgspec.convert(tomllib.loads(text), _Names)
        self._never = frozenset(self._table.never)

    def resolve(self, field: str, key: Key, names: Mapping[str, str]) -> str | None:
        """Return the event's name for the field, None if it has none. ``names`` maps ``spelling(name)`` and names to names."""
        if field in names and names[field] == field:
            return field
        for candidate in (*self._placed(field, key), *self._table.any.get(field, ())):
            if names.get(candidate) == candidate:
                return candidate
        for prefix in self._table.prefixes:
            if names.get(prefix + field) == prefix + field:
                return prefix + field
        return names.get("\0" + spelling(field))

    def at(self, event: Mapping[str, object]) -> float | None:
        """Return when an event happened in UTC seconds, None if it does not say."""
        for name in self._table.time:
            if name in event and (moment := moment_of(event[name])) is not None:
                return moment.timestamp()
        return None

    def lookup(self, names: Iterable[str]) -> dict[str, str]:
        """Prepare an event's names for ``resolve``; of two with the same spelling the first counts."""
        found: dict[str, str] = {}
        for name in names:
            found[name] = name
            if name not in self._never:
                found.setdefault("\0" + spelling(name), name)
        return found

    def _placed(self, field: str, key: Key) -> tuple[str, ...]:
        for at in self._table.at:
            if at.channel.lower() == key.channel and (not at.ids or key.event_id in map(str, at.ids)) and field in at.fields:
                return at.fields[field]
        return ()


def spelling(name: str) -> str:
    """Reduce a field name to its letters and digits in lower case, dots kept."""
    return "".join(character for character in name.lower() if character.isalnum() or character == ".")


def shipped_names() -> Names:
    """Return the field names that bartizan knows."""
    return Names(files(__package__).joinpath("data/fields.toml").read_text("utf-8"))
