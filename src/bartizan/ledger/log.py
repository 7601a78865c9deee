"""The ledger: append, follow, read, prove."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from bartizan import __version__
from bartizan.config import LedgerSettings
from bartizan.errors import StoreError
from bartizan.event import Envelope, ExchangeInterrupted, WriterStarted, WriterStopped, decode_body, envelope, new_id
from bartizan.ledger.draft import Draft, draft
from bartizan.ledger.erasure import Erasure
from bartizan.ledger.export import bundle
from bartizan.ledger.header import HOT_KINDS, Header, decode_header
from bartizan.ledger.keyfiles import publish, secret, signing_key
from bartizan.ledger.liveness import Liveness, is_alive
from bartizan.ledger.note import Checkpoint, NoteKey
from bartizan.ledger.sealing import Vault
from bartizan.ledger.tree import Tree, tiles_of
from bartizan.ledger.witness import Witness
from bartizan.ledger.writer import Writer
from bartizan.store import EntryRow, Head, SqliteKeys, SqliteLog

_POLL_S: Final = 0.1
_PAGE: Final = 500
_OLDEST_S: Final = 60.0  # an entry dated long before a cosignature that does not cover it would look back-dated

Fold = Callable[[int, Envelope], None]


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """That the entry at ``seq`` with this header is in the tree of the checkpoint (RFC 9162 section 2.1.3)."""

    seq: int
    header: bytes
    checkpoint: Checkpoint
    path: tuple[bytes, ...]


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True):
    """That the tree of ``new`` entries begins with the tree of ``old`` (RFC 9162 section 2.1.4)."""

    old: int
    new: int
    path: tuple[bytes, ...]


class Ledger:
    """One process's hold on the ledger of a data directory. Make it with ``open``."""

    def __init__(self, data: Path, *, role: str, settings: LedgerSettings, clock: Callable[[], float]) -> None:
        self.data = data
        self.settings = settings
        self.writer = new_id("wr")
        self.position = 0
        self._clock = clock
        self._role = role
        self._closed = False
        self._liveness: Liveness | None = None
        self._folds: list[tuple[frozenset[str], Fold]] = []
        secrets = data / "secrets"
        self._pseudonyms = secret(secrets, "pseudonym")
        self.signer = NoteKey(settings.origin, signing_key(secrets, "log"))
        master = secret(secrets, "master")
        self._store = SqliteLog(data / "ledger.db")
        self._keys = SqliteKeys(data / "keys.db")
        self._vault = Vault(self._keys, master)
        self._writer = Writer(self._store, self._vault, self.signer, writer=self.writer, settings=settings, first=self._begin)
        self.erasure = Erasure(self._store, self._keys, self._vault, self._writer, events=self._before, draft=self._draft)
        """Erase, hold, release, apply retention."""
        publish(data / "log.vkey", self.signer.vkey)

    @classmethod
    def open(cls, data: Path, *, role: str, settings: LedgerSettings | None = None, clock: Callable[[], float] = time.time) -> Ledger:
        """Open the ledger of a data directory, creating what is missing. ``role`` says in WriterStarted what this process is.

        Nothing is written to the log before the first append. ``clock`` gives UTC seconds; no entry is dated later.
        """
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(data, role=role, settings=settings or LedgerSettings(), clock=clock)

    async def append(self, envelope: Envelope, content: bytes | None = None) -> int:
        """Record one fact, with its personal text apart; return its place (from 0) once it is durable. Raises StoreError.

        Its time is the envelope's, moved into the last minute and not before the newest entry's.
        """
        return await self._writer.append(self._draft(envelope, content))

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Record facts in one transaction and block until they are durable; not for an event loop."""
        pairs = (item if isinstance(item, tuple) else (item, None) for item in items)
        return self._writer.append_now([self._draft(*pair) for pair in pairs])

    def subscribe(self, kinds: Iterable[str], fold: Fold) -> None:
        """Have ``fold(seq, envelope)`` called for every entry of these kinds, in order; before the first ``catch_up``."""
        if self.position:
            raise StoreError("cannot subscribe: this ledger has already been replayed", hint="subscribe before the first catch_up")
        self._folds.append((frozenset(kinds), fold))

    def catch_up(self) -> int:
        """Fold everything new and return the position, which is the place of the next entry; cheap when nothing changed."""
        if not self._store.changed():
            return self.position
        self._vault.refresh()
        head = self._store.head()
        kinds = frozenset().union(*(wanted for wanted, _ in self._folds))
        if self.position < head.size and kinds:
            for seq, item in self.events(after=self.position - 1, kinds=kinds, before=head.size):
                for wanted, fold in self._folds:
                    if item.kind in wanted:
                        fold(seq, item)
                self.position = seq + 1
        self.position = head.size
        return self.position

    async def follow(self) -> None:
        """Catch up ten times a second until cancelled."""
        while True:
            self.catch_up()
            await asyncio.sleep(_POLL_S)

    def events(
        self, *, after: int = -1, kinds: Collection[str] | None = None, limit: int | None = None, before: int | None = None
    ) -> Iterator[tuple[int, Envelope]]:
        """Yield entries past ``after`` in order, without those whose facts were destroyed by retention."""
        left = limit
        for row in self._rows(after, self._store.head().size if before is None else before, kinds):
            item = self._open(row)
            if item is None:
                continue
            if left is not None:
                if left == 0:
                    return
                left -= 1
            yield row.seq, item

    def header(self, seq: int) -> Header:
        """Return the header at a place, which nothing erases."""
        return decode_header(self._row(seq).header)

    def size(self) -> int:
        """Return how many entries there are now."""
        return self._store.head().size

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content, None if it had none or it was erased. The caller records ContentRead first."""
        header = self.header(seq)
        if not header.content_key:
            return None
        self._vault.refresh()
        sealed = self._store.content(seq)
        return None if sealed is None else self._vault.open("content", header.id, header.content_key, sealed)

    def keys_of(self, account: str) -> int:
        """Return how many keys of an account's text there are."""
        return sum(1 for _ in self._keys.select("content", subjects=[account]))

    def sample(self, account: str, *, limit: int) -> list[bytes]:
        """Return some of an account's text, newest first; the caller records ContentRead first, or forgets it at once."""
        keys = {row.id for row in self._keys.select("content", subjects=[account])}
        self._vault.refresh()
        found = []
        for seq, sealed in self._store.contents_under(keys, limit=limit):
            header = self.header(seq)
            text = self._vault.open("content", header.id, header.content_key, sealed)
            if text is not None:
                found.append(text)
        return found

    def pseudonym(self, kind: str, name: str) -> str:
        """Return the stable name under which a person, account or key is recorded: ``kind_`` and 32 hex digits of a keyed HMAC."""
        digest = hmac.digest(self._pseudonyms, b"\0".join((kind.encode(), name.encode())), hashlib.sha256)
        return f"{kind}_{digest[:16].hex()}"

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint that the log has signed."""
        head = self._store.head()
        return Checkpoint.parse(head.note or self.signer.checkpoint(0, head.root))

    def prove(self, seq: int) -> InclusionProof:
        """Prove that an entry is in the tree of the newest checkpoint."""
        row, checkpoint = self._row(seq), self.checkpoint()
        path = Tree(checkpoint.size, tiles_of(self._store)).inclusion(seq)
        return InclusionProof(seq=seq, header=row.header, checkpoint=checkpoint, path=path)

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Prove that the first ``old`` entries are the beginning of the first ``new``."""
        size = self._store.head().size
        if not 0 <= old <= new <= size:
            raise StoreError(f"cannot prove {old} to {new}: the log has {size} entries")
        return ConsistencyProof(old=old, new=new, path=Tree(new, tiles_of(self._store)).consistency(old))

    def open_exchanges(self) -> list[tuple[int, Envelope]]:
        """Return admitted exchanges that have no end yet, oldest first."""
        found = ((row.seq, self._open(self._row(row.seq))) for row in self._store.open_exchanges())
        return [(seq, item) for seq, item in found if item is not None]

    def recover(self) -> list[int]:
        """Finish what a crash left: erasures without receipt, open exchanges of dead writers; return the new entries' places."""
        places = self.erasure.settle()
        if self._store.open_exchanges():
            places += self._writer.decide(self._interruptions)
        return places

    def cosign(self, witness: Witness) -> Checkpoint:
        """Have a witness cosign the newest checkpoint, and keep it; raises VerificationError if the log does not go on from what it saw."""
        checkpoint = self.checkpoint()
        old = witness.size
        path = self.consistency(old, checkpoint.size).path if old <= checkpoint.size else ()
        note = witness.cosign(checkpoint.note, log=self.signer.vkey, path=path, at=int(self._clock()))
        self._writer.aside(lambda: self._store.keep_cosigned(checkpoint.size, note))
        publish(self.data / "witness.vkey", witness.vkey)
        return Checkpoint.parse(note)

    def cosigned(self, *, at_most: int | None = None) -> Checkpoint | None:
        """Return the largest cosigned checkpoint, of at most a size: what to keep elsewhere."""
        note = self._store.cosigned(at_most=at_most)
        return None if note is None else Checkpoint.parse(note)

    def export(self, seqs: Iterable[int], *, witnesses: Collection[str] = (), at: int | None = None) -> bytes:
        """Return a bundle (JSON) that proves some entries' headers against the largest cosigned checkpoint, of at most ``at`` entries.

        Anyone can check it with ``offline.py``; nothing in it is decrypted. Without a cosigned checkpoint it is the newest signed one.
        """
        checkpoint = self.cosigned(at_most=at) or self.checkpoint()
        tree = Tree(checkpoint.size, tiles_of(self._store))
        return bundle(checkpoint, tree, (self._row(seq) for seq in seqs), log=self.signer.vkey, witnesses=witnesses)

    def close(self) -> None:
        """Record that this writer stops, if it ever wrote, and let go of every file. Does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._writer.count:
                self.append_now(envelope(WriterStopped(writer=self.writer), actor=self._role, at=self._clock()))
        finally:
            self._writer.close()
            if self._liveness is not None:
                self._liveness.close()
            self._store.close()
            self._keys.close()

    def _before(self, kinds: tuple[str, ...], size: int) -> Iterator[tuple[int, Envelope]]:
        return self.events(kinds=kinds, before=size)

    def _draft(self, item: Envelope, content: bytes | None = None, *, erased: tuple[int, ...] = ()) -> Draft:
        now = self._clock()
        if not now - _OLDEST_S <= item.at <= now:
            item = msgspec.structs.replace(item, at=max(now - _OLDEST_S, min(item.at, now)))
        return draft(self._vault, item, content, erased=erased)

    def _begin(self) -> Draft:
        if self._liveness is None:
            self._liveness = Liveness(self.data / "run", self.writer)
        body = WriterStarted(writer=self.writer, role=self._role, version=__version__)
        return self._draft(envelope(body, actor=self._role, at=self._clock()))

    def _interruptions(self, _: Head) -> list[Draft]:
        alive: dict[str, bool] = {self.writer: True}
        drafts = []
        for row in self._store.open_exchanges():
            if row.writer not in alive:
                alive[row.writer] = is_alive(self.data / "run", row.writer)
            if alive[row.writer]:
                continue
            header = self.header(row.seq)
            body = ExchangeInterrupted(writer=row.writer)
            drafts.append(
                self._draft(
                    envelope(
                        body,
                        tenant=header.tenant,
                        actor=header.actor,
                        account=header.account,
                        correlation=header.correlation,
                        causation=header.id,
                        at=self._clock(),
                    )
                )
            )
        return drafts

    def _rows(self, after: int, before: int, kinds: Collection[str] | None) -> Iterator[EntryRow]:
        state_only = kinds is not None and not HOT_KINDS & set(kinds)
        while rows := self._store.entries(after=after, before=before, kinds=kinds, state_only=state_only, limit=_PAGE):
            yield from rows
            after = rows[-1].seq

    def _row(self, seq: int) -> EntryRow:
        rows = self._store.entries(after=seq - 1, before=seq + 1, kinds=None, state_only=False, limit=1)
        if not rows:
            raise StoreError(f"there is no entry {seq}", hint="entries count from 0")
        return rows[0]

    def _open(self, row: EntryRow) -> Envelope | None:
        header = decode_header(row.header)
        facts = None if row.facts is None else self._vault.open("facts", header.id, header.facts_key, row.facts)
        if facts is None:
            return None
        try:
            body = decode_body(facts)
        except msgspec.MsgspecError as error:
            raise StoreError(
                f"entry {row.seq} is of kind {header.kind}, which this version does not read", hint="upgrade bartizan"
            ) from error
        return Envelope(
            id=header.id,
            at=header.at_us / 1_000_000,
            tenant=header.tenant,
            actor=header.actor,
            account=header.account,
            correlation=header.correlation,
            causation=header.causation,
            body=body,
        )
