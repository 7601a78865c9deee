"""Bringing many files onto the shelf: what is there already is skipped, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence

import msgspec

from bartizan.errors import BartizanError
from bartizan.event import new_id
from bartizan.identity import Principal
from bartizan.store import RunRow
from bartizan.workbench.intel.caps import Caps
from bartizan.workbench.intel.document import Failure, Tlp
from bartizan.workbench.intel.fetch import fetch
from bartizan.workbench.intel.pipeline import Outcome, Pipeline, Source
from bartizan.workbench.intel.shelf import Shelf

_NOTE_S = 0.5


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to: reports brought in, files known before, files that failed and why."""

    run: str
    reports: tuple[str, ...]
    known: int
    pages: int
    failures: tuple[Failure, ...]


class _Tally(msgspec.Struct):
    reports: list[str]
    failures: list[Failure]
    known: int = 0
    done: int = 0
    pages: int = 0
    noted: float = 0.0


class Ingestion:
    """One run in the name of a person; ``tlp`` raises the level of reports that state a milder one or none."""

    def __init__(self, shelf: Shelf, actor: Principal, *, tlp: Tlp | None = None, caps: Caps | None = None, children: int = 0) -> None:
        self._shelf = shelf
        self._actor = actor
        self._tlp: Tlp | None = tlp
        self._caps = caps
        self._children = children
        self._run = new_id("run")
        self._begun = time.time()

    async def bring(self, sources: Sequence[Source], *, told: Callable[[RunRow], None] = lambda _: None) -> Ingested:
        """Read every file that is not on the shelf yet; ``told`` hears how far it is."""
        tally = _Tally([], [])
        digests: dict[str, str] = {}
        self._note(tally, len(sources), told, finished=False)
        async with Pipeline(caps=self._caps, children=self._children) as pipeline:
            async for outcome in pipeline.read_all(self._unknown(sources, digests, tally)):
                self._keep(outcome, digests[outcome.name], tally)
                if time.monotonic() - tally.noted > _NOTE_S:
                    self._note(tally, len(sources), told, finished=False)
        self._note(tally, len(sources), told, finished=True)
        return Ingested(run=self._run, reports=tuple(tally.reports), known=tally.known, pages=tally.pages, failures=tuple(tally.failures))

    def _unknown(self, sources: Iterable[Source], digests: dict[str, str], tally: _Tally) -> Iterable[Source]:
        for source in sources:
            try:
                digest = _digest(source)
            except OSError as error:
                message = f"{source.name}: {error.strerror or error}"
                tally.failures.append(Failure(name=source.name, code="unreadable", message=message))
                tally.done += 1
                continue
            if digest in digests.values() or self._shelf.has(digest):
                tally.known += 1
                tally.done += 1
                continue
            digests[source.name] = digest
            yield source

    def _keep(self, outcome: Outcome, digest: str, tally: _Tally) -> None:
        tally.done += 1
        tally.failures += outcome.failures
        tally.reports += self._shelf.add(outcome.reports, digest, self._actor, tlp=self._tlp)
        tally.pages += sum(len(report.document.pages) for report in outcome.reports)

    def _note(self, tally: _Tally, total: int, told: Callable[[RunRow], None], *, finished: bool) -> None:
        tally.noted = time.monotonic()
        row = RunRow(
            id=self._run,
            person=self._actor.id,
            begun=self._begun,
            seen=time.time(),
            total=total,
            done=tally.done,
            failed=len(tally.failures),
            known=tally.known,
            pages=tally.pages,
            finished=finished,
            failures=msgspec.msgpack.encode(tally.failures[-50:]),
        )
        self._shelf.note(row)
        told(row)


async def fetched(urls: Iterable[str], *, private: Collection[str]) -> AsyncIterator[Source | Failure]:
    """Yield what addresses give, one after the other; what can't be fetched is a failure."""
    for url in urls:
        try:
            got = await fetch(url, private=private)
        except BartizanError as error:
            yield Failure(name=url, code=getattr(error, "code", "unreachable"), message=str(error))
        else:
            yield Source(name=got.url, data=got.data)
        await asyncio.sleep(0)


def _digest(source: Source) -> str:
    if source.path is None:
        return hashlib.sha256(source.data).hexdigest()
    with source.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
