"""``bartizan guard``: score texts, evaluate detectors by source, train weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bartizan.cli.terminal import Json, emit, say
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
    from bartizan.guard.scoring import score_file
    from bartizan.policy import parse_rows, shipped

    count = score_file(source, target, actions=parse_rows(shipped().rows), origin=origin)
    say(f"{count} rows")


@app.command("eval")
def evaluate(
    data: Annotated[Path, typer.Option(help="Directory of labelled rows")],
    weights: Annotated[Path | None, typer.Option(help="Directory of weights [default: the shipped ones]")] = None,
    most: Annotated[int, typer.Option(min=1, help="Rows of each source, label and origin")] = 300,
    json: Json = False,
) -> None:
    """Measure the classifiers source by source, with 95 % intervals. A source that the weights were trained on is named as seen."""
    import msgspec

    from bartizan.bench.report import render
    from bartizan.guard.learned import Cascade
    from bartizan.guard.rowfile import read_directory
    from bartizan.guard.training.evaluate import evaluate as run
    from bartizan.guard.training.evaluate import sample

    cascade = Cascade.load(weights)
    card = msgspec.json.decode((cascade.heads.weights.directory / "card.json").read_bytes())
    heads = {"injection": "injection/user", "misuse": "misuse"}
    budgets = cascade.heads.weights.manifest.budgets
    limits = {head: cascade.heads.threshold(head, "user", budgets[name]["public"], stage=cascade.stage) for head, name in heads.items()}

    def scorer(row: Any) -> dict[str, float]:  # noqa: ANN401 - a row; its type is imported above only
        scores = cascade.score(row.text, origin=row.origin)
        return {"injection": scores.injection, "misuse": scores.misuse}

    rows = sample([row for row in read_directory(data) if row.label in {"benign", "injection", "cyber_misuse"}], most)
    found = run("bartizan", scorer, rows, limits=limits)
    seen = sorted({row.source for row in rows} & set(card["rows"]))
    if json:
        emit({"evaluation": found, "seen": seen})
        return
    sys.stdout.write(render(found) + "\n")
    sys.stdout.write(f"seen in training, so no measure of unseen data: {', '.join(seen) or 'none'}\n")


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Directory of labelled rows")],
    out: Annotated[Path, typer.Option(help="Directory for the weights")],
    encoder: Annotated[
        Path | None, typer.Option(help="Directory with encoder.onnx and vocab.txt; without it there is no second stage")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the work; the weights are the same")] = 1,
) -> None:
    """Train weights from labelled rows and our generator; needs the extra train."""
    try:
        from bartizan.guard.training.train import train as run
    except ImportError as error:
        raise ConfigError(f"training needs {error.name}", hint="pip install 'bartizan[train]'") from error
    from bartizan import __version__
    from bartizan.guard.rowfile import read_directory
    from bartizan.guard.training.corpus import known_sources

    trained = run(read_directory(data), known_sources(), out, version=__version__, encoder=encoder, jobs=jobs)
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
