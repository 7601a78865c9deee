"""``bartizan guard``: score texts, evaluate detectors by source, train weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, say, settings_file
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
def drift(
    hours: Annotated[float, typer.Option(help="Look back so many hours")] = 168.0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Say whether scores on live traffic still lie as they did when the weights were made, with the number of verdicts it rests on."""
    import time

    from bartizan.app import open_rooms
    from bartizan.app.tables import tables
    from bartizan.cli.office import Office, columns
    from bartizan.config import load
    from bartizan.gateway import projection
    from bartizan.guard.drift import compare, shipped_reference
    from bartizan.guard.learned import Heads

    with open_rooms(data_directory(data), load(settings_file(config))) as rooms:
        desk = Office(rooms)
        actor = desk.enter(key)
        desk.permit(actor, "exchange.list")
        state = tables(rooms)
        try:
            state.catch_up()
            now = time.time()
            span = projection.Span(tenant=actor.tenant, since=now - hours * 3600, until=now + 1)
            with state.read() as connection:
                counts, scores = projection.verdicts(connection, span), projection.scores(connection, span)
        finally:
            state.close()
    found = [
        compare(
            head,
            judged=sum(each.n - each.failed for each in counts if each.control == head),
            recorded={each.tenth: each.n for each in scores if each.control == head},
            histogram=histogram,
            least=least,
        )
        for head, (histogram, least) in shipped_reference(Heads.load()).items()
    ]
    if json:
        emit(found)
        return
    rows = [{"head": each.head, "n": each.n, "psi": "-" if each.psi is None else each.psi, "says": each.band} for each in found]
    sys.stdout.write(columns(rows) + "\n")


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
