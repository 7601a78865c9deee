"""``bartizan intel``: reports in; indicators, techniques, actors and a brief out, every statement with its quote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import safe, say

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Threat intelligence: what reports say, each statement with its quote.")


Paths = Annotated[list[str], typer.Argument(help="Files and folders")]


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
def brief(
    paths: Paths,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write statements with their citations to this file, one a line; - for stdout")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Statements to print for each part")] = 12,
) -> None:
    """Say what reports say, in their own words, with page and place; nothing is kept."""
    from bartizan.cli import intel_print
    from bartizan.workbench.intel import offline

    reading = offline.read([Path(path) for path in paths], say=say)
    made = offline.brief_of(reading)
    for failure in reading.failures:
        say(f"{safe(failure.name)}: {failure.code}: {safe(failure.message)}")
    if json is None:
        sys.stdout.write(intel_print.brief(made, reading.reports, limit=limit))
    else:
        intel_print.lines(made.statements, json)


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


@app.command()
def catalogue(
    bundles: Annotated[
        list[Path], typer.Argument(metavar="BUNDLE...", help="STIX bundles of ATT&CK, one a domain", exists=True, dir_okay=False)
    ],
    target: Annotated[Path, typer.Option("--out", help="Where the catalogue is written", dir_okay=False)],
) -> None:
    """Make a catalogue of techniques from newer STIX bundles of ATT&CK; intel extract --catalogue uses it."""
    from bartizan.workbench.intel.extract.attack import catalogue as catalogues

    made = catalogues.from_bundles(bundles)
    target.write_bytes(catalogues.encode(made))
    say(f"{len(made.techniques)} techniques: {', '.join(f'{domain} {version}' for domain, version in made.versions.items())}")
