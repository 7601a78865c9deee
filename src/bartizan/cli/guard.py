"""``bartizan guard``: score texts, evaluate detectors by source, train weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bartizan.cli.terminal import say
from bartizan.errors import ConfigError

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
    encoder: Annotated[
        Path | None, typer.Option(help="Directory with encoder.onnx and vocab.txt; without it there is no second stage")
    ] = None,
) -> None:
    """Train weights from labelled rows and our generator; needs the extra train."""
    try:
        from bartizan.guard.training.train import train as run
    except ImportError as error:
        raise ConfigError(f"training needs {error.name}", hint="pip install 'bartizan[train]'") from error
    from bartizan import __version__
    from bartizan.guard.rowfile import read_directory
    from bartizan.guard.training.corpus import known_sources

    trained = run(read_directory(data), known_sources(), out, version=__version__, encoder=encoder)
    for name, found in trained.figures.items():
        sys.stdout.write(f"{name}: {found.summary()}\n")


@app.command()
def encoder(
    weights: Annotated[Path, typer.Argument(metavar="SAFETENSORS", help="Published weights of all-MiniLM-L6-v2")],
    vocabulary: Annotated[Path, typer.Argument(metavar="VOCAB", help="Its vocab.txt")],
    out: Annotated[Path, typer.Option(help="Directory for encoder.onnx and vocab.txt")],
) -> None:
    """Export the sentence encoder to ONNX with eight-bit weights; needs the extra train."""
    try:
        from bartizan.guard.training.minilm import export, load
    except ImportError as error:
        raise ConfigError(f"exporting needs {error.name}", hint="pip install 'bartizan[train]'") from error
    out.mkdir(parents=True, exist_ok=True)
    export(load(weights), out / "encoder.onnx")
    (out / "vocab.txt").write_bytes(vocabulary.read_bytes())
