"""Subject access: everything on record about one account, facts and text, for the person it is about."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bartizan.event import ContentRead, encode_body, envelope
from bartizan.ledger.log import Ledger


class About(msgspec.Struct, frozen=True, kw_only=True):
    """One entry about an account. ``text`` is None where there was none or it was erased, which ``erased`` tells apart."""

    entry: int
    id: str
    at: float
    kind: str
    facts: msgspec.Raw
    text: str | None
    erased: bool


def about(ledger: Ledger, account: str, *, purpose: str, actor: str) -> Iterator[About]:
    """Yield every entry about an account, oldest first; that all of it was read is on record before the first."""
    entries = [seq for seq in range(ledger.size()) if ledger.header(seq).account == account]
    if entries:
        ledger.append_now(envelope(ContentRead(entries=tuple(entries), purpose=purpose), actor=actor, account=account))
    for seq in entries:
        header = ledger.header(seq)
        found = next(iter(ledger.events(after=seq - 1, before=seq + 1)), None)
        content = ledger.content(seq)
        yield About(
            entry=seq,
            id=header.id,
            at=header.at_us / 1e6,
            kind=header.kind,
            facts=msgspec.Raw(encode_body(found[1].body) if found is not None else b"null"),
            text=content.decode(errors="replace") if content is not None else None,
            erased=bool(header.content_key) and content is None,
        )
