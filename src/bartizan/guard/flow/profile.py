"""What a tool does and what its arguments are, read from its definition alone: name, description, schema, annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from bartizan.guard.flow.lexicon import lexicon, name_words, stem

Role = Literal["credential", "privilege", "account", "url", "host", "recipient", "sql", "command", "path", "id", "text", "amount", "other"]
_CHANGING: Final = frozenset({"send", "pay", "delete", "create", "book", "update", "share", "run", "operate", "remember"})
_OUTWARD: Final = frozenset({"send", "pay", "share", "run"})
_THINGS: Final = frozenset({"create", "update", "delete", "operate", "share", "send"})
"""Groups whose words everybody uses of everything: a task must name the thing as well."""
_MAKING: Final = frozenset({"schedule", "create", "make", "new", "initiate", "issue"})
_SAYING: Final = frozenset({"reply", "message", "email", "comment", "response", "answer", "mail", "sms"})
_GENERIC: Final = frozenset(
    {"set", "get", "do", "make", "put", "apply", "add", "new", "write", "run", "update", "create", "send", "use", "list"}
)
_FORMATS: Final[dict[str, Role]] = {"uri": "url", "url": "url", "email": "recipient", "hostname": "host", "ipv4": "host", "ipv6": "host"}
_LEADING: Final = 6


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as flow rules see it. ``groups`` are what its words say it does; none of them changing means that it only reads."""

    name: str
    groups: frozenset[str]
    roles: Mapping[str, Role]
    reads_only: bool
    outward: bool
    """What is put in leaves: to a person, an account, an address on the network."""
    destructive: bool
    own: frozenset[str]
    """Stems of its name that are its own: its verb, and nouns that hardly any other tool has. A task that says one asks for it."""
    asked_by: frozenset[str]
    """Stems by one of which a task must ask for it; none where its group says enough."""
    things: frozenset[str]
    """Stems of the words for what it makes, changes or ends; none where its verb alone says enough."""

    def role(self, argument: str) -> Role:
        """Return the role of an argument, also of one that the schema does not name."""
        return self.roles.get(argument) or _role(argument, {})


def profile(name: str, definition: Mapping[str, Any]) -> Profile:
    """Read a tool's definition; whatever can't be told is taken for the worse."""
    hints = definition.get("annotations")
    hints = hints if isinstance(hints, Mapping) else {}
    schema = definition.get("inputSchema") or definition.get("parameters") or {}
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    properties = properties if isinstance(properties, Mapping) else {}
    roles = {str(each): _role(str(each), member if isinstance(member, Mapping) else {}) for each, member in properties.items()}
    told = name_words(name)
    groups = _groups(told) or _groups(name_words(str(definition.get("description", "")))[:_LEADING])
    reads_only = _reads_only(told, groups, hints)
    if reads_only:
        groups = frozenset({"read"})
    elif not groups & _CHANGING:
        groups |= {"update"}
    addressed = {"recipient", "account", "url", "host"} & set(roles.values())
    fetches = reads_only and bool({"url", "host"} & set(roles.values()))
    return Profile(
        name=name,
        groups=groups,
        roles=roles,
        reads_only=reads_only,
        outward=fetches or (not reads_only and (bool(groups & _OUTWARD) or bool(addressed))),
        destructive=hints.get("destructiveHint") is True or bool(groups & {"delete"}),
        asked_by=next((lexicon().verbs[word] for word in told if word in lexicon().verbs), frozenset()),
        own=_own(told),
        things=_things(told) if groups & _THINGS else frozenset(),
    )


def _reads_only(told: list[str], groups: frozenset[str], hints: Mapping[str, Any]) -> bool:
    said = hints.get("readOnlyHint")
    if isinstance(said, bool):
        return said
    if hints.get("destructiveHint") is True:
        return False
    first = told[0] if told else ""
    return first in lexicon().tool_words["read"] or (bool(groups) and not groups & _CHANGING)


def _groups(told: list[str]) -> frozenset[str]:
    """Return what the first verb says; money and leave to others are so much of what they are that the verb hardly counts."""
    known = lexicon().tool_words
    verb = next((word for word in told if any(word in each for each in known.values())), "")
    groups = frozenset(group for group, each in known.items() if verb in each)
    rest = set(told)
    if rest & known["pay"] and ("send" in groups or verb in _MAKING):
        groups = (groups - {"send"}) | {"pay"}
    if groups & {"create", "update"} and rest & (known["share"] - {"member", "access"}):
        groups |= {"share"}
    if told and told[-1] in _SAYING:
        groups |= {"send"}
    return groups | ({"remember"} if rest & known["remember"] else frozenset())


def _own(told: list[str]) -> frozenset[str]:
    known = lexicon()
    verb = {stem(told[0])} if told and told[0] not in _GENERIC else set()
    nouns = {
        stem(word)
        for word in told[1:]
        if stem(word) not in known.things
        and word not in known.words["common"]
        and stem(word) not in known.role_stems
        and not any(word in each for each in known.tool_words.values())
    }
    return frozenset(verb | {each for each in nouns if len(each) >= 4})


def _things(told: list[str]) -> frozenset[str]:
    known = lexicon()
    groups = known.tool_words
    nouns = told[1:] if told and any(told[0] in each for each in groups.values()) else told
    stems = [stem(word) for word in nouns if stem(word) in known.things]
    return frozenset().union(*(known.things[each] for each in stems))


def _role(name: str, member: Mapping[str, Any]) -> Role:
    if (given := member.get("format")) in _FORMATS:
        return _FORMATS[str(given)]
    told = name_words(name)
    if member.get("type") in {"number", "integer", "boolean"} and "id" not in told:
        return "amount"
    for role, known in lexicon().roles.items():
        if known.intersection(told):
            return _settled(role, told, member)  # type: ignore[arg-type]  # the file's tables are named after roles
    if {"file", "filename"} & set(told):
        return "path"
    if "query" in told and "sql" in str(member.get("description", "")).lower():
        return "sql"
    return "other"


def _settled(role: Role, told: list[str], member: Mapping[str, Any]) -> Role:
    """Return the role where a word has two meanings."""
    about = str(member.get("description", "")).lower()
    if told[-1] in {"id", "ids"} and (role != "account" or len(told) > 1):
        return "id"
    if role == "text" and "name" in told and {"file", "user", "host", "domain", "channel"} & set(told):
        return {"file": "path", "user": "recipient", "channel": "recipient"}.get(told[0], "host")  # type: ignore[return-value]  # Roles
    if role == "recipient" and "address" in told and not {"email", "mail"} & set(told) and "mail" not in about:
        return "other"
    if role == "credential" and "token" in told and "page" in told:
        return "other"
    return role
