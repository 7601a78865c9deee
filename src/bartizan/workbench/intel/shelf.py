"""The corpus: reports on record in the ledger, and the searchable copy of them that follows it.

A report is ingested when its event is durable; its text and findings are the event's content, sealed under the key of whoever brought
it. The copy in ``intel.db`` is made from that, catches up by itself, and forgets a report once its content is erased or it is removed.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import zstandard

from bartizan.errors import RefusedError, StoreError
from bartizan.event import ContentErased, ContentRead, Envelope, ReportIngested, ReportRemoved, ReportsExported, envelope, kind_of
from bartizan.identity import Principal
from bartizan.store import Passage, ReportRow, RunRow, SqliteCorpus
from bartizan.workbench.intel.document import TLP, Document, Tlp
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.salience import spans_of

_KINDS: Final = tuple(kind_of(kind) for kind in (ReportIngested, ReportRemoved, ContentErased))
_OPENED: Final = 300
"""Reports that are kept decoded; pages over many of them would unpack each again."""
_PASSAGE: Final = 700
_MOST_BYTES: Final = 1 << 30
_reports: Final = msgspec.msgpack.Decoder(Report)


class Followed(Protocol):
    """What the corpus needs of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def events(self, *, after: int = -1, kinds: Collection[str] | None = None, limit: int | None = None) -> Iterator[tuple[int, Envelope]]:
        """Yield facts past an entry."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content, None once it is erased."""
        ...


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a report."""

    id: str
    name: str
    title: str
    media: str
    tlp: str
    pages: int
    size: int
    published: str
    at: float
    account: str
    person: str
    indicators: int
    techniques: tuple[str, ...]
    names: tuple[str, ...]
    flags: tuple[str, ...]


_heads: Final = msgspec.msgpack.Decoder(Head)


class Shelf:
    """Reports of one data directory; ``clock`` gives UTC seconds."""

    def __init__(self, ledger: Followed, path: Path, *, unmarked: Tlp = "amber", clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._corpus = SqliteCorpus(path)
        self._clock = clock
        self._opened: OrderedDict[str, Report] = OrderedDict()
        self.unmarked: Tlp = unmarked

    def close(self) -> None:
        """Let go of the corpus."""
        self._corpus.close()

    def catch_up(self) -> None:
        """Bring the copy to where the ledger is."""
        after = last = self._corpus.after()
        have = {row.id: row for row in self._corpus.heads()} if after >= 0 else {}
        missing: list[tuple[int, Envelope, ReportIngested]] = []
        gone: list[str] = []
        erased = False
        for seq, entry in self._ledger.events(after=after, kinds=_KINDS):
            last = seq
            match entry.body:
                case ReportIngested() as body if body.report not in have or have[body.report].seq < seq:
                    missing.append((seq, entry, body))
                case ReportRemoved(report=report):
                    gone.append(report)
                    missing = [item for item in missing if item[2].report != report]
                case ContentErased():
                    erased = True
                case _:
                    pass
        if missing:
            self._restore(missing)
        if erased:
            gone += [row.id for row in self._corpus.heads() if self._ledger.content(row.seq) is None]
        if gone:
            self._corpus.remove(gone)
        if last > after:
            self._corpus.move_to(last)

    def add(self, reports: Sequence[Report], source: str, actor: Principal, *, tlp: Tlp | None = None) -> list[str]:
        """Put reports of one file on record and on the shelf, all or none; returns their ids. Raises StoreError."""
        marked = [_marked(report, tlp) for report in reports]
        items = [(self._event(report, source, actor), _pack(report)) for report in marked]
        if not items:
            return []
        places = self._ledger.append_now(*items)
        for seq, (entry, body), report in zip(places, items, marked, strict=True):
            self._keep(report, body, seq, source, entry)
        return [report.document.id for report in marked]

    def remove(self, report: str, actor: Principal, *, reason: str) -> None:
        """Take a report off the shelf; the record keeps that it was there. Raises RefusedError 404."""
        if self._corpus.get(report) is None:
            raise missing_report(report)
        self._ledger.append_now(
            envelope(ReportRemoved(report=report, reason=reason), tenant=actor.tenant, actor=actor.id, account=actor.account)
        )
        self._corpus.remove([report])

    def exported(self, data: bytes, form: str, tlp: str, reports: Sequence[str], actor: Principal) -> None:
        """Put on record that something is handed on, before it is."""
        body = ReportsExported(form=form, tlp=tlp, reports=tuple(reports), sha256=hashlib.sha256(data).hexdigest())
        self._ledger.append_now(envelope(body, tenant=actor.tenant, actor=actor.id, account=actor.account))

    def has(self, source: str) -> bool:
        """Say whether a file with this SHA-256 has been read before."""
        return self._corpus.has_source(source)

    def heads(self) -> list[Head]:
        """Return what lists show, oldest first."""
        return [_heads.decode(row.head) for row in self._corpus.heads()]

    def get(self, report: str) -> Report:
        """Return a report; raises RefusedError 404."""
        if report in self._opened and self._corpus.has(report):
            return self._opened[report]
        row = self._corpus.get(report)
        if row is None:
            raise missing_report(report)
        self._opened[report] = _unpack(row.body)
        while len(self._opened) > _OPENED:
            self._opened.popitem(last=False)
        return self._opened[report]

    @property
    def corpus(self) -> SqliteCorpus:
        """The searchable copy."""
        return self._corpus

    def note(self, run: RunRow) -> None:
        """Say how far an ingestion is."""
        self._corpus.note(run)

    def level(self, head: Head) -> int:
        """Return a report's TLP as a number, 0 clear to 4 red; unmarked ones count as set."""
        return TLP.index(head.tlp or self.unmarked)

    def _event(self, report: Report, source: str, actor: Principal) -> Envelope:
        document, found = report.document, report.analysis
        body = ReportIngested(
            report=document.id,
            source=source,
            media=document.media,
            pages=len(document.pages),
            size=document.size,
            tlp=document.tlp,
            indicators=len(found.indicators),
            techniques=tuple(item.id for item in found.techniques),
            flags=tuple(flag.kind for flag in document.flags),
        )
        return envelope(body, tenant=actor.tenant, actor=actor.id, account=actor.account, correlation=document.id, at=self._clock())

    def _keep(self, report: Report, body: bytes, seq: int, source: str, entry: Envelope) -> None:
        head = msgspec.msgpack.encode(_head(report, entry))
        row = ReportRow(
            id=report.document.id, seq=seq, source=source, account=entry.account, person=entry.actor, at=entry.at, head=head, body=body
        )
        self._corpus.add(row, list(passages(report.document)))

    def _restore(self, missing: Sequence[tuple[int, Envelope, ReportIngested]]) -> None:
        """Make the copy again from content; that it is read goes on record first."""
        read = ContentRead(entries=tuple(seq for seq, _, _ in missing), purpose="intel: make the searchable copy")
        self._ledger.append_now(envelope(read))
        for seq, entry, body in missing:
            packed = self._ledger.content(seq)
            if packed is not None:
                self._keep(_unpack(packed), packed, seq, body.source, entry)


def missing_report(report: str) -> RefusedError:
    """Return the refusal for a report that is not there."""
    return RefusedError(f"there is no report {report[:80]}", code="not_found", status=404, hint="bartizan intel list")


def passages(document: Document) -> Iterator[Passage]:
    """Yield the text to search: neighbouring sentences of a page, up to 700 characters; masked text is not found."""
    text = document.evidence_text()
    begin = end = -1
    for a, b in spans_of(document):
        if begin >= 0 and (b - begin > _PASSAGE or document.page_of(a) != document.page_of(begin)):
            yield Passage(start=begin, end=end, text=text[begin:end])
            begin = -1
        begin = a if begin < 0 else begin
        end = b
    if begin >= 0:
        yield Passage(start=begin, end=end, text=text[begin:end])


def _marked(report: Report, tlp: Tlp | None) -> Report:
    """A level may be raised by whoever brings the report, never lowered below what the text states."""
    stated = report.document.tlp
    if tlp is None or (stated and TLP.index(stated) >= TLP.index(tlp)):
        return report
    return msgspec.structs.replace(report, document=msgspec.structs.replace(report.document, tlp=tlp))


def _head(report: Report, entry: Envelope) -> Head:
    document, found = report.document, report.analysis
    names = [
        entity.name for entity in sorted(found.entities, key=lambda item: -item.count) if entity.kind in {"actor", "malware", "tool", "cve"}
    ]
    return Head(
        id=document.id,
        name=document.name,
        title=document.title,
        media=document.media,
        tlp=document.tlp,
        pages=len(document.pages),
        size=document.size,
        published=document.published,
        at=entry.at,
        account=entry.account,
        person=entry.actor,
        indicators=len(found.indicators),
        techniques=tuple(item.id for item in found.techniques),
        names=tuple(names[:8]),
        flags=tuple(sorted({flag.kind for flag in document.flags})),
    )


def _pack(report: Report) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(report))


def _unpack(packed: bytes) -> Report:
    try:
        return _reports.decode(zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MOST_BYTES))
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise StoreError(f"a report on record can't be read: {error}", hint="bartizan ledger verify") from error
