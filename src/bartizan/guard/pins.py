"""Which tools of which servers are agreed to, as the record says, and who holds a grant of them."""

from __future__ import annotations

import fnmatch
import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import (
    Envelope,
    ToolApprovalUsed,
    ToolChanged,
    ToolGranted,
    ToolGrantEnded,
    ToolPin,
    ToolsPinned,
    ToolsWithdrawn,
    canonical,
    kind_of,
)

KINDS: Final = tuple(kind_of(fact) for fact in (ToolsPinned, ToolsWithdrawn, ToolChanged, ToolGranted, ToolGrantEnded, ToolApprovalUsed))
_TEXTS: Final = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
State = Literal["pinned", "changed", "withdrawn", "unknown"]


class Consent(Protocol):
    """Says who agreed to exactly these bytes; ``casework`` implements it."""

    def consents(self, approval: str, subject_sha256: str, *, persons: int, at: float, excluding: Collection[str] = ()) -> bool:
        """Say whether so many distinct persons, none the proposer nor one of ``excluding``, agreed in time to these bytes."""
        ...


class Followed(Protocol):
    """What the pins need of a ledger."""

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as it stands: the pin that counts, and what was seen of it last if that differs."""

    server: str
    name: str
    state: State
    pin: ToolPin | None = None
    seen_sha256: str = ""
    seen: str = ""
    """The definition that was seen last, where it is not the pinned one."""
    why: str = ""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A principal's leave to call some tools until a time."""

    id: str
    principal: str
    tools: tuple[str, ...]
    expires_at: float


def pin_of(definition: Mapping[str, Any]) -> ToolPin:
    """Return the pin of a definition: all of it that a model or a client acts by, in canonical form."""
    text = canonical({name: definition[name] for name in _TEXTS if definition.get(name) is not None}).decode()
    return ToolPin(name=str(definition.get("name", "")), sha256=hashlib.sha256(text.encode()).hexdigest(), definition=text)


class _Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pin: str
    tools: tuple[ToolPin, ...]


def read_subject(subject: bytes) -> tuple[str, tuple[ToolPin, ...]]:
    """Return the server and the pins that ``pin_subject`` made these bytes of; raises RefusedError 400 ``invalid_pin``."""
    try:
        parsed = msgspec.json.decode(subject, type=_Subject)
    except msgspec.DecodeError as error:
        raise RefusedError(f"reading the pins that were asked for: {error}", code="invalid_pin", hint="ask again") from error
    return parsed.pin, parsed.tools


def pin_subject(server: str, tools: Iterable[ToolPin]) -> bytes:
    """Return the bytes that are asked about when pins are to be replaced."""
    return canonical({"pin": server, "tools": sorted([tool.name, tool.sha256, tool.definition] for tool in tools)})


class Pins:
    """Folds the events about tools. A pin that replaces another counts only with the consent of a second person."""

    def __init__(self, ledger: Followed, consent: Consent) -> None:
        self._consent = consent
        self._tools: dict[tuple[str, str], Tool] = {}
        self._grants: dict[str, Grant] = {}
        self._used: set[str] = set()
        self.refused: list[str] = []
        ledger.subscribe(KINDS, self.fold)

    def tool(self, server: str, name: str) -> Tool:
        """Return a tool as it stands."""
        return self._tools.get((server, name)) or Tool(server=server, name=name, state="unknown")

    def tools(self, server: str = "") -> list[Tool]:
        """Return all tools that were ever pinned or seen changed, of one server or of all."""
        return [tool for tool in self._tools.values() if not server or tool.server == server]

    def grants(self, at: float | None = None) -> list[Grant]:
        """Return the grants that count at a time (now)."""
        now = time.time() if at is None else at
        return [grant for grant in self._grants.values() if now < grant.expires_at]

    def granted(self, principals: Collection[str], tool: str, *, at: float) -> bool:
        """Say whether one of these principals holds a grant of a tool (``server/tool``)."""
        return any(
            grant.principal in principals and at < grant.expires_at and any(fnmatch.fnmatchcase(tool, each) for each in grant.tools)
            for grant in self._grants.values()
        )

    def was_used(self, approval: str) -> bool:
        """Say whether a consent to one call was used."""
        return approval in self._used

    def fold(self, _seq: int, entry: Envelope) -> None:
        """Take one event."""
        match entry.body:
            case ToolsPinned() as fact:
                self._pinned(entry, fact)
            case ToolsWithdrawn() as fact:
                self._withdrawn(fact)
            case ToolChanged() as fact:
                self._changed(fact)
            case ToolGranted() as fact:
                self._grants[fact.grant] = Grant(id=fact.grant, principal=fact.principal, tools=fact.tools, expires_at=fact.expires_at)
            case ToolGrantEnded() as fact:
                self._grants.pop(fact.grant, None)
            case ToolApprovalUsed() as fact:
                self._used.add(fact.approval)
            case _:
                pass

    def needs_consent(self, server: str, tools: Iterable[ToolPin]) -> bool:
        """Say whether pinning these would replace what somebody agreed to, or bring back what was found or withdrawn."""
        known = (self.tool(server, pin.name) for pin in tools)
        return any(tool.state in {"changed", "withdrawn"} or (tool.pin and tool.state == "pinned") for tool in known)

    def _pinned(self, entry: Envelope, fact: ToolsPinned) -> None:
        fresh = [pin for pin in fact.tools if self._differs(fact.server, pin)]
        if any(hashlib.sha256(pin.definition.encode()).hexdigest() != pin.sha256 for pin in fact.tools):
            self.refused.append(f"{entry.id}: a hash is not that of its definition")
            return
        if self.needs_consent(fact.server, fresh):
            subject = hashlib.sha256(pin_subject(fact.server, fact.tools)).hexdigest()
            if not self._consent.consents(fact.approval, subject, persons=1, at=entry.at):
                self.refused.append(f"{entry.id}: nobody but its proposer agreed to the change")
                return
        for pin in fresh:
            self._tools[fact.server, pin.name] = Tool(server=fact.server, name=pin.name, state="pinned", pin=pin)

    def _differs(self, server: str, pin: ToolPin) -> bool:
        known = self.tool(server, pin.name)
        return known.state != "pinned" or known.pin is None or known.pin.sha256 != pin.sha256

    def _withdrawn(self, fact: ToolsWithdrawn) -> None:
        for server, name in list(self._tools):
            if server == fact.server and (not fact.tools or name in fact.tools):
                self._tools[server, name] = msgspec.structs.replace(self._tools[server, name], state="withdrawn", why=fact.reason)

    def _changed(self, fact: ToolChanged) -> None:
        known = self.tool(fact.server, fact.tool)
        self._tools[fact.server, fact.tool] = Tool(
            server=fact.server,
            name=fact.tool,
            state="withdrawn" if known.state == "withdrawn" else "changed",
            pin=known.pin,
            seen_sha256=fact.seen_sha256,
            seen=fact.definition,
            why=fact.why,
        )
