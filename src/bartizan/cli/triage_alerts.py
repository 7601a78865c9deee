"""``bartizan triage alerts``: a file of alerts in, a line for every incident and every suppressed group out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import say


def add_to(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("alerts")(alerts)


def alerts(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="Alerts: .csv, .jsonl, also packed as .xz, .gz or .zst", exists=True, dir_okay=False),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="JSON lines, one an incident or suppressed group", dir_okay=False)],
) -> None:
    """Make incidents of a file of alerts; every row is in one incident or one suppressed group."""
    from bartizan.workbench.triage.incident import Triage
    from bartizan.workbench.triage.incident.lines import encode
    from bartizan.workbench.triage.incident.rows import read

    triage = Triage()
    for alert in read(source):
        triage.take(alert)
    outcome = triage.conclude()
    with target.open("wb") as out:
        out.writelines(encode(outcome))
    raised = len(outcome.incidents)
    say(f"{outcome.alerts} alerts: {raised} incidents, {len(outcome.groups)} suppressed groups")
