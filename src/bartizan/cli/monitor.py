"""``bartizan monitor``: score recorded traffic, calibrate thresholds, try rules on history, list signals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, say, settings_file

if TYPE_CHECKING:
    from bartizan.event import SignalRaised

app = typer.Typer(help="Accounts that misuse or circumvent: score, calibrate, rules, signals.", no_args_is_help=True, add_completion=False)
rules = typer.Typer(help="Rules of your own, in CEL.", no_args_is_help=True, add_completion=False)
app.add_typer(rules, name="rules")

Folder = Annotated[Path, typer.Argument(help="Folder with account_streams and/or conversations", metavar="DIR")]


@app.command()
def score(folder: Folder, out: Annotated[Path, typer.Argument(help="JSON lines to write", metavar="OUT")]) -> None:
    """Score every account, conversation and campaign of recorded traffic at the shipped operating point."""
    import msgspec

    from bartizan.monitor.calibration import load as load_calibration
    from bartizan.monitor.score import score as lines_of
    from bartizan.monitor.text import load

    encode = msgspec.json.Encoder().encode
    count = flagged = 0
    with out.open("wb") as stream:
        for line in lines_of(folder, load(), load_calibration()):
            stream.write(encode(line) + b"\n")
            count, flagged = count + 1, flagged + bool(line["flagged"])
    say(f"{count} scored, {flagged} flagged")


@app.command()
def calibrate(
    data: Annotated[Path, typer.Option("--data", help="Folder with labelled account_streams and conversations")],
    out: Annotated[Path, typer.Option(help="File to write")],
    heads: Annotated[Path | None, typer.Option(help="Folder of heads [default: the shipped ones]")] = None,
) -> None:
    """Set thresholds by a false-positive budget on harmless accounts and conversations."""
    import msgspec

    from bartizan.monitor.calibrate import calibrate as calibration_of
    from bartizan.monitor.text import load

    loaded = load(heads) if heads is not None else load()
    made = calibration_of(data, loaded)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    say(f"wrote {out}: accounts {made.accounts}, conversations {made.talk.threshold:.3f}")


@app.command()
def train(
    guard: Annotated[Path, typer.Option(help="Folder of labelled prompts, by source")],
    data: Annotated[Path, typer.Option("--data", help="Folder with conversations")],
    out: Annotated[Path, typer.Option(help="Folder to write the heads and their card to")],
    without: Annotated[list[str] | None, typer.Option(help="Source to leave out; may be repeated")] = None,
    *,
    dialogues: Annotated[bool, typer.Option(help="Read the harmless dialogues of DATA too")] = True,
) -> None:
    """Train the monitor's heads from rows whose licence allows it and from made-up text. Needs scikit-learn."""
    from bartizan.monitor.training.fit import train as fit

    card = fit(guard, data, out, without=without or (), dialogues=dialogues)
    say(f"wrote {', '.join(sorted(card['heads']))} to {out}")


@app.command()
def limits(out: Annotated[Path, typer.Option(help="File to write")]) -> None:
    """Set the limits of decomposition on goals in manners that its head is trained without, one after the other. Needs scikit-learn."""
    import msgspec

    from bartizan.bench.monitor.decomposition import fitted
    from bartizan.monitor.training.steps import folds

    made, shares = fitted(folds())
    out.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    emit({"threshold": made.threshold, "held_out": shares})


@rules.command("test")
def try_rules(
    file: Annotated[Path, typer.Argument(help="Rules to try (TOML)", metavar="FILE")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Say what rules would have raised on the record, without raising anything."""
    import msgspec

    from bartizan.app import open_rooms
    from bartizan.cli.office import Office, columns
    from bartizan.config import load
    from bartizan.monitor.live.dryrun import dry_run
    from bartizan.monitor.live.expression import read_rules
    from bartizan.monitor.live.projection import KINDS

    compiled = read_rules(file)
    with open_rooms(data_directory(data), load(settings_file(config))) as rooms:
        desk = Office(rooms)
        desk.permit(desk.enter(key), "exchange.list")
        tried = dry_run(rooms.ledger.events(kinds=KINDS), compiled)
    if json:
        emit(tried)
    elif tried:
        typer.echo(columns([{**msgspec.to_builtins(row), "examples": " ".join(row.examples)} for row in tried]))


@app.command()
def signals(
    account: Annotated[str, typer.Option(help="Only of this account")] = "",
    kind: Annotated[str, typer.Option(help="Only of this kind")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many, newest first")] = 50,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """List signals with what raised them: rule, accumulator, score, threshold and the exchanges it rests on."""
    from bartizan.app import open_rooms
    from bartizan.app.monitor import rulebook
    from bartizan.cli.office import Office, columns
    from bartizan.config import load
    from bartizan.monitor.live import Follower
    from bartizan.monitor.live import signals as newest

    with open_rooms(data_directory(data), load(settings_file(config))) as rooms:
        desk = Office(rooms)
        actor = desk.enter(key)
        desk.permit(actor, "exchange.list")
        following = Follower(rooms.data / "state.db", rooms.ledger, rulebook(rooms))
        try:
            tables = following.read()
            tables.catch_up()
            with tables.read() as connection:
                rows = newest(connection, tenant=actor.tenant, account=account, kind=kind, limit=limit)
        finally:
            following.close()
    if json:
        emit(rows)
    elif rows:
        typer.echo(columns([_line(row.signal) for row in rows]))
    else:
        say("no signals")


def _line(signal: SignalRaised) -> dict[str, str]:
    return {
        "signal": signal.signal,
        "account": signal.account or f"{len(signal.members)} accounts",
        "rule": signal.rule,
        "level": signal.level,
        "score": f"{signal.score:.2f} over {signal.threshold:.2f}",
        "by": signal.contributions[0].accumulator if signal.contributions else "",
        "evidence": " ".join(signal.evidence[:3]),
    }
