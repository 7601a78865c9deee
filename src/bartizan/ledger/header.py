"""The header of an entry: what the tree covers, and what stays readable when keys are destroyed."""

from __future__ import annotations

import hashlib

import msgspec

from bartizan.errors import StoreError
from bartizan.event import ExchangeAdmitted, ExchangeCompleted, ExchangeInterrupted, RequestRefused, RetentionClass, kind_of

HOT_KINDS = frozenset(kind_of(fact) for fact in (ExchangeAdmitted, ExchangeCompleted, ExchangeInterrupted, RequestRefused))
"""Kinds that change no state: a start-up replays all others only."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Fields in the order of their names, so that encoding them is canonical (RFC 8785: sorted keys, no spaces, integers only).

    Strings hold no quote, backslash or control character, so that the encoding needs no escapes and a verifier no JSON parser.
    """

    account: str
    actor: str
    at_us: int
    """UTC microseconds; never less than the entry's before."""
    causation: str
    content_key: int
    """0 for an entry without content."""
    content_sha256: str
    correlation: str
    erased: tuple[int, ...]
    """Ids of keys that this entry says were destroyed; readable for ever, so that missing ciphertext has a reason or is an alarm."""
    facts_key: int
    facts_sha256: str
    id: str
    kind: str
    n: int
    """The writer's own counter, from 1 without a gap."""
    retention: RetentionClass
    tenant: str
    v: int = 1
    writer: str


_decoder = msgspec.json.Decoder(Header)


def decode_header(data: bytes) -> Header:
    """Return the header; raises StoreError where the bytes are not one."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise StoreError(f"an entry's header does not decode: {error}", hint="run bartizan ledger verify") from error


def leaf_hash(header: bytes) -> bytes:
    """RFC 6962 section 2.1: SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + header).digest()
