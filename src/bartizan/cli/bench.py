"""``bartizan bench``: measure this machine, and bartizan on it; nothing here runs in CI as a timing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bartizan.cli.terminal import Json, emit

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measure this machine, and bartizan on it. Figures are CPU time, counts and ratios of one run; each says where it was made.",
)

Rounds = Annotated[int, typer.Option(min=1, help="Rounds; the median is printed")]


@app.command()
def gateway(rounds: Rounds = 5, seconds: Annotated[float, typer.Option(help="Seconds a cell")] = 2.0, json: Json = False) -> None:
    """CPU per request with everything on, against an instant upstream; paced streams; memory; time to ready."""
    from bartizan.bench.gateway import measure

    _show(lambda: measure(rounds=rounds, seconds=seconds), as_json=json)


@app.command()
def ledger(
    what: Annotated[str, typer.Argument(help="append, verify, tamper or crash")] = "append",
    count: Annotated[int, typer.Option(help="Tamperings (10,000 in docs/benchmarks.md) or kills (200)")] = 0,
    json: Json = False,
) -> None:
    """Durable appends a second; tamperings found by the offline verifier; acknowledged records lost under kill -9."""
    match what:
        case "append":
            from bartizan.bench.ledger import append

            _show(append, as_json=json)
        case "verify":
            from bartizan.bench.ledger import verify

            _show(verify, as_json=json)
        case "tamper":
            from bartizan.bench.tamper import tamper

            _show(lambda: tamper(count or 1000), as_json=json)
        case "crash":
            from bartizan.bench.crash import crash

            _show(lambda: crash(count or 20), as_json=json)
        case _:
            raise typer.BadParameter("append, verify, tamper or crash")


@app.command()
def policy(requests: Annotated[int, typer.Option(help="Fuzzed requests")] = 100_000, rounds: Rounds = 9, json: Json = False) -> None:
    """CPU per policy decision, and agreement with a plain reference on fuzzed requests."""
    from bartizan.bench.policy import run

    _show(lambda: run(requests=requests, rounds=rounds), as_json=json)


@app.command()
def bypass(
    share: Annotated[float, typer.Option(min=0.001, max=1.0, help="Try a random share of the corpus")] = 1.0,
    disguises: Annotated[
        str, typer.Option(help="Spell the phrase in the ways of the independent catalogue: certain, likely or stretch")
    ] = "",
    seed: Annotated[int, typer.Option(help="Random choices of spellings, pieces and share")] = 1,
    json: Json = False,
) -> None:
    """Try to bring a blocked phrase past the gateway, in every field and disguise, streamed or not; count what came through."""
    from bartizan.bench.bypass import measure
    from bartizan.bench.disguise import DISGUISES

    strengths = {disguise.strength for disguise in DISGUISES}
    if disguises and disguises not in strengths:
        raise typer.BadParameter(", ".join(sorted(strengths)))
    if not disguises:
        _show(lambda: measure(share, seed=seed), as_json=json)
        return
    chosen = {disguise.id: disguise for disguise in DISGUISES if disguise.strength == disguises}
    ways = {key: disguise.apply for key, disguise in chosen.items()}
    _show(
        lambda: measure(share, transforms=ways, visible=lambda how, text: chosen[how].visible(text) if how in chosen else 0, seed=seed),
        as_json=json,
    )


@app.command()
def drills(json: Json = False) -> None:
    """Break the cascade on purpose (weights missing or changed, encoder slow or killed, queues full); count what passed unjudged."""
    from bartizan.bench.drills import measure

    _show(measure, as_json=json)


@app.command()
def evidence(
    files: Annotated[list[Path], typer.Argument(help="Benign texts: .jsonl, .jsonl.gz, .jsonl.zst or .csv.xz")],
    source: Annotated[list[str] | None, typer.Option(help="Only rows of this source; may be repeated")] = None,
    most: Annotated[int, typer.Option(min=1, help="At most so many rows of a source")] = 1000,
    json: Json = False,
) -> None:
    """Every control's rate of false positives on benign security work; what guard/data/evidence.json is made with."""
    from bartizan.bench.evidence import measure

    _show(lambda: measure(files, sources=source or (), most=most), as_json=json)


@app.command()
def outputs(
    benign: Annotated[
        list[Path] | None, typer.Option(help="Benign scripts (a folder) or texts (JSON lines) that training has not seen")
    ] = None,
    lures: Annotated[Path | None, typer.Option(help="Lures that training has not seen (JSON lines)")] = None,
    mails: Annotated[Path | None, typer.Option(help="Ordinary mails that training has not seen (JSON lines)")] = None,
    json: Json = False,
) -> None:
    """Malicious code against administration, and lures against mails: what the heads over answers catch at 1 % false positives."""
    from bartizan.bench.outputs import measure

    _show(lambda: measure(benign=benign or (), lures=lures, mails=mails), as_json=json)


@app.command()
def holdback(streams: Annotated[int, typer.Option(help="Random streams")] = 20_000, json: Json = False) -> None:
    """Bytes leaked and lost by the hold-back on random streams, and CPU per event on honest text."""
    from bartizan.bench.holdback import measure

    _show(lambda: measure(streams), as_json=json)


@app.command()
def identity(revocations: Annotated[int, typer.Option(help="Revocations to time")] = 100, rounds: Rounds = 9, json: Json = False) -> None:
    """CPU per authentication and tier, and the time until a revocation is known to who follows the record."""
    from bartizan.bench.identity import run

    _show(lambda: run(revocations=revocations, rounds=rounds), as_json=json)


@app.command()
def guard(
    data: Annotated[Path, typer.Option(help="Directory of labelled rows; sources that the weights have seen are left out")],
    most: Annotated[int, typer.Option(min=20, help="Rows of each source and label")] = 300,
    json: Json = False,
) -> None:
    """The text classifiers beside every self-contained peer that is installed, on sources that our weights have not seen."""
    from bartizan.bench.guard import measure

    _show(lambda: measure(data, most=most), as_json=json)


def _show(measure: Callable[[], Any], *, as_json: bool) -> None:
    from bartizan.bench.report import Run, machine, render

    where = machine()
    begun = time.monotonic()
    run = Run(command="bartizan " + " ".join(["bench", *_arguments()]), machine=where, seconds=0.0, figures=measure())
    if as_json:
        emit({**_plain(run), "seconds": round(time.monotonic() - begun, 1)})
        return
    took = f"{time.monotonic() - begun:.0f} s"
    typer.echo(f"{run.command}: {took} on {where.processor}, {where.cores} cores, load {where.load}, Python {where.python}")
    typer.echo(render(run.figures))


def _plain(run: object) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(run)
    return plain


def _arguments() -> list[str]:
    return sys.argv[sys.argv.index("bench") + 1 :] if "bench" in sys.argv else []
