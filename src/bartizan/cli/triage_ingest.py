"""``bartizan triage ingest``: what log files are, how many records they hold, and what could not be read."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer

from bartizan.cli.terminal import Json, emit, safe, say

if TYPE_CHECKING:
    from bartizan.workbench.triage.ingest import Item, Malformed, Recognised

Form = Annotated[str, typer.Option("--form", help="Read as this format instead of recognising it; --form help lists them")]
_SHOWN = 10
_EVERY = 100_000
_POLL_S = 1.0


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many records there are of one format and log source."""

    form: str
    product: str
    category: str
    service: str
    records: int


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What a run read. ``malformed`` counts by reason; ``undated`` are records without a time."""

    sources: tuple[Recognised, ...]
    records: int
    alerts: int
    undated: int
    counts: tuple[Count, ...]
    malformed: dict[str, int]


def add_to(app: typer.Typer) -> None:
    """Mount the commands of this file."""
    app.command("ingest")(ingest)


def ingest(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, archives, or - for standard input")],
    form: Form = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the records as JSON lines", dir_okay=False)] = None,
    malformed: Annotated[
        Path | None, typer.Option("--malformed", help="Write what could not be read, with reasons", dir_okay=False)
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and read what is added; records go to --out or standard output")] = False,
    state: Annotated[Path | None, typer.Option("--state", help="With --watch: where it is kept how far was read", dir_okay=False)] = None,
    json: Json = False,
) -> None:
    """Read logs: say what each source was taken for and why, count its records, and keep what could not be read."""
    if form == "help":
        _list_forms()
        return
    if watch:
        _follow([Path(path) for path in paths], form, out, state)
        return
    sources: list[Recognised] = []
    with ExitStack() as stack:
        records = stack.enter_context(out.open("wb")) if out else None
        flawed = stack.enter_context(malformed.open("wb")) if malformed else None
        read = _count(items_of(paths, form, sources), sources, records, flawed)
    emit(read) if json else _show(read)


def _follow(paths: list[Path], form: str, out: Path | None, state: Path | None) -> None:
    """Write records as JSON lines as they come, until interrupted; how far was read is kept after they were written."""
    from bartizan.workbench.triage.ingest.registry import form_of
    from bartizan.workbench.triage.ingest.watch import Follower
    from bartizan.workbench.triage.record import LogRecord

    if form:
        form_of(form)
    follower = Follower(paths, state=state, form=form or None)
    with ExitStack() as stack:
        stack.callback(follower.close)
        target = stack.enter_context(out.open("ab")) if out else sys.stdout.buffer
        while True:
            count = flawed = 0
            for item in follower.poll(lambda one: say(f"{safe(one.source)}: {one.form or 'not read'}: {safe(one.reason)}")):
                if isinstance(item, LogRecord):
                    count += 1
                    target.write(msgspec.json.encode(item) + b"\n")
                else:
                    flawed += 1
            target.flush()
            follower.keep()
            if count or flawed:
                say(f"{count} records, {flawed} alerts of other tools or malformed")
            time.sleep(_POLL_S)


def items_of(paths: list[str], form: str, sources: list[Recognised]) -> Iterator[Item]:
    """Yield what paths hold, ``-`` being standard input; what each source was taken for is added to ``sources``."""
    from bartizan.workbench.triage.ingest import read
    from bartizan.workbench.triage.ingest.evtx import Warm

    with Warm() as warm:
        for path in paths:
            what = sys.stdin.buffer if path == "-" else [Path(path)]
            yield from read(what, form=form or None, told=sources.append, warm=warm)


def _count(items: Iterator[Item], sources: list[Recognised], out: BinaryIO | None, flawed: BinaryIO | None) -> Read:
    from bartizan.workbench.triage.ingest import Malformed
    from bartizan.workbench.triage.record import LogRecord

    counts: Counter[tuple[str, str, str, str]] = Counter()
    reasons: Counter[str] = Counter()
    alerts = undated = 0
    encode = msgspec.json.encode
    for done, item in enumerate(items, 1):
        if isinstance(item, LogRecord):
            counts[item.form, item.logsource.product, item.logsource.category, item.logsource.service] += 1
            undated += item.at is None
            if out is not None:
                out.write(encode(item) + b"\n")
        elif isinstance(item, Malformed):
            reasons[item.reason] += 1
            if flawed is not None:
                flawed.write(encode(_kept(item)) + b"\n")
        else:
            alerts += 1
        if done % _EVERY == 0:
            say(f"{done} records")
    rows = tuple(Count(form=f, product=p, category=c, service=s, records=n) for (f, p, c, s), n in counts.most_common())
    return Read(
        sources=tuple(sources),
        records=sum(counts.values()),
        alerts=alerts,
        undated=undated,
        counts=rows,
        malformed=dict(reasons.most_common()),
    )


def _kept(item: Malformed) -> dict[str, str]:
    kept = {name: getattr(item, name) for name in ("id", "source", "form", "reason", "detail")}
    return kept | {"raw": item.raw.decode("utf-8", "backslashreplace")}


def _show(read: Read) -> None:
    from bartizan.cli.office import columns

    for source in read.sources[:_SHOWN]:
        packed = f" ({source.container})" if source.container else ""
        say(f"{safe(source.source)}{packed}: {source.form or 'not read'}: {safe(source.reason)}")
    if len(read.sources) > _SHOWN:
        say(f"... and {len(read.sources) - _SHOWN} more sources")
    rows = [
        {
            "form": row.form,
            "product": row.product or "-",
            "category": row.category or "-",
            "service": row.service or "-",
            "records": row.records,
        }
        for row in read.counts[:40]
    ]
    if rows:
        sys.stdout.write(columns(rows) + "\n")
    flaws = ", ".join(f"{count} {reason}" for reason, count in read.malformed.items()) or "none malformed"
    say(f"{read.records} records, {read.alerts} alerts of other tools, {read.undated} without a time; {flaws}")


def _list_forms() -> None:
    from bartizan.workbench.triage.ingest import FORMS

    for name, form in FORMS.items():
        sys.stdout.write(f"{name:<10} {form.title}\n")
