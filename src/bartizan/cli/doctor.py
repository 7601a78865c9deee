"""``bartizan doctor``: is this machine fit, and if not, what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Settings, data_directory, emit, safe, settings_file

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    data: Data = None,
    config: Settings = None,
    settings: Annotated[bool, typer.Option("--settings", help="List every setting with its default instead")] = False,
    json: Json = False,
) -> None:
    """Check ports, clock, disk, keys, upstreams, controls and the record; exit 1 when something must be done."""
    if settings:
        from bartizan.config.describe import describe

        typer.echo(describe())
        return
    from bartizan.app.doctor import examine

    findings = examine(data_directory(data), settings_file(config))
    if json:
        emit(findings)
    else:
        for finding in findings:
            typer.echo(f"{finding.state:<5} {finding.check:<18} {safe(finding.found)}")
            if finding.do:
                typer.echo(f"{'':<5} {'':<18} -> {safe(finding.do)}")
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)
