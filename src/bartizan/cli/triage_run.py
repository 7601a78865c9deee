"""``bartizan triage run`` and what follows it: incidents listed, shown, decided, merged, split, put back, sampled, asked about."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, safe, say
from bartizan.errors import ConfigError

if TYPE_CHECKING:
    from bartizan.workbench.triage.incident import Outcome

Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record")]


def add_to(app: typer.Typer) -> None:
    """Mount the commands of this file."""
    for command in (run, incidents, show, decide, merge, split, undo, sample, look, ask):
        app.command(command.__name__)(command)


def run(  # noqa: PLR0917 - a command has as many options as it has
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="Files and folders: logs, or alerts of other tools")] = None,
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", help="Sigma rules: folder, file or tar archive; may be repeated", exists=True)
    ] = None,
    asset: Annotated[
        list[str] | None, typer.Option("--asset", help="HOST=WEIGHT: signs on it count so many times as much; may be repeated")
    ] = None,
    own: Annotated[bool, typer.Option("--own", help="Read bartizan's own record too, with the rules about it")] = False,
    own_rules: Annotated[bool, typer.Option("--own-rules", help="Add the rules about bartizan's own record")] = False,
    again: Annotated[bool, typer.Option("--again", help="Take in what was taken in before")] = False,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Put incidents on record, for the console")] = True,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Read logs and alerts, make incidents of them and say what they are. Filters that are live take part."""
    from bartizan.app import triage as app
    from bartizan.app.detections import Rules, in_force
    from bartizan.cli import triage_print

    if not paths and not own:
        raise ConfigError("there is nothing to read", hint="name files and folders, or --own for bartizan's own record")
    files, weights = app.files_under(paths or []), _weights(asset or [])
    chosen, filters = in_force(rules or [], data_directory(data), own=own or own_rules)
    if filters:
        say(f"{filters} filters are live and take part")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bartizan" / "sigma"
    if not keep and not own:
        made = app.run(files, Rules(chosen, cache, say), say, weights)
        emit(_plain(made)) if json else sys.stdout.write(triage_print.outcome(made))
        return
    from bartizan.cli.triage_desk import desk, own_records

    with desk(data, config, key, "incident.ingest") as at:
        source = app.source_of(files, chosen, at.office.ledger.size() if own else 0)
        if keep and at.book.has(source) and not again:
            say("these files were taken in before, with these rules; --again takes them in once more")
            emit(at.book.listed()) if json else sys.stdout.write(triage_print.listed(at.book))
            return
        made = app.run(files, Rules(chosen, cache, say), say, weights, own_records(at) if own else None)
        if keep:
            at.book.add(made, source, at.actor)
    emit(_plain(made)) if json else sys.stdout.write(triage_print.outcome(made))


def incidents(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List incidents, gravest first."""
    from bartizan.cli import triage_print
    from bartizan.cli.triage_desk import desk

    with desk(data, config, key, "incident.list") as at:
        emit(at.book.listed()) if json else sys.stdout.write(triage_print.listed(at.book))


def show(
    incident: Annotated[str, typer.Argument(help="Id, or the beginning of it")],
    response: Annotated[bool, typer.Option("--for-response", help="Print the JSON that responses are planned against")] = False,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Show one incident: verdict with reasons, timeline, what is missing; --for-response prints what respond plan takes."""
    from bartizan.cli import triage_print
    from bartizan.cli.triage_desk import desk

    with desk(data, config, key, "incident.list") as at:
        entry = at.book.entry(incident)
        found = at.book.incident(entry)
        if found is None:
            say("this incident's evidence was erased")
            raise typer.Exit(1)
        if response:
            from bartizan.workbench.triage.incident.arrange import handover

            sys.stdout.write(handover(found).decode() + "\n")
            return
        emit(found) if json else sys.stdout.write(triage_print.incident(found, entry))


def decide(
    incident: Annotated[str, typer.Argument(help="Id, or the beginning of it")],
    verdict: Annotated[str, typer.Argument(help="malicious, suspicious, benign or 'not evaluable'")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Give your verdict on an incident; it takes the place of the one that its evidence had."""
    from bartizan.cli.triage_desk import desk, verdict_of

    with desk(data, config, key, "incident.decide") as at:
        entry = at.book.decide(incident, verdict_of(verdict), at.actor, reason=reason)
        say(f"{entry.id} is {entry.verdict}")


def merge(
    into: Annotated[str, typer.Argument(help="The incident that stays")],
    others: Annotated[list[str], typer.Argument(metavar="INCIDENT...", help="Those that are looked at with it from now on")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Look at incidents as one; can be undone."""
    from bartizan.cli.triage_desk import desk

    with desk(data, config, key, "incident.decide") as at:
        act = at.book.merge(into, others, at.actor, reason=reason)
        say(f"merged; bartizan triage undo {act} takes them apart again")


def split(
    incident: Annotated[str, typer.Argument(help="Id, or the beginning of it")],
    steps: Annotated[list[int], typer.Argument(help="Numbers of steps in its timeline, as triage show prints them")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Make some steps of a timeline an incident of their own; can be undone."""
    from bartizan.cli.triage_desk import desk

    with desk(data, config, key, "incident.decide") as at:
        act = at.book.split(incident, steps, at.actor, reason=reason)
        say(f"split; bartizan triage undo {act} puts it back")


def undo(
    act: Annotated[str, typer.Argument(help="Of a merge or split")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Undo a merge or a split."""
    from bartizan.cli.triage_desk import desk

    with desk(data, config, key, "incident.decide") as at:
        at.book.put_back(act, at.actor, reason=reason)
        say("put back")


def sample(
    run: Annotated[str, typer.Argument(help="Run id [default: the last]")] = "",
    budget: Annotated[int, typer.Option(min=1, help="How many groups to draw")] = 20,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Draw from what was suppressed, for people to look at."""
    from bartizan.cli import triage_print
    from bartizan.cli.triage_desk import desk, draw_sample

    with desk(data, config, key, "incident.decide") as at:
        made = draw_sample(at, run, budget)
        emit(made) if json else sys.stdout.write(triage_print.sample(at.book, made))


def look(
    sample: Annotated[str, typer.Argument(help="Sample id")],
    item: Annotated[str, typer.Argument(help="Group or incident id")],
    missed: Annotated[bool, typer.Option("--missed/--fine", help="Whether an attack was missed in it")],
    reason: Annotated[str, typer.Option("--reason", help="What you saw")] = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Say what a look at a drawn group showed, and what the looks so far come to."""
    from bartizan.cli.triage_desk import desk
    from bartizan.workbench.triage.incident import sample as sampling

    with desk(data, config, key, "incident.decide") as at:
        at.book.reviewed(sample, item, at.actor, missed=missed, reason=reason)
        came = sampling.missed(at.book.samples[sample])
        if json:
            emit(came)
        else:
            estimate = came.estimate
            say(f"{came.looked} of {came.drawn} looked at, {came.missed} missed")
            say(f"missed in all {estimate.size}: {estimate.total:.1f}, 95 % between {estimate.low:.1f} and {estimate.high:.1f}")


def ask(
    incident: Annotated[str, typer.Argument(help="Id, or the beginning of it")],
    model: Annotated[str, typer.Option("--model", help="Which model")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Let a model say something about an incident: it may raise a verdict, never lower one; each sentence cites its alerts."""
    from bartizan.cli.triage_desk import ask_model, desk

    with desk(data, config, key, "incident.decide") as at:
        told, entry = ask_model(at, incident, model, key)
    if json:
        emit(told)
        return
    for each in told.statements:
        sys.stdout.write(f"{safe(each.text)} [{', '.join(each.cites)}]\n")
    say(f"the model says {told.verdict}; in force: {entry.verdict}; {told.dropped} sentences cited nothing that is there")


def _weights(given: list[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for each in given:
        host, _, weight = each.rpartition("=")
        try:
            weights[host] = float(weight)
        except ValueError as error:
            raise ConfigError(f"this is no weight: {safe(each)}", hint="--asset HOST=WEIGHT, such as db1=1.5") from error
        if not host or not 0.1 <= weights[host] <= 3.0:
            raise ConfigError(f"this is no weight: {safe(each)}", hint="weights are from 0.1 to 3")
    return weights


def _plain(outcome: Outcome) -> dict[str, object]:
    return {"alerts": outcome.alerts, "incidents": outcome.incidents, "groups": outcome.groups}
