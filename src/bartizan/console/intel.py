"""Threat reports: what is on the shelf, one report with its findings marked in the text, and quotes for a question."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from markupsafe import Markup

from bartizan.console.parts import Ask, Page, Parts, allowed, record
from bartizan.console.visible import marked
from bartizan.errors import RefusedError
from bartizan.store import RunRow
from bartizan.workbench.intel import ask as asking
from bartizan.workbench.intel.ask import Answer, Hit
from bartizan.workbench.intel.document import Failure, Flag
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.reading import Desk
from bartizan.workbench.intel.shelf import Head

_MOST = 500
_PAGES = 3
_failures: msgspec.msgpack.Decoder[list[Failure]] = msgspec.msgpack.Decoder(list[Failure])


class RunShown(msgspec.Struct, frozen=True, kw_only=True):
    """One ingestion: files done of all, and the last failures."""

    id: str
    begun: float
    total: int
    done: int
    known: int
    pages: int
    finished: bool
    failures: tuple[Failure, ...]


class Shelved(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON, newest first, and what is being read."""

    reports: tuple[Head, ...]
    runs: tuple[RunShown, ...]


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """Something found in a report: ``why`` is its tier and reason or its confidence, ``start`` its first place."""

    group: str
    name: str
    detail: str
    why: str
    count: int
    page: int
    start: int


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """One report as JSON: some of its pages, and everything found in all of it."""

    head: Head
    first: int
    last: int
    text: str
    offset: int
    flags: tuple[Flag, ...]
    things: tuple[Thing, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Quotes for words, and whether they answer the question."""

    query: str
    answer: Answer
    hits: tuple[Hit, ...]


def desk_of(parts: Parts, ask: Ask) -> Desk:
    """Return the shelf as the person may see it; raises RefusedError 404 where there is none."""
    if parts.shelf is None:
        raise RefusedError("there is no shelf of reports here", code="not_found", status=404, hint="bartizan intel ingest")
    parts.shelf.catch_up()
    tier = parts.directory.tier(ask.who, requested=None, at=ask.at)
    return Desk(parts.shelf, parts.policy, ask.who, tier.rank)


def reports(parts: Parts, ask: Ask) -> Page:
    """Show the reports a person may read, and what is being read."""
    if parts.shelf is None:
        return Page(template="intel.html", title="Intelligence", body=Shelved(reports=(), runs=()), extra={"may_bring": False})
    heads = desk_of(parts, ask).heads()
    runs = tuple(_run(row) for row in parts.shelf.corpus.runs()[:5])
    may_bring = allowed(parts, ask, "report.ingest", record(parts, ask))
    body = Shelved(reports=tuple(reversed(heads[-_MOST:])), runs=runs)
    return Page(
        template="intel.html",
        title="Intelligence",
        body=body,
        extra={"may_bring": may_bring, "busy": any(not run.finished for run in runs)},
    )


def search(parts: Parts, ask: Ask) -> Page:
    """Show quotes for a question; none is made up."""
    query = ask.query.get("q", "").strip()[:500]
    answer = Answer(question=query, quotes=(), verdict="")
    hits: tuple[Hit, ...] = ()
    if query and parts.shelf is not None:
        reading = desk_of(parts, ask).reader()
        answer = asking.ask(parts.shelf.corpus, reading, query)
        hits = asking.search(parts.shelf.corpus, reading, query)
    return Page(template="intel_search.html", title="Search", body=Found(query=query, answer=answer, hits=hits))


def reader(parts: Parts, ask: Ask) -> Page:
    """Show a report's text with everything found in it marked."""
    desk = desk_of(parts, ask)
    report = desk.report(ask.path["id"])
    head = next(each for each in desk.heads() if each.id == report.document.id)
    count = len(report.document.pages)
    asked = ask.query.get("page", "1")
    first = min(max(int(asked), 1), count) if asked.isdigit() and len(asked) < 7 else 1
    last = min(first + _PAGES - 1, count)
    begin = report.document.pages[first - 1]
    end = report.document.pages[last] if last < count else len(report.document.text)
    body = Reader(
        head=head,
        first=first,
        last=last,
        text=report.document.text[begin:end],
        offset=begin,
        flags=report.document.flags,
        things=tuple(_things(report)),
    )
    extra = {"html": _lit(report, begin, end), "pages": count, "step": _PAGES}
    return Page(template="intel_reader.html", title=head.title or head.name, body=body, extra=extra)


def _run(row: RunRow) -> RunShown:
    failures = tuple(_failures.decode(row.failures))
    return RunShown(
        id=row.id,
        begun=row.begun,
        total=row.total,
        done=row.done,
        known=row.known,
        pages=row.pages,
        finished=row.finished,
        failures=failures,
    )


def _things(report: Report) -> Iterable[Thing]:
    found = report.analysis
    for entity in found.entities:
        quote = entity.evidence[0]
        why = "exploited, says CISA" if entity.exploited else entity.id or "named in the text"
        yield Thing(group=entity.kind, name=entity.name, detail="", why=why, count=entity.count, page=quote.page, start=quote.start)
    for technique in found.techniques:
        quote = technique.evidence[0]
        why = f"{technique.how}, {technique.p:.2f}"
        yield Thing(
            group="technique", name=technique.id, detail=technique.name, why=why, count=technique.count, page=quote.page, start=quote.start
        )
    for item in (*found.indicators, *found.aside):
        page, start = (item.evidence[0].page, item.evidence[0].start) if item.evidence else (0, -1)
        group = "indicator" if item in found.indicators else "set aside"
        yield Thing(
            group=group, name=item.value, detail=item.kind, why=f"{item.tier}: {item.reason}", count=item.count, page=page, start=start
        )


def _lit(report: Report, begin: int, end: int) -> Markup:
    """Return text as Markup with findings in ``mark`` elements; where two overlap, the first and longer one stays."""
    text = report.document.text
    out: list[Markup] = []
    at = begin
    for start, finish, kind, title in sorted(_spans(report), key=lambda span: (span[0], -span[1])):
        if start < at or finish > end:
            continue
        out += [marked(text[at:start], lines=True)]
        inner = marked(text[start:finish], lines=True)
        out.append(Markup('<mark class="{}" title="{}" id="at-{}">{}</mark>').format(kind, title, start, inner))
        at = finish
    out.append(marked(text[at:end], lines=True))
    return Markup("").join(out)


def _spans(report: Report) -> Iterable[tuple[int, int, str, str]]:
    for start, end in report.document.masked:
        yield start, end, "planted", "not used: hidden, or written to the program that reads it"
    for item in report.analysis.indicators:
        yield from ((each.start, each.end, "indicator", f"{item.kind} {item.value}, {item.tier}: {item.reason}") for each in item.evidence)
    for entity in report.analysis.entities:
        yield from ((each.start, each.end, "entity", f"{entity.kind} {entity.name} {entity.id}") for each in entity.evidence)
    for technique in report.analysis.techniques:
        yield from (
            (each.start, each.end, "technique", f"{technique.id} {technique.name}, {technique.p:.2f}") for each in technique.evidence
        )


__all__ = ["desk_of", "reader", "reports", "search"]
