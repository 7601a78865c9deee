"""Group commit: one thread gathers what waits, seals it, and makes it durable in one transaction with one signed checkpoint."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec

from bartizan.config import LedgerSettings
from bartizan.errors import BartizanError, StoreError
from bartizan.ledger.draft import Draft
from bartizan.ledger.header import decode_header, leaf_hash
from bartizan.ledger.note import NoteKey
from bartizan.ledger.sealing import Vault
from bartizan.ledger.tree import Frontier, tiles_of
from bartizan.store import Batch, Head, LogStore

_BUSY = 8  # lingering pays only when many wait (bench/ledger.py)

Job = Callable[[Head], Sequence[Draft]]
"""Decides under the write lock what to append; may raise a BartizanError to append nothing."""


class _Ticket(msgspec.Struct, gc=False):
    """Entries that go in together, and who waits for them."""

    drafts: Sequence[Draft]
    job: Job | None = None
    aside: Callable[[], object] | None = None
    """Something else that must run on the writer's thread, outside of a transaction."""
    waiter: asyncio.Future[int] | None = None
    loop: asyncio.AbstractEventLoop | None = None
    caller: Future[list[int]] | None = None


class Writer:
    """Owns every write of this process to one log. ``first`` gives the entry that begins its counter, ``alive`` its liveness lock."""

    def __init__(
        self, store: LogStore, vault: Vault, signer: NoteKey, *, writer: str, settings: LedgerSettings, first: Callable[[], Draft]
    ) -> None:
        self._store = store
        self._vault = vault
        self._signer = signer
        self._name = writer
        self._linger = settings.linger_ms / 1000
        self._most = settings.max_batch
        self._first = first
        self._queue: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._current: list[_Ticket] = []
        self._frontier: Frontier | None = None
        self._known = Head()
        self._n = 0
        self._unsure = False
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """How many entries this writer has made durable."""
        return self._n

    async def append(self, draft: Draft) -> int:
        """Wait until the entry is durable; return its place."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[int] = loop.create_future()
        self._submit(_Ticket(drafts=(draft,), waiter=waiter, loop=loop))
        return await waiter

    def append_now(self, drafts: Sequence[Draft]) -> list[int]:
        """Block until all entries are durable, in one transaction; return their places."""
        return self._wait(_Ticket(drafts=drafts, caller=Future()))

    def decide(self, job: Job) -> list[int]:
        """Run a job under the write lock of all processes, and append what it returns in the same transaction."""
        return self._wait(_Ticket(drafts=(), job=job, caller=Future()))

    def aside(self, action: Callable[[], object]) -> None:
        """Run something that writes the store, but no entry, on the writer's thread."""
        self._wait(_Ticket(drafts=(), aside=action, caller=Future()))

    def close(self) -> None:
        """Finish what waits and stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _submit(self, ticket: _Ticket) -> None:
        with self._lock:
            if self._closed:
                raise StoreError("the ledger is closed")
            self._queue.put(ticket)

    def _wait(self, ticket: _Ticket) -> list[int]:
        assert ticket.caller is not None  # noqa: S101 - the three callers above
        self._submit(ticket)
        return ticket.caller.result()

    def _run(self) -> None:
        last = 0
        try:
            while (tickets := self._take(last)) is not None:
                last = len(tickets)
                self._current = tickets
                alone = tickets[-1] if tickets[-1].job or tickets[-1].aside else None
                together = tickets[:-1] if alone else tickets
                if together:
                    self._attempt(together)
                if alone:
                    self._attempt([alone])
                self._current = []
        finally:
            self._abandon()

    def _take(self, last: int) -> list[_Ticket] | None:
        """Wait for one ticket, then take all that wait, at most a batch; a job or an action ends the batch."""
        ticket = self._queue.get()
        if last > _BUSY and self._queue.qsize() < last - 1:
            time.sleep(self._linger)
        tickets: list[_Ticket] = []
        while ticket is not None:
            tickets.append(ticket)
            if ticket.job or ticket.aside or len(tickets) >= self._most:
                return tickets
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return tickets
        self._queue.put(None)  # closing: seen again when these are done
        return tickets or None

    def _attempt(self, tickets: list[_Ticket]) -> None:
        try:
            if tickets[0].aside:
                tickets[0].aside()
                _settle(tickets, [])
            else:
                _settle(tickets, self._commit(tickets))
        except BartizanError as error:
            _fail(tickets, error)

    def _commit(self, tickets: list[_Ticket]) -> list[int]:
        """Append all drafts of the tickets; returns their places. Whatever fails, the lock is given back and nothing is promised."""
        drafts = [draft for ticket in tickets for draft in ticket.drafts]
        generation = self._seal(drafts)
        head = self._store.begin()
        try:
            self._agree(head)
            job = tickets[0].job
            if job is not None:
                drafts = list(job(head))
                generation = -1
            extra = 0 if self._n or not drafts else 1
            if extra:
                drafts.insert(0, self._first())
                generation = -1
            if self._vault.refresh() != generation:
                self._seal(drafts)
            if not drafts:
                self._store.rollback()
                return []
            batch, n = self._place(head, drafts)
            self._store.commit(batch)
        except BaseException:
            self._unsure = True
            self._frontier = None
            self._store.rollback()
            raise
        self._n, self._known = n, batch.head
        return list(range(head.size + extra, batch.head.size))

    def _seal(self, drafts: Sequence[Draft]) -> int:
        vault = self._vault
        uses = [draft.facts_use for draft in drafts]
        uses += [draft.content_use for draft in drafts if draft.content_use is not None]
        generation = vault.prepare(uses)
        for draft in drafts:
            draft.seal(vault)
        return generation

    def _agree(self, head: Head) -> None:
        """Bring frontier and counter to what the store says: other processes append, and a failed commit may have gone through."""
        if self._unsure:
            self._n = self._recount(head)
            self._unsure = False
        if self._frontier is None or head.size != self._known.size or head.root != self._known.root:
            self._frontier = Frontier.load(head.size, tiles_of(self._store))
            if self._frontier.root() != head.root:
                raise StoreError("the ledger's tiles do not lead to its root", hint="run bartizan ledger verify")
            self._known = head

    def _recount(self, head: Head) -> int:
        after, n = self._known.size - 1, self._n
        while rows := self._store.entries(after=after, before=head.size, kinds=None, state_only=False, limit=1000):
            after = rows[-1].seq
            headers = (decode_header(row.header) for row in rows)
            n = max([n, *(header.n for header in headers if header.writer == self._name)])
        return n

    def _place(self, head: Head, drafts: Sequence[Draft]) -> tuple[Batch, int]:
        assert self._frontier is not None  # noqa: S101 - _agree has just set it
        frontier, name, n, at_us = self._frontier, self._name, self._n, head.at_us
        batch = Batch(head=head)
        entries, contents, leaves = batch.entries, batch.contents, []
        for seq, draft in enumerate(drafts, head.size):
            n += 1
            at_us = max(at_us, int(draft.envelope.at * 1_000_000))
            header = draft.header(at_us=at_us, writer=name, n=n)
            leaves.append(leaf_hash(header))
            traits = draft.traits
            entries += (seq, traits.kind, traits.state, bytearray(header), draft.sealed_facts.data)
            if draft.content_use is not None:
                contents += (seq, draft.sealed_content.key, draft.sealed_content.data)
            if traits.opens:
                batch.opened += (draft.envelope.correlation, seq, name)
            elif traits.closes:
                batch.closed.append(draft.envelope.correlation)
        frontier.extend(leaves)
        batch.tiles = frontier.changed_tiles()
        root = frontier.root()
        batch.head = Head(size=frontier.size, root=root, at_us=at_us, note=self._signer.checkpoint(frontier.size, root))
        return batch, n

    def _abandon(self) -> None:
        """Fail whatever still waits; only reached with something waiting if this thread met a bug."""
        with self._lock:
            self._closed = True
        error = StoreError("the ledger's writer has stopped", hint="restart; what was acknowledged is durable")
        _fail(self._current, error)
        with contextlib.suppress(queue.Empty):
            while True:
                ticket = self._queue.get_nowait()
                if ticket is not None:
                    _fail([ticket], error)


def _settle(tickets: list[_Ticket], places: list[int]) -> None:
    """Tell every waiter its place, with one wake-up for each event loop."""
    ready: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], int]]] = {}
    index = 0
    for ticket in tickets:
        count = len(ticket.drafts)
        if ticket.waiter is not None and ticket.loop is not None:
            ready.setdefault(ticket.loop, []).append((ticket.waiter, places[index]))
        elif ticket.caller is not None:
            ticket.caller.set_result(places[index : index + count] if count else places)
        index += count
    for loop, results in ready.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed under its waiters
            loop.call_soon_threadsafe(_resolve, results)


def _resolve(results: list[tuple[asyncio.Future[int], int]]) -> None:
    for waiter, place in results:
        if not waiter.done():
            waiter.set_result(place)


def _fail(tickets: list[_Ticket], error: BartizanError) -> None:
    for ticket in tickets:
        if ticket.waiter is not None and ticket.loop is not None:
            with contextlib.suppress(RuntimeError):
                ticket.loop.call_soon_threadsafe(_refuse, ticket.waiter, error)
        elif ticket.caller is not None and not ticket.caller.done():
            ticket.caller.set_exception(error)


def _refuse(waiter: asyncio.Future[int], error: BartizanError) -> None:
    if not waiter.done():
        waiter.set_exception(error)
