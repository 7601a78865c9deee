"""``bartizan guard``: score texts, evaluate detectors by source, train weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bartizan.cli.terminal import say

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The learned detectors: score texts, measure by source, train weights.")

From = Literal["user", "tool", "document"]


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Rows with text: .jsonl, .jsonl.gz, .jsonl.zst or .csv.xz")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="JSON lines, one for each row, in order")],
    origin: Annotated[From | None, typer.Option(help="Where the texts stand; overrides a row's own field origin")] = None,
) -> None:
    """Judge each row with the shipped weights and say what each tier would do."""
    from bartizan.guard.learned.score import score_file

    count = score_file(source, target, origin=origin)
    say(f"{count} rows")


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Directory of labelled rows")],
    out: Annotated[Path, typer.Option(help="Directory for the weights")],
) -> None:
    """Train weights from labelled rows and our generator; needs the extra train."""
    try:
        from bartizan.guard.training.train import train as run
    except ImportError as error:
        from bartizan.errors import ConfigError

        raise ConfigError(f"training needs {error.name}", hint="pip install 'bartizan[train]'") from error
    from bartizan import __version__
    from bartizan.guard.rowfile import read_directory
    from bartizan.guard.training.corpus import known_sources

    manifest = run(read_directory(data), known_sources(), out, version=__version__)
    sys.stdout.write(f"{out}: heads {', '.join(manifest.heads)}\n")
