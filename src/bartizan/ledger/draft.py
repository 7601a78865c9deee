"""An entry on its way in: checked and encoded by its caller, sealed and placed by the writer."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.errors import StoreError
from bartizan.event import Envelope, ExchangeAdmitted, ExchangeCompleted, ExchangeInterrupted
from bartizan.event.envelope import encode_body
from bartizan.ledger.header import HOT_KINDS, Header, encode_header
from bartizan.ledger.sealing import NOTHING, Sealed, Use, Vault

_OPENS: Final = ExchangeAdmitted
_CLOSES: Final = (ExchangeCompleted, ExchangeInterrupted)


class Draft(msgspec.Struct, gc=False):
    """One entry before it has a place."""

    envelope: Envelope
    kind: str
    facts: bytes
    content: bytes | None
    facts_use: Use
    content_use: Use | None
    erased: tuple[int, ...] = ()
    sealed_facts: Sealed = NOTHING
    sealed_content: Sealed = NOTHING

    def seal(self, vault: Vault) -> None:
        """Encrypt facts and content under the keys of their uses."""
        self.sealed_facts = vault.seal(self.facts_use, self.envelope.id, self.facts)
        if self.content_use is not None and self.content is not None:
            self.sealed_content = vault.seal(self.content_use, self.envelope.id, self.content)

    def header(self, *, at_us: int, writer: str, n: int) -> bytes:
        """Return the header's canonical bytes at this time and place."""
        envelope, facts, content = self.envelope, self.sealed_facts, self.sealed_content
        return encode_header(
            Header(
                account=envelope.account,
                actor=envelope.actor,
                at_us=at_us,
                causation=envelope.causation,
                content_key=content.key,
                content_sha256=content.sha256,
                correlation=envelope.correlation,
                erased=self.erased,
                facts_key=facts.key,
                facts_sha256=facts.sha256,
                id=envelope.id,
                kind=self.kind,
                n=n,
                retention=envelope.body.retention,
                tenant=envelope.tenant,
                writer=writer,
            )
        )

    @property
    def changes_state(self) -> bool:
        """Whether a start-up replays it."""
        return self.kind not in HOT_KINDS

    @property
    def opens(self) -> bool:
        """Whether it admits an exchange."""
        return isinstance(self.envelope.body, _OPENS)

    @property
    def closes(self) -> bool:
        """Whether it ends an exchange."""
        return isinstance(self.envelope.body, _CLOSES)


def draft(vault: Vault, envelope: Envelope, content: bytes | None = None, *, erased: tuple[int, ...] = ()) -> Draft:
    """Check and encode one entry; raises StoreError for one that can't be recorded, so that it fails alone and not its batch."""
    ids = f"{envelope.id}{envelope.tenant}{envelope.actor}{envelope.account}{envelope.correlation}{envelope.causation}"
    if not ids.isprintable() or '"' in ids or "\\" in ids:
        raise StoreError(f"cannot record {envelope.kind}: an id holds a quote, a backslash or a character that does not print")
    try:
        facts = encode_body(envelope.body)
    except (UnicodeError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"cannot record {envelope.kind}: its body does not encode: {error}") from error
    facts_use, content_use = vault.uses(envelope, envelope.body.retention, content=content is not None)
    return Draft(envelope, envelope.kind, facts, content, facts_use, content_use, erased)
