"""Evidence that can be shown: what was sent, masked and cut, out of the record; the reading is on record first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from bartizan.event import ContentRead, Envelope, envelope
from bartizan.ledger import Found, Header, find_exchange
from bartizan.monitor.masking import masked

_MOST: Final = 5
_CHARACTERS: Final = 400


class Readable(Protocol):
    """What evidence needs of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content, None if it had none or it was erased."""
        ...

    def header(self, seq: int) -> Header:
        """Return the header at a place."""
        ...

    def size(self) -> int:
        """Return how many entries there are."""
        ...


class Quote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One exchange of the evidence: masked, cut, and empty once the text was erased."""

    event: str
    exchange: str
    at: float
    text: str = ""


def places(ledger: Readable, exchanges: Iterable[str]) -> tuple[Found, ...]:
    """Return where the first few exchanges stand in the record, without those that are not in it."""
    found = (find_exchange(ledger, each) for each in list(exchanges)[:_MOST])
    return tuple(place for place in found if _entry(place) >= 0)


def reading(found: Iterable[Found], *, purpose: str = "evidence of a case") -> ContentRead | None:
    """Return the fact to record before ``read`` may be called, None where nothing is read."""
    entries = tuple(_entry(place) for place in found)
    return ContentRead(entries=entries, purpose=purpose) if entries else None


def read(ledger: Readable, found: Iterable[Found], *, account: str) -> tuple[Quote, ...]:
    """Return exchanges as quotes: only the last thing that the user wrote in each, never an answer, and only of this account."""
    result = []
    for place in found:
        header = ledger.header(_entry(place))
        text = "" if header.account != account else shown(ledger.content(_entry(place)), most=_CHARACTERS)
        result.append(Quote(event=header.id, exchange=place.exchange, at=header.at_us / 1e6, text=text))
    return tuple(result)


def quotes(ledger: Readable, exchanges: Iterable[str], *, actor: str, case: str, account: str) -> tuple[Quote, ...]:
    """Record the reading and return the quotes."""
    found = places(ledger, exchanges)
    if fact := reading(found):
        ledger.append_now(envelope(fact, actor=actor, account=account, correlation=case))
    return read(ledger, found, account=account)


def _entry(place: Found) -> int:
    return place.admitted if place.admitted >= 0 else place.ended


def shown(content: bytes | None, *, most: int) -> str:
    """Return what a request said last, masked; empty where nothing is left of it."""
    return masked(said(content), most=most)


def said(content: bytes | None) -> str:
    """Return the last user text of a chat or messages body; the whole as text where it is none."""
    if not content:
        return ""
    try:
        fields = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return content[:4096].decode(errors="replace")
    messages = fields.get("messages") if type(fields) is dict else None
    if type(messages) is not list:
        return ""
    for message in reversed(messages):
        if type(message) is dict and message.get("role") == "user":
            return _text(message.get("content"))
    return ""


def conversation(content: bytes | None) -> str:
    """Return the whole of a request's messages as running text, each with its role; for a reviewer."""
    if not content:
        return ""
    try:
        fields = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return content[:65536].decode(errors="replace")
    messages = fields.get("messages") if type(fields) is dict else None
    if type(messages) is not list:
        return ""
    system = fields.get("system")
    lines = [f"system: {_text(system)}"] if system else []
    lines += [f"{message.get('role', '')}: {_text(message.get('content'))}" for message in messages if type(message) is dict]
    return "\n\n".join(lines)


def _text(content: object) -> str:
    if type(content) is str:
        return content
    if type(content) is list:
        return "\n".join(part["text"] for part in content if _has_text(part))
    return ""


def _has_text(part: object) -> bool:
    fields: Mapping[str, Any] = part if type(part) is dict else {}
    return type(fields.get("text")) is str
