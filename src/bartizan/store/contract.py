"""What the ledger asks of a store: an append-only log with one write lock over all processes, and a keyring that forgets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from bartizan.event import RetentionClass

EMPTY_ROOT = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
"""RFC 6962 section 2.1: the hash of an empty tree is SHA-256 of nothing."""

Purpose = Literal["facts", "content"]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where the log ends: its size, tree root, newest time and newest signed checkpoint."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    at_us: int = 0
    note: str = ""


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf as stored. ``facts`` is None once its dead ciphertext has been reclaimed."""

    seq: int
    header: bytes
    facts: bytes | None


class Batch(msgspec.Struct, kw_only=True):
    """What one transaction adds; parameters are flat, row after row, so that one statement takes them all.

    Blobs are best ``bytearray``: the driver looks for an adapter of each parameter of type ``bytes``, for 3,500 instructions.
    """

    head: Head
    entries: list[object] = []
    """seq, kind, state (1 for events that change state), header, facts."""
    contents: list[object] = []
    """seq, key id, ciphertext."""
    tiles: list[object] = []
    """level, index, up to 256 hashes."""
    opened: list[object] = []
    """exchange, seq, writer."""
    closed: list[object] = []
    """exchange."""


class OpenExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange admitted and not yet completed."""

    exchange: str
    seq: int
    writer: str


class LogStore(Protocol):
    """The log. The four methods of a write are called by one thread only; the others by any."""

    def begin(self) -> Head:
        """Take the write lock of all processes and return the head that is true under it."""
        ...

    def commit(self, batch: Batch) -> None:
        """Make a batch durable and give the lock back. Raises StoreError; nothing of the batch is then promised."""
        ...

    def rollback(self) -> None:
        """Give the lock back without a trace."""
        ...

    def reclaim(self, keys: Collection[int], purpose: Purpose, *, after: int, limit: int) -> int:
        """Drop ciphertext under dead keys among ``limit`` rows past ``after``; return the last row seen, -1 at the end."""
        ...

    def head(self) -> Head:
        """Return the newest durable head."""
        ...

    def changed(self) -> bool:
        """Say whether anything was committed since the last time this was asked; cheap."""
        ...

    def entries(self, *, after: int, before: int, kinds: Collection[str] | None, state_only: bool, limit: int) -> Sequence[EntryRow]:
        """Return rows with ``after < seq < before`` in order, at most ``limit``."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return the content's ciphertext, None if there is none or it was reclaimed."""
        ...

    def contents_under(self, keys: Collection[int], *, limit: int) -> Sequence[tuple[int, bytes]]:
        """Return the newest contents under some keys as (seq, ciphertext)."""
        ...

    def tile(self, level: int, index: int) -> bytes:
        """Return a tile's hashes, empty if there is no such tile."""
        ...

    def open_exchanges(self) -> Sequence[OpenExchange]:
        """Return every exchange without an end, oldest first."""
        ...

    def cosigned(self, *, at_most: int | None = None) -> str | None:
        """Return the largest cosigned checkpoint note, of at most a size."""
        ...

    def keep_cosigned(self, size: int, note: str) -> None:
        """Keep a cosigned checkpoint, replacing one of the same size, and forget all but the newest thousand."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One data key, wrapped by the master key. ``period`` is the day or month (UTC) whose entries it seals."""

    id: int
    purpose: Purpose
    subject: str
    retention: RetentionClass
    period: str
    wrapped: bytes = b""


class KeyStore(Protocol):
    """The keyring, in a file of its own. What ``destroy`` deletes is in none of its files afterwards."""

    def changed(self) -> bool:
        """Say whether another process changed the keyring since the last time this was asked."""
        ...

    def newest(self, purpose: Purpose, subject: str, retention: RetentionClass, period: str) -> KeyRow | None:
        """Return the key that seals new entries."""
        ...

    def get(self, key: int) -> KeyRow | None:
        """Return a key by id, None once it is destroyed."""
        ...

    def add(self, rows: Sequence[KeyRow]) -> Sequence[KeyRow]:
        """Make keys durable and return them with their ids; where another process was first, its key comes back."""
        ...

    def select(self, purpose: Purpose, *, subjects: Collection[str] | None = None) -> Iterator[KeyRow]:
        """Yield keys without their secrets, all or those of some subjects."""
        ...

    def destroy(self, keys: Sequence[int], receipts: Sequence[bytes]) -> Sequence[int]:
        """Delete keys beyond recovery from this file, and keep the receipts until ``settle``, in one transaction; return their ids."""
        ...

    def unsettled(self) -> Sequence[tuple[int, bytes]]:
        """Return receipts of keys destroyed that may not be on record yet."""
        ...

    def settle(self, receipts: Sequence[int]) -> None:
        """Forget receipts that are on record."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
