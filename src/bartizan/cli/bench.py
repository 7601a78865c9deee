"""``bartizan bench``: measure this machine, and bartizan on it; nothing here runs in CI as a timing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bartizan.cli import bench_code
from bartizan.cli.terminal import Json, emit

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measure this machine, and bartizan on it. Figures are CPU time, counts and ratios of one run; each says where it was made.",
)

Rounds = Annotated[int, typer.Option(min=1, help="Rounds; the median is printed")]


@app.command()
def gateway(
    rounds: Rounds = 5,
    seconds: Annotated[float, typer.Option(help="Seconds a cell")] = 2.0,
    unseen: Annotated[bool, typer.Option("--unseen", help="No text twice, so that nothing is remembered")] = False,
    json: Json = False,
) -> None:
    """CPU per request with everything on, against an instant upstream; paced streams; memory; time to ready."""
    from bartizan.bench.gateway import measure

    _show(lambda: measure(rounds=rounds, seconds=seconds, unseen=unseen), as_json=json)


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
def monitor(
    *,
    decomposition: Annotated[bool, typer.Option(help="Campaigns whose every step looks harmless, at 10 and 100 times background")] = False,
    goals: Annotated[
        str, typer.Option(help="Which goals: first, second (both developed on) or third (written after the detector, for the final run)")
    ] = "first",
    data: Annotated[Path | None, typer.Option("--data", help="Folder with labelled account_streams and conversations")] = None,
    accounts: Annotated[int, typer.Option(help="Accounts for the cost")] = 100_000,
    review: Annotated[bool, typer.Option("--review", help="Simulated months of review: coverage and error of the estimate")] = False,
    entitlements: Annotated[
        bool, typer.Option("--entitlements", help="Random grants, suspensions and appeals: do all views agree?")
    ] = False,
    people: Annotated[bool, typer.Option("--people", help="A simulated week of 300 users: what it asks of people")] = False,
    erasure: Annotated[bool, typer.Option("--erasure", help="Erase subjects, look for what is left, verify, try held ones")] = False,
    canaries: Annotated[Path | None, typer.Option(help="Labelled texts: can a classifier tell canaries from items?")] = None,
    months: Annotated[int, typer.Option(help="Months to simulate")] = 1000,
    sequences: Annotated[int, typer.Option(help="Random sequences of acts")] = 1000,
    seed: Annotated[int, typer.Option(help="Of everything drawn")] = 1,
    json: Json = False,
) -> None:
    """CPU per exchange and bytes an account; with --data recall, --decomposition campaigns; the other flags: people, cases and review."""
    from bartizan.bench.monitor.cost import cost

    chosen: list[Callable[[], Any]] = []
    if decomposition:
        from bartizan.bench.monitor.decomposition import run

        chosen.append(lambda: run(which=goals))
    if data is not None:
        from bartizan.bench.monitor.recall import recall

        folder = data
        chosen.append(lambda: recall(folder))
    if review or entitlements or people or erasure or canaries is not None:
        chosen += _of_people(
            review=review,
            entitlements=entitlements,
            people=people,
            erasure=erasure,
            canaries=canaries,
            months=months,
            sequences=sequences,
            seed=seed,
        )
    for measure in chosen or [lambda: cost(accounts)]:
        _show(measure, as_json=json)


def _of_people(
    *, review: bool, entitlements: bool, people: bool, erasure: bool, canaries: Path | None, months: int, sequences: int, seed: int
) -> list[Callable[[], Any]]:
    from bartizan.bench import monitor_canaries, monitor_people, monitor_review, monitor_week

    chosen: list[Callable[[], Any]] = []
    if review:
        chosen.append(lambda: monitor_review.run(months=months, seed=seed))
    if entitlements:
        chosen.append(lambda: monitor_people.entitlements(sequences=sequences, seed=seed))
    if people:
        chosen.append(lambda: monitor_week.week(seed=seed))
    if erasure:
        chosen.append(monitor_people.erasures)
    if canaries is not None:
        path = canaries
        chosen.append(lambda: monitor_canaries.canaries(path, seed=seed))
    return chosen


@app.command()
def agents(
    data: Annotated[Path | None, typer.Option(help="A folder of suites; those that come with bartizan without it")] = None,
    out: Annotated[Path | None, typer.Option(help="Write one line of JSON for each trial")] = None,
    policies: Annotated[str, typer.Option(help="suite, or default to leave the suites' own policies aside")] = "suite",
) -> None:
    """Replay honest and hijacked agents against the controls of tools, flow and egress; no model."""
    from bartizan.bench.agents import main

    if policies not in {"suite", "default"}:
        raise typer.BadParameter("suite or default")
    main(data, out, "suite" if policies == "suite" else "default")


@app.command()
def mcp(
    suite: Annotated[Path, typer.Option(help="dist/index.js of @modelcontextprotocol/conformance")],
    node: Annotated[str, typer.Option(help="Node.js, 22 or later")] = "node",
) -> None:
    """Run MCP's official conformance suite against the reference server, directly and through the gateway."""
    from bartizan.bench.mcp import main

    if not main(node, suite):
        raise typer.Exit(1)


@app.command()
def intel(  # noqa: PLR0917 - a command has as many options as it has
    extraction: Annotated[
        bool, typer.Option("--extraction", help="Indicators: speed beside installed peers, hostile texts, quality")
    ] = False,
    attack: Annotated[bool, typer.Option("--attack", help="Techniques: quality on --data")] = False,
    entities: Annotated[bool, typer.Option("--entities", help="Actors, malware and tools: quality on --data")] = False,
    pages: Annotated[bool, typer.Option("--pages", help="From PDF to brief: pages a minute and CPU a page")] = False,
    injection: Annotated[bool, typer.Option("--injection", help="Instructions planted in every carrier: what they change")] = False,
    citations: Annotated[bool, typer.Option("--citations", help="Quotes verbatim, planted facts found, withheld findings covered")] = False,
    hostile: Annotated[bool, typer.Option("--hostile", help="Bombs, damage and a megabyte of the worst: CPU and typed errors")] = False,
    exports: Annotated[bool, typer.Option("--exports", help="Every format against its validator, and there and back")] = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of PDFs, of report texts, or of labelled rows: see docs/intel.md")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Pages to make where there is no folder of PDFs")] = 1000,
    json: Json = False,
) -> None:
    """Measure reading threat reports."""
    from bartizan.bench import intel_citations, intel_exports, intel_hostile, intel_injection, intel_pages

    chosen = {name for name, wanted in (("extraction", extraction), ("attack", attack), ("entities", entities)) if wanted}
    if chosen:
        from bartizan.bench.intel import measure

        _show(lambda: measure(data, parts=frozenset(chosen)), as_json=json)
    if pages:
        _show(lambda: intel_pages.pages(data, count=count), as_json=json)
    if injection:
        _show(intel_injection.injection, as_json=json)
    if citations:
        _show(lambda: intel_citations.citations(data), as_json=json)
    if hostile:
        _show(intel_hostile.hostile, as_json=json)
    if exports:
        _show(intel_exports.exports, as_json=json)


@app.command()
def triage(
    part: Annotated[str, typer.Option("--part", help="Which part: the module bench/triage_PART.py")] = "incidents",
    data: Annotated[Path | None, typer.Option("--data", help="Folder or file of labelled data: see docs/triage.md", exists=True)] = None,
    rules: Annotated[list[Path] | None, typer.Option("--rules", help="Sigma rules, for the parts that use them", exists=True)] = None,
    peer: Annotated[Path | None, typer.Option("--peer", help="A peer to run beside, for the parts that have one", exists=True)] = None,
    count: Annotated[int, typer.Option(min=0, help="How many to make, for the parts that make their input")] = 0,
    json: Json = False,
) -> None:
    """Measure triage: engine, incidents, hostile texts, a million alerts."""
    import importlib
    import importlib.util

    if not part.isidentifier() or importlib.util.find_spec(f"bartizan.bench.triage_{part}") is None:
        raise typer.BadParameter(f"there is no part {part!r}")
    module = importlib.import_module(f"bartizan.bench.triage_{part}")
    _show(lambda: module.measure(data=data, rules=tuple(rules or ()), peer=peer, count=count), as_json=json)


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


bench_code.mount(app, _show)
