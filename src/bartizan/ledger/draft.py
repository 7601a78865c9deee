"""An entry on its way in: checked and encoded by its caller, sealed and placed by the writer."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.errors import StoreError
from bartizan.event import KINDS, Envelope, ExchangeAdmitted, ExchangeCompleted, ExchangeInterrupted
from bartizan.event.envelope import encode_body
from bartizan.ledger.header import HOT_KINDS
from bartizan.ledger.sealing import NOTHING, Sealed, Use, Vault

_PLAIN: Final = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')
"""ASCII that a JSON string holds as it is."""


class Traits(msgspec.Struct, frozen=True):
    """What the log must know about a kind of event."""

    kind: str
    state: int
    """1 if a start-up replays it."""
    opens: bool
    """Whether it admits an exchange."""
    closes: bool
    """Whether it ends an exchange."""


_TRAITS: Final = {
    fact: Traits(kind, int(kind not in HOT_KINDS), fact is ExchangeAdmitted, fact in (ExchangeCompleted, ExchangeInterrupted))
    for kind, fact in KINDS.items()
}


class Draft(msgspec.Struct, gc=False):
    """One entry before it has a place."""

    envelope: Envelope
    traits: Traits
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
        """Return the header's canonical bytes at this time and place: ``Header`` as JSON.

        Written out, since ``draft`` has refused every string that would need an escape: 10,000 instructions instead of 19,000.
        """
        of, facts, content = self.envelope, self.sealed_facts, self.sealed_content
        erased = ",".join(map(str, self.erased)) if self.erased else ""
        return (
            f'{{"account":"{of.account}","actor":"{of.actor}","at_us":{at_us},"causation":"{of.causation}"'
            f',"content_key":{content.key},"content_sha256":"{content.sha256}","correlation":"{of.correlation}"'
            f',"erased":[{erased}],"facts_key":{facts.key},"facts_sha256":"{facts.sha256}","id":"{of.id}"'
            f',"kind":"{self.traits.kind}","n":{n},"retention":"{of.body.retention}","tenant":"{of.tenant}","v":1,"writer":"{writer}"}}'
        ).encode()


def draft(vault: Vault, envelope: Envelope, content: bytes | None = None, *, erased: tuple[int, ...] = ()) -> Draft:
    """Check and encode one entry; raises StoreError for one that can't be recorded, so that it fails alone and not its batch."""
    ids = f"{envelope.id}{envelope.tenant}{envelope.actor}{envelope.account}{envelope.correlation}{envelope.causation}"
    if not _is_plain(ids):
        raise StoreError(f"cannot record {envelope.kind}: an id holds a quote, a backslash or a character that does not print")
    try:
        facts = encode_body(envelope.body)
    except (UnicodeError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"cannot record {envelope.kind}: its body does not encode: {error}") from error
    facts_use, content_use = vault.uses(envelope, envelope.body.retention, content=content is not None)
    return Draft(envelope, _TRAITS[type(envelope.body)], facts, content, facts_use, content_use, erased)


def _is_plain(text: str) -> bool:
    """Say whether text needs no escape in JSON and prints; ids are ASCII, and a lookup for each of their bytes is half the cost."""
    if text.isascii():
        return not text.encode().translate(None, _PLAIN)
    return text.isprintable() and '"' not in text and "\\" not in text
