"""``bartizan up``: everything on one machine with one command."""

from __future__ import annotations

from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Settings, data_directory, emit, say, settings_file

app = typer.Typer(add_completion=False)


@app.command(name="up")
def up(
    data: Data = None,
    config: Settings = None,
    port: Annotated[int | None, typer.Option(help="Gateway port [default: 8400, or from the settings]")] = None,
    console_port: Annotated[int | None, typer.Option(help="Console port [default: 8401, or from the settings]")] = None,
    observe: Annotated[
        bool, typer.Option("--observe", help="Put every control in shadow: nothing is blocked, everything is recorded")
    ] = False,
    no_local: Annotated[bool, typer.Option("--no-local", help="Do not start the local model")] = False,
    json: Json = False,
) -> None:
    """Start the gateway, the console and the local model; stop them all with Ctrl-C.

    The first start creates the data directory and an admin key, which is shown once. No settings file is needed; one named
    bartizan.toml in this folder is read if it is there.
    """
    from bartizan.app.up import Options, run_up

    options = Options(
        data=data_directory(data),
        config=settings_file(config),
        port=port,
        console_port=console_port,
        observe=observe,
        local=not no_local,
    )
    raise typer.Exit(run_up(options, say=say, emit=emit if json else None))
