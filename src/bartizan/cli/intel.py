"""``bartizan intel``: reports in; indicators, techniques, actors and a brief out, every statement with its quote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Threat intelligence: what reports say, each statement with its quote.")


Reports = Annotated[list[str] | None, typer.Option("--report", help="Only this report, by id or its beginning; may be repeated")]
Tlp = Annotated[str, typer.Option("--tlp", help="Count reports that state a milder level, or none, as this one")]


@app.command()
def extract(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Rows with a text: .jsonl, .jsonl.gz, .jsonl.zst or .csv.xz", exists=True, dir_okay=False)
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="JSON lines, one a row, in the order of the rows", dir_okay=False)],
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue of techniques in place of the shipped one", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Write the indicators, techniques and entities of every row, with their places in its text."""
    from bartizan.workbench.intel.extract import attack, rows

    techniques = attack.catalogue.load(catalogue) if catalogue else None
    with target.open("wb") as out:
        say(f"{rows.write(rows.read(source), out, techniques)} rows")


@app.command()
def catalogue(
    bundles: Annotated[
        list[Path], typer.Argument(metavar="BUNDLE...", help="STIX bundles of ATT&CK, one a domain", exists=True, dir_okay=False)
    ],
    target: Annotated[Path, typer.Option("--out", help="Where the catalogue is written", dir_okay=False)],
) -> None:
    """Make a catalogue of techniques from newer STIX bundles of ATT&CK, for intel extract --catalogue."""
    from bartizan.workbench.intel.extract.attack import catalogue as catalogues

    made = catalogues.from_bundles(bundles)
    target.write_bytes(catalogues.encode(made))
    say(f"{len(made.techniques)} techniques: {', '.join(f'{domain} {version}' for domain, version in made.versions.items())}")


@app.command()
def ingest(
    sources: Annotated[list[str], typer.Argument(metavar="PATH|URL...", help="Files, folders and addresses")],
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and read what is added to the folders")] = False,
    tlp: Tlp = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Read reports onto the shelf; what was read before is skipped, so a run that was stopped goes on where it was."""
    from bartizan.cli.intel_desk import desk, run_ingest

    with desk(data, config, key) as at:
        done = run_ingest(at, sources, watch=watch, tlp=tlp)
    emit(done) if json else say(
        f"{len(done.reports)} reports, {done.pages} pages; {done.known} files known before, {len(done.failures)} failed"
    )


@app.command("list")
def list_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List the reports that you may read."""
    from bartizan.cli.intel_desk import desk
    from bartizan.cli.office import columns

    with desk(data, config, key) as at:
        heads = at.reading.heads()
    rows = [
        {
            "report": h.id[:16],
            "tlp": h.tlp or "-",
            "pages": h.pages,
            "found": h.indicators,
            "flags": len(h.flags),
            "title": (h.title or h.name)[:70],
        }
        for h in heads
    ]
    emit(heads) if json else sys.stdout.write(columns(rows) + "\n")


@app.command()
def brief(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files and folders to read now, without keeping them [default: the shelf]")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write statements with their citations to this file, one a line; - for stdout")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Statements to print for each part")] = 12,
    model: Annotated[str, typer.Option(help="Let this model write statements, each bound to its quotes [default: quotes only]")] = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Say what reports say, in their own words, with page and place."""
    from bartizan.cli import intel_print
    from bartizan.workbench.intel import brief as brief_of
    from bartizan.workbench.intel import offline

    if paths:
        reading = offline.read([Path(path) for path in paths], say=say)
        reports = reading.reports
        for failure in reading.failures:
            say(f"{safe(failure.name)}: {failure.code}: {safe(failure.message)}")
        made = brief_of(reports)
    else:
        from bartizan.cli.intel_desk import desk, told_by

        with desk(data, config, key) as at:
            reports = tuple(at.reading.reports())
            made = brief_of(reports, unmarked=at.settings.unmarked_tlp)
            if chosen := model or at.settings.model:
                made = told_by(at, chosen, made, reports, key)
    if json is None:
        sys.stdout.write(intel_print.brief(made, reports, limit=limit))
    else:
        intel_print.lines(made.statements, json)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="What to look for")],
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Find quotes in the reports that you may read."""
    from bartizan.cli import intel_print
    from bartizan.cli.intel_desk import desk
    from bartizan.workbench.intel import ask as asking

    with desk(data, config, key) as at:
        hits = asking.search(at.shelf.corpus, at.reading.reader(), " ".join(words), limit=limit)
    emit(hits) if json else sys.stdout.write(intel_print.hits(hits))


@app.command()
def ask(
    question: Annotated[list[str], typer.Argument(help="In your words")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Answer with quotes, or say that the corpus does not."""
    from bartizan.cli import intel_print
    from bartizan.cli.intel_desk import desk
    from bartizan.workbench.intel import ask as asking

    with desk(data, config, key) as at:
        answer = asking.ask(at.shelf.corpus, at.reading.reader(), " ".join(question))
    emit(answer) if json else sys.stdout.write(intel_print.hits(answer.quotes) if answer.quotes else answer.verdict + "\n")


@app.command()
def hunt(
    reports: Reports = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the Sigma and YARA drafts into this folder")] = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Say where to look, and draft Sigma and YARA rules that their own parsers accept."""
    from bartizan.cli import intel_print
    from bartizan.cli.intel_desk import chosen, desk
    from bartizan.workbench.intel.export import hunts

    with desk(data, config, key) as at:
        found = hunts(chosen(at, reports))
    if out is not None:
        intel_print.drafts(found, out)
    emit(found) if json else sys.stdout.write(intel_print.hunts(found))


@app.command()
def export(
    form: Annotated[str, typer.Argument(metavar="stix|misp|navigator|csv|jsonl|md|guard", help="Which format")],
    reports: Reports = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write [default: stdout]")] = None,
    tlp: Annotated[str, typer.Option("--tlp", help="What the audience may see: clear, green, amber, amber+strict or red")] = "amber",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Hand on what was found; reports above the audience's level stay behind, and the export is on record."""
    from bartizan.cli.intel_desk import desk, run_export

    with desk(data, config, key) as at:
        made = run_export(at, form, reports, tlp)
    if out is None:
        sys.stdout.buffer.write(made)
    else:
        out.write_bytes(made)
        say(f"{len(made)} bytes in {out}")


@app.command()
def remove(
    report: Annotated[str, typer.Argument(help="Report id")],
    reason: Annotated[str, typer.Option("--reason", help="Why; goes on record")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Take a report off the shelf; the record keeps that it was there."""
    from bartizan.cli.intel_desk import chosen, desk

    with desk(data, config, key) as at:
        at.office.permit(at.actor, "report.ingest")
        for each in chosen(at, [report]):
            at.shelf.remove(each.document.id, at.actor, reason=reason)
            say(f"{each.document.id} is removed")


@app.command()
def text(path: Annotated[Path, typer.Argument(help="One file")]) -> None:
    """Print the canonical text of a file's documents as JSON lines: what the offsets of every citation count."""
    from bartizan.cli import intel_print
    from bartizan.workbench.intel import offline

    reading = offline.read([path], say=say)
    for failure in reading.failures:
        say(f"{safe(failure.name)}: {failure.code}: {safe(failure.message)}")
    intel_print.lines([report.document for report in reading.reports], Path("-"))
    if not reading.reports:
        raise typer.Exit(1)
