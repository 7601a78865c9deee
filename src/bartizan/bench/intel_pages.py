"""The whole chain from PDF to brief over a folder of PDFs, in the processes that do it: pages a minute and CPU a page."""

from __future__ import annotations

import gzip
import os
import random
import resource
import tempfile
import time
from pathlib import Path

import msgspec

from bartizan.bench.intel_corpus import paged, pdf, report
from bartizan.errors import ConfigError
from bartizan.workbench.intel import offline


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """One run. CPU is of the children that read and of the process that briefs, their starts included."""

    files: int
    pages: int
    failures: int
    statements: int
    wall_s: float
    cpu_s: float
    cpu_ms_per_page: float
    pages_per_minute_and_core: int
    load: float


def pages(data: Path | None, *, count: int = 1000, seed: int = 1) -> Pages:
    """Read every PDF under ``data``; without, or where it holds texts of pages (report_pages.jsonl.gz), PDFs made for this run."""
    with tempfile.TemporaryDirectory(prefix="bartizan-bench-") as scratch:
        folder = data
        if data is None or not any(data.rglob("*.pdf")):
            folder = Path(scratch)
            _make(folder, data, count, seed)
        return _measure(folder or Path(scratch))


def _measure(folder: Path) -> Pages:
    load = os.getloadavg()[0]
    before, begun = _cpu(), time.monotonic()
    reading = offline.read(sorted(folder.rglob("*.pdf")))
    made = offline.brief_of(reading)
    wall, cpu = time.monotonic() - begun, _cpu() - before
    read = sum(len(each.document.pages) for each in reading.reports)
    if not read:
        raise ConfigError(f"no page could be read under {folder}", hint="name a folder of PDFs")
    return Pages(
        files=len(reading.reports) + len(reading.failures),
        pages=read,
        failures=len(reading.failures),
        statements=len(made.statements),
        wall_s=round(wall, 2),
        cpu_s=round(cpu, 2),
        cpu_ms_per_page=round(1000 * cpu / read, 2),
        pages_per_minute_and_core=int(60 * read / cpu),
        load=round(load, 1),
    )


def _make(folder: Path, data: Path | None, count: int, seed: int) -> None:
    texts = data / "report_pages.jsonl.gz" if data is not None else None
    if texts is not None and texts.exists():
        made = 0
        with gzip.open(texts, "rb") as file:
            for number, line in enumerate(file):
                row = msgspec.json.decode(line)
                (folder / f"{number:04}.pdf").write_bytes(pdf([page.replace("\r", "").split("\n")[:48] for page in row["pages"]]))
                made += len(row["pages"])
                if made >= count:
                    return
        return
    chance = random.Random(seed)
    made = 0
    while made < count:
        body = paged(report(chance, paragraphs=chance.randrange(40, 160)).paragraphs)
        (folder / f"{made:06}.pdf").write_bytes(pdf(body))
        made += len(body)


def _cpu() -> float:
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    return spent
