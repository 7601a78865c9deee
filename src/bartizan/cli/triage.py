"""``bartizan triage``: logs in, incidents with evidence out. One file for each group of its commands."""

from __future__ import annotations

import typer

from bartizan.cli import triage_ingest

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Alerts: from log records to a few incidents, each with its evidence.")
app.command()(triage_ingest.ingest)


@app.callback()
def _commands() -> None:
    """Keep the name of a command even while there is only one."""
