"""What the commands about access share: the rooms opened on a data directory, and who acts, held to the same policy as anybody."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from bartizan.app import Rooms, open_rooms
from bartizan.casework import Approval, ApprovalState
from bartizan.cli.control_settings import read_change
from bartizan.cli.terminal import data_directory, safe, say, settings_file
from bartizan.config import load
from bartizan.errors import ConfigError, RefusedError
from bartizan.event import ContentRead, ToolsPinned, envelope
from bartizan.guard.pins import read_subject as read_pins
from bartizan.identity import Principal, duties, read_subject
from bartizan.monitor import holds
from bartizan.policy import Resource

_KINDS = ("person", "service", "agent")


class Office:
    """The rooms of access, caught up with the ledger, and the person who acts."""

    def __init__(self, rooms: Rooms) -> None:
        self.ledger = rooms.ledger
        self.casebook = rooms.casebook
        self.directory = rooms.directory
        self.policy = rooms.policy
        self.registrar = rooms.registrar
        self.desk = rooms.desk
        self.access = rooms.access
        self.monitor = rooms.monitor
        self.pins = rooms.pins
        self.settings = rooms.settings
        self.rooms = rooms

    def enter(self, key: str) -> Principal:
        """Return the person whose key this is; raises RefusedError."""
        if not key:
            raise ConfigError("nobody acts", hint="set BARTIZAN_KEY to your API key, or pass --as KEY")
        return self.directory.authenticate(key, at=time.time())

    def identify(self, key: str) -> Principal:
        """Return whose key this is, in whatever standing: for one's own case alone."""
        if not key:
            raise ConfigError("nobody acts", hint="set BARTIZAN_KEY to your API key, or pass --as KEY")
        return self.directory.identify(key, at=time.time())

    def account(self, who: str) -> str:
        """Return an account by its own name, or that of a principal."""
        return who if who.startswith("account_") else self.find(who).account

    def permit(self, actor: Principal, action: str, resource: Resource | None = None) -> None:
        """Raise RefusedError 403 ``not_permitted``, saying which policy says so, unless the policy allows it."""
        decision = self.policy.decide(actor, action, resource or Resource(type="Record", id="all"))
        if not decision.allowed:
            raise RefusedError(
                f"{action} is not permitted: {decision.hint}", code="not_permitted", status=403, hint="bartizan policy explain"
            )

    def find(self, who: str) -> Principal:
        """Return a principal by id, or by the name it was registered under; no name is read for it."""
        now = time.time()
        for candidate in (who, *(self.ledger.pseudonym(kind, who) for kind in _KINDS)):
            if (found := self.directory.principal(candidate, at=now)) is not None:
                return found
        raise RefusedError(f"nobody is registered as {safe(who)}", code="unknown_principal", status=404, hint="bartizan principal list")

    def read(self, actor: Principal, entries: Sequence[int], *, purpose: str) -> list[bytes | None]:
        """Read content, on record before it is read; None where it was erased."""
        if entries:
            self.ledger.append_now(envelope(ContentRead(entries=tuple(entries), purpose=purpose), tenant=actor.tenant, actor=actor.id))
        return [self.ledger.content(entry) for entry in entries]

    def review(self, actor: Principal, subject: str, *, what: str, evidence: str) -> None:
        """Where the actor holds merged duties, open the review that makes up for it: another person's to decide."""
        if merged := duties().merged(actor.roles):
            pairs = ", ".join(" + ".join(pair.roles) for pair in merged)
            self.desk.open("review", subject, actor=actor, details={"what": what, "merged": pairs}, evidence=(evidence,))

    def names(self, actor: Principal, ids: Sequence[str], *, purpose: str) -> dict[str, str]:
        """Return the names of principals, ``(erased)`` where nothing is left of them."""
        entries = {each: self.directory.name_entry(each) for each in ids}
        known = {each: entry for each, entry in entries.items() if entry is not None}
        texts = self.read(actor, list(known.values()), purpose=purpose)
        return {each: _name(text) for each, text in zip(known, texts, strict=True)}

    def approval(self, approval: str) -> Approval:
        """Return an approval; raises RefusedError 404 ``unknown_approval``."""
        known = self.casebook.approval(approval)
        if known is None:
            raise RefusedError(f"there is no approval {safe(approval)}", code="unknown_approval", status=404, hint="bartizan case list")
        return known

    def asked(self, actor: Principal, approval: Approval) -> bytes:
        """Return the bytes that an approval is about; reading them is on record."""
        (subject,) = self.read(actor, [approval.seq], purpose=f"{approval.action} {approval.id}")
        if subject is None:
            raise RefusedError("what was asked for has been erased", code="erased", status=409, hint="propose it again")
        return subject

    def answer(self, actor: Principal, approval_id: str, verdict: Literal["approved", "refused"], *, reason: str) -> ApprovalState:
        """Give the actor's word on an approval and return how it stands then; what has all its approvals is done.

        It is done in bartizan's own name, since who approves may not give, and the event names the approval.
        """
        approval = self.approval(approval_id)
        subject = self.asked(actor, approval)
        self.permit(actor, *self._judged_as(approval, subject))
        say(f"{approval.action}: {safe(subject.decode(errors='replace'))}")
        state = self.desk.answer(approval_id, verdict, actor=actor, reason=reason).state(time.time())
        match state, approval.action:
            case "approved", "grant":
                self.access.give(subject, approval_id, actor=None)
            case "approved", "role":
                wanted = _roles(subject)
                self.registrar.assign_roles(wanted.principal, wanted.roles, actor=None, approved_by=approval_id)
            case "approved", "hold" | "hold.release":
                holds.fulfil(self.ledger, approval, subject)
            case "approved", "tool.pin":
                server, tools = read_pins(subject)
                self.ledger.append_now(envelope(ToolsPinned(server=server, tools=tools, approval=approval_id), causation=approval_id))
                self.ledger.catch_up()
            case "approved", "control.settings":
                change = msgspec.structs.replace(read_change(subject), approval=approval_id)
                self.ledger.append_now(envelope(change, tenant=actor.tenant, causation=approval_id))
            case _:
                pass
        return state

    def _judged_as(self, approval: Approval, subject: bytes) -> tuple[str, Resource]:
        match approval.action:
            case "grant":
                return "grant.approve", self._grant(approval, read_subject(subject, approval.id).principal)
            case "role":
                return "grant.approve", self._grant(approval, _roles(subject).principal)
            case "hold" | "hold.release":
                return "hold.approve", Resource(type="Hold", id=approval.id, attributes={"proposer": approval.proposer})
            case _:
                attributes = {"proposer": approval.proposer, "subject": approval.action}
                return "case.decide", Resource(type="Case", id=approval.id, attributes=attributes)

    def _grant(self, approval: Approval, holder: str) -> Resource:
        attributes = {"proposer": approval.proposer, "beneficiary": self.casebook.person_behind(holder)}
        return Resource(type="Grant", id=approval.id, attributes=attributes)


class _Roles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    principal: str
    roles: list[str]


def _roles(subject: bytes) -> _Roles:
    try:
        return msgspec.json.decode(subject, type=_Roles)
    except msgspec.DecodeError as error:
        raise RefusedError(f"reading the roles that were asked for: {error}", code="invalid_roles", hint="ask again") from error


def _name(text: bytes | None) -> str:
    if text is None:
        return "(erased)"
    return str(msgspec.json.decode(text, type=dict[str, str]).get("name", ""))


@contextmanager
def office(data: Path | None, config: Path | None = None) -> Iterator[Office]:
    """Open the rooms on a data directory that is there already, and close them."""
    directory = data_directory(data)
    if not (directory / "ledger.db").exists():
        raise ConfigError(f"there is no data in {directory}", hint="bartizan up creates it, and the first person's key; or pass --data DIR")
    with open_rooms(directory, load(settings_file(config))) as rooms:
        yield Office(rooms)


def columns(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as aligned columns under their names, fit for a terminal."""
    if not rows:
        return "none"
    heads = list(rows[0])
    cells = [heads, *([safe(str(row[head])) for head in heads] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def until(at: float) -> str:
    """Return a time as people read it, in UTC; a dash for none."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at)) if at else "-"
