"""``bartizan tour``: what bartizan does, shown and checked."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import Json, emit, safe

app = typer.Typer(add_completion=False)


@app.command()
def tour(
    data: Annotated[Path | None, typer.Option("--data", help="Keep the tour's data in this empty directory")] = None,
    json: Json = False,
) -> None:
    """Walk through what bartizan does, on sample data, in under two minutes; every claim is checked while it is shown.

    Starts the real gateway, console and keeper on free ports of this machine with a scripted model behind them, sends real requests, and
    removes everything afterwards. Exit code 1 when a step does not find what it promises.
    """
    from bartizan.tour import StepResult, walk

    def begin(number: int, count: int, title: str) -> None:
        sys.stderr.write(f"{number}/{count}  {title}\n")

    def end(result: StepResult) -> None:
        for line in result.seen:
            sys.stderr.write(f"     {safe(line)}\n")
        if result.failed:
            sys.stderr.write(f"     FAILED: {safe(result.failed)}\n")
        sys.stderr.write("\n")

    result = asyncio.run(walk(data, begin=begin, end=end))
    if json:
        emit(result)
    sys.stderr.write(f"{'done' if result.passed else 'failed'} in {result.seconds:.0f} s\n")
    if not result.passed:
        raise typer.Exit(1)
