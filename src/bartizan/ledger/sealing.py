"""Facts and content under keys that can be destroyed: zstd, then AES-256-GCM bound to the entry it belongs to."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable
from typing import Final

import msgspec
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bartizan.errors import StoreError
from bartizan.event import Envelope, RetentionClass
from bartizan.event.envelope import encode_body
from bartizan.store import KeyRow, KeyStore, Purpose

_NONCE = 12
_RAW, _ZSTD = b"\x00", b"\x01"
_SMALL = 600  # below this zstd takes 5 us to save 200 bytes (bench/ledger.py)
_MOST_PLAIN = 64 << 20
_CACHE = 20_000
_DAY = 86_400

Use = tuple[Purpose, str, RetentionClass, str]
"""Purpose, subject, retention class, period: what a data key is for."""


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """One ciphertext (nonce first), the id of its key and its SHA-256, hex."""

    key: int
    sha256: str
    data: bytearray
    """Never altered; a ``bytearray`` because the store takes it cheaper than ``bytes``."""


NOTHING: Final = Sealed(0, "", bytearray())


class Vault:
    """Seals and opens. Keeps keys in memory by use and by id until ``forget``; a key is durable before it seals anything."""

    def __init__(self, keys: KeyStore, master: bytes) -> None:
        self._keys = keys
        self._master = AESGCM(master)
        self._by_use: dict[Use, tuple[int, AESGCM]] = {}
        self._by_id: dict[int, AESGCM] = {}
        self._compress = zstandard.ZstdCompressor(level=1, write_content_size=True, write_checksum=False).compress
        self._days: dict[int, tuple[str, str]] = {}
        self._nonces = b""
        self._counting = threading.Lock()
        self._prepared = 0
        self.generation = 0
        """Counts up when keys in memory may have been destroyed; what was sealed under an older one must be sealed anew."""

    def uses(self, envelope: Envelope, retention: RetentionClass, *, content: bool) -> tuple[Use, Use | None]:
        """Return the uses whose keys seal an entry: facts by tenant and month, content by account and day.

        Content keys are by day because they are what retention destroys: with months, thirty days would mean up to sixty-one.
        """
        day, month = self._period(envelope.at)
        facts: Use = ("facts", envelope.tenant, retention, month)
        return facts, ("content", envelope.account or envelope.tenant, retention, day) if content else None

    def prepare(self, uses: Iterable[Use]) -> int:
        """Make sure that every use has a durable key in memory, in one transaction for those that are new; return the generation.

        Only the writer's thread calls this and ``seal``; readers on other threads never take a key away between the two.
        """
        generation = self.generation
        if generation != self._prepared or len(self._by_use) > _CACHE:
            self._by_use = {}
            self._prepared = generation
        missing = [use for use in dict.fromkeys(uses) if use not in self._by_use]
        created: list[KeyRow] = []
        for use in missing:
            row = self._keys.newest(*use)
            if row is None:
                created.append(self._create(use))
            else:
                self._keep(use, row)
        for row in self._keys.add(created) if created else ():
            self._keep((row.purpose, row.subject, row.retention, row.period), row)
        return generation

    def seal(self, use: Use, entry: str, data: bytes) -> Sealed:
        """Seal bytes for an entry id; ``prepare`` must have seen the use."""
        key, cipher = self._by_use[use]
        plain = _RAW + data if len(data) < _SMALL else _ZSTD + self._compress(data)
        if len(self._nonces) < _NONCE:
            self._nonces = os.urandom(_NONCE * 256)
        nonce, self._nonces = self._nonces[:_NONCE], self._nonces[_NONCE:]
        sealed = bytearray(nonce)
        sealed += cipher.encrypt(nonce, plain, _bound(use[0], entry))
        return Sealed(key, hashlib.sha256(sealed).hexdigest(), sealed)

    def open(self, purpose: Purpose, entry: str, key: int, sealed: bytes) -> bytes | None:
        """Return the plain bytes, None if the key was destroyed; raises StoreError where they were altered."""
        cipher = self._by_id.get(key) or self._load(key)
        if cipher is None:
            return None
        try:
            plain = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(purpose, entry))
            return plain[1:] if plain[:1] == _RAW else zstandard.decompress(plain[1:], max_output_size=_MOST_PLAIN)
        except (InvalidTag, ValueError, zstandard.ZstdError) as error:
            raise StoreError(
                f"the {purpose} of {entry} does not open", hint="it was altered or moved: run bartizan ledger verify"
            ) from error

    def refresh(self) -> int:
        """Forget every key if another process changed the keyring; return the generation. Final under the ledger's write lock."""
        if self._keys.changed():
            self.forget()
        return self.generation

    def forget(self) -> None:
        """Drop every key from memory, those that seal when they are next prepared; they are read again if they still exist."""
        with self._counting:
            self._by_id = {}
            self.generation += 1

    def _period(self, at: float) -> tuple[str, str]:
        number = int(at // _DAY)
        found = self._days.get(number)
        if found is None:
            day = time.strftime("%Y-%m-%d", time.gmtime(number * _DAY))
            self._days = {number: (day, day[:7])} if len(self._days) > 1000 else {**self._days, number: (day, day[:7])}
            found = self._days[number]
        return found

    def _create(self, use: Use) -> KeyRow:
        nonce = os.urandom(_NONCE)
        wrapped = nonce + self._master.encrypt(nonce, AESGCM.generate_key(256), "/".join(("dek", *use)).encode())
        return KeyRow(id=0, purpose=use[0], subject=use[1], retention=use[2], period=use[3], wrapped=wrapped)

    def _keep(self, use: Use, row: KeyRow) -> None:
        cipher = self._unwrap(row)
        self._by_use[use] = (row.id, cipher)
        self._by_id[row.id] = cipher

    def _load(self, key: int) -> AESGCM | None:
        generation = self.generation
        row = self._keys.get(key)
        if row is None:
            return None
        if len(self._by_id) > _CACHE:
            self._by_id = {}
        cipher = self._unwrap(row)
        if generation == self.generation:  # else it may have been destroyed meanwhile, and must not stay
            self._by_id[key] = cipher
        return cipher

    def _unwrap(self, row: KeyRow) -> AESGCM:
        bound = f"dek/{row.purpose}/{row.subject}/{row.retention}/{row.period}".encode()
        try:
            return AESGCM(self._master.decrypt(row.wrapped[:_NONCE], row.wrapped[_NONCE:], bound))
        except (InvalidTag, ValueError) as error:
            raise StoreError(f"data key {row.id} does not unwrap", hint="secrets/master.key is not the one it was made with") from error


def encode_facts(envelope: Envelope) -> bytes:
    """Return the body's bytes as they are sealed."""
    return encode_body(envelope.body)


def _bound(purpose: str, entry: str) -> bytes:
    return f"bartizan/1/{purpose}/{entry}".encode()
