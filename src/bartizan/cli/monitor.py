"""``bartizan monitor``: score recorded traffic, calibrate thresholds, try rules on history, list signals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, say, settings_file

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
) -> None:
    """Set thresholds by a false-positive budget on harmless accounts and conversations."""
    import msgspec

    from bartizan.monitor.calibrate import calibrate as calibration_of
    from bartizan.monitor.text import load

    made = calibration_of(data, load())
    out.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    say(f"wrote {out}: accounts {made.accounts}, conversations {made.talk.threshold:.3f}")


@app.command()
def train(
    guard: Annotated[Path, typer.Option(help="Folder of labelled prompts, by source")],
    data: Annotated[Path, typer.Option("--data", help="Folder with conversations")],
    out: Annotated[Path, typer.Option(help="Folder to write the heads and their card to")],
    without: Annotated[list[str] | None, typer.Option(help="Source to leave out; may be repeated")] = None,
) -> None:
    """Train the monitor's heads from rows whose licence allows it and from made-up text. Needs scikit-learn."""
    from bartizan.monitor.training.fit import train as fit

    card = fit(guard, data, out, without=without or ())
    say(f"wrote {', '.join(sorted(card['heads']))} to {out}")
