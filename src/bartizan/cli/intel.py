"""``bartizan intel``: reports in; indicators, techniques, actors and a brief out, every statement with its quote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Threat intelligence: what reports say, each statement with its quote.")


@app.callback()
def _intel() -> None:
    """Keep the noun a group while it has one command."""


@app.command()
def extract(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Rows with a text: .jsonl, .jsonl.gz, .jsonl.zst or .csv.xz", exists=True, dir_okay=False)
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="JSON lines, one a row, in the order of the rows", dir_okay=False)],
) -> None:
    """Write the indicators, techniques and entities of every row, with their places in its text."""
    from bartizan.cli.terminal import say
    from bartizan.workbench.intel.extract import rows

    with target.open("wb") as out:
        say(f"{rows.write(rows.read(source), out)} rows")
