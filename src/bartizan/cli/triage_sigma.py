"""``bartizan triage sigma`` and ``triage rules``: the Sigma engine over a file of events, and what a rule pack comes to."""

from __future__ import annotations

import collections
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bartizan.cli.terminal import Json, emit, safe, say

if TYPE_CHECKING:
    from bartizan.workbench.triage.sigma import Engine

Rules = Annotated[
    list[Path], typer.Option("--rules", help="Folder, file or tar archive of Sigma rules; may be repeated", exists=True, show_default=False)
]
Cache = Annotated[
    Path | None, typer.Option("--cache", envvar="BARTIZAN_SIGMA_CACHE", help="Where parsed rules are kept [default: the user's cache]")
]


def add_to(app: typer.Typer) -> None:
    """Mount the commands of this file."""
    app.command("sigma")(sigma)
    app.command("rules")(rules)


def sigma(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="JSON lines {i, rules} for the rows that match", dir_okay=False)],
    events: Annotated[
        Path, typer.Option("--events", metavar="IN", help="Events: .jsonl, .jsonl.gz or .jsonl.zst", exists=True, dir_okay=False)
    ],
    rules: Rules,
    cache: Cache = None,
) -> None:
    """Match a file of events with Sigma rules; say on stderr which rules were not evaluated, and why."""
    from bartizan.workbench.triage.sigma import rows

    engine = engine_of(rules, cache)
    gc.freeze()  # the rules live as long as the process; no need to walk them again and again
    with target.open("wb") as out:
        tally = rows.score(engine, events, out)
    say(f"{tally.rows} rows, {tally.malformed} malformed, {tally.matched} match {len(tally.rules)} rules")
    if engine.correlations:
        dropped = f"{tally.untimed} rows without a time, {tally.late} too late, {tally.over_limit} beyond the windows' bound"
        say(f"correlations left out {dropped}")
    credit(engine, tally.rules)
    report(engine)


def rules(paths: Annotated[list[Path], typer.Argument(metavar="PATH...", exists=True)], cache: Cache = None, json: Json = False) -> None:
    """Say how many rules of a pack are evaluated, and which are not, with the reason."""
    engine = engine_of(paths, cache)
    if json:
        emit({"rules": len(engine.rules), "correlations": len(engine.correlations), "not_evaluated": engine.not_evaluated})
        return
    sys.stdout.write(f"{len(engine.rules)} rules, {len(engine.correlations)} correlations\n")
    report(engine, every=True)


def engine_of(rules: list[Path], cache: Path | None) -> Engine:
    """Compile rules with the cache of parsed rules."""
    from bartizan.workbench.triage.sigma import Engine

    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Engine.compile(rules, cache or home / "bartizan" / "sigma", progress=lambda count: say(f"{count} new rule files parsed"))


def credit(engine: Engine, matched: dict[str, int]) -> None:
    """Name the matches with their authors, as the Detection Rule License asks."""
    for about in (*engine.rules, *(one.about for one in engine.correlations)):
        if count := matched.get(about.id):
            say(f"{count:>8}  {safe(about.title)} [{about.level}] {about.id}, by {safe(about.author) or 'unknown'}")


def report(engine: Engine, *, every: bool = False) -> None:
    """Say on stderr which rules take no part: counts by reason, or each with its file."""
    left_out = engine.not_evaluated
    say(f"{len(left_out)} rules not evaluated")
    reasons = collections.Counter(one.reason for one in left_out)
    for reason, count in reasons.most_common():
        say(f"{count:>8}  {safe(reason)}")
        for one in left_out if every else ():
            if one.reason == reason:
                say(f"          {safe(one.file)}: {safe(one.title)} {safe(one.rule)}")
