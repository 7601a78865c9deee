"""``bartizan respond``: an incident and a playbook in; exactly the planned effects out, approved, on record, and undoable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Incident response: plan a playbook, run it, approve steps, undo.")

Which = Annotated[str, typer.Argument(metavar="RESPONSE", help="Response id, or its beginning")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to stay and watch")]


@app.command()
def plan(
    incident: Annotated[Path, typer.Argument(metavar="INCIDENT", help="Incident as JSON; - for stdin")],
    playbook: Annotated[str, typer.Option("--playbook", "-p", help="Playbook by id [default: the best fit]")] = "",
    var: Annotated[list[str] | None, typer.Option("--var", help="NAME=VALUE for a variable of the playbook; may be repeated")] = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Show exactly what a playbook would do about an incident, and put the plan on record. Changes nothing."""
    from bartizan.cli import respond_desk, respond_print

    with respond_desk.desk(data, config, key, "response.plan") as at:
        made = respond_desk.run_plan(at, incident, playbook, var or [])
    emit(made) if json else sys.stdout.write(respond_print.plan(made))


@app.command()
def run(which: Which, wait: Wait = 30.0, data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Carry a plan out. Steps that need consent wait for it; the rest is done now."""
    from bartizan.cli import respond_desk, respond_print

    with respond_desk.desk(data, config, key, "response.run") as at:
        shown = respond_desk.run_order(at, which, "do", reason="", wait=wait)
    emit(shown) if json else sys.stdout.write(respond_print.shown(shown))


@app.command()
def undo(
    which: Which, reason: Reason, wait: Wait = 30.0, data: Data = None, config: Settings = None, key: Key = "", json: Json = False
) -> None:
    """Take back what a response did, the last step first."""
    from bartizan.cli import respond_desk, respond_print

    with respond_desk.desk(data, config, key, "response.undo") as at:
        shown = respond_desk.run_order(at, which, "undo", reason=reason, wait=wait)
    emit(shown) if json else sys.stdout.write(respond_print.shown(shown))


@app.command()
def approve(
    which: Which,
    step: Annotated[list[str] | None, typer.Argument(metavar="[STEP]...", help="Steps [default: all that wait]")] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse instead; one refusal ends the response")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes on record")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Agree to exactly what waiting steps would do, or refuse. Never your own proposal; two persons for what can't be undone."""
    from bartizan.cli import respond_desk, respond_print

    with respond_desk.desk(data, config, key, "response.list") as at:
        waiting = respond_desk.waiting(at, which, step or [])
        for action, _ in waiting:
            sys.stdout.write(respond_print.action(action))
        if not waiting:
            say("nothing waits")
            return
        if not yes:
            typer.confirm("Refuse these?" if refuse else "Agree to exactly this?", abort=True)
        shown = respond_desk.run_answers(at, which, waiting, "refused" if refuse else "approved", reason=reason, wait=30.0)
    sys.stdout.write(respond_print.shown(shown))


@app.command()
def settle(
    which: Which,
    step: Annotated[str, typer.Argument(help="The step in doubt")],
    happened: Annotated[bool, typer.Option("--happened/--did-not", help="What you found when you looked")],
    reason: Reason,
    wait: Wait = 30.0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Say whether a step in doubt happened: it was cut off, and its system can't be asked. The response goes on from there."""
    from bartizan.cli import respond_desk, respond_print

    with respond_desk.desk(data, config, key, "response.run") as at:
        shown = respond_desk.run_settle(at, which, step, happened=happened, reason=reason, wait=wait)
    sys.stdout.write(respond_print.shown(shown))


@app.command()
def show(which: Which, data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Show how a response stands, step by step; reading its plan is on record."""
    from bartizan.cli import respond_desk, respond_print

    with respond_desk.desk(data, config, key, "response.list") as at:
        shown = respond_desk.show(at, which)
    emit(shown) if json else sys.stdout.write(respond_print.shown(shown))


@app.command("list")
def list_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List responses, oldest first."""
    from bartizan.cli import respond_desk
    from bartizan.cli.office import columns, until

    with respond_desk.desk(data, config, key, "response.list") as at:
        rows = [
            {
                "response": each.response,
                "incident": each.planned.incident,
                "playbook": each.planned.playbook,
                "state": each.state.replace("_", " "),
                "actions": each.planned.actions,
                "reach": each.planned.reach,
                "planned": until(each.planned_at),
            }
            for each in at.response.book.all()
        ]
    emit(rows) if json else sys.stdout.write(columns(rows) + "\n")


@app.command()
def playbooks(
    incident: Annotated[Path | None, typer.Option("--for", help="Only those that fit this incident (JSON), the best first")] = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """List the playbooks that ship and your own."""
    from bartizan.cli import respond_desk
    from bartizan.cli.office import columns

    found = respond_desk.library(config, incident)
    rows = [{"playbook": each.id, "most": each.most, "name": each.name} for each in found]
    emit(found) if json else sys.stdout.write(columns(rows) + "\n")


@app.command()
def check(path: Annotated[Path, typer.Argument(help="Playbook: YAML, or CACAO 2.0 as .json", exists=True, dir_okay=False)]) -> None:
    """Check a playbook, and say what of a CACAO playbook would be lost."""
    from bartizan.cli import respond_desk

    playbook, lost = respond_desk.read(path)
    say(f"{safe(playbook.id)}: {len(playbook.steps)} steps, reaches at most {playbook.most}")
    for each in lost:
        say(f"lost: {safe(each)}")


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="A playbook's id, or a file: YAML or CACAO .json")],
    form: Annotated[Literal["cacao", "yaml"], typer.Option("--to", help="Which form")] = "cacao",
    config: Settings = None,
) -> None:
    """Write a playbook as CACAO 2.0 or in the authoring form, to stdout."""
    from bartizan.cli import respond_desk

    sys.stdout.write(respond_desk.converted(source, form, config))


@app.command()
def schema() -> None:
    """Print the JSON schema of the authoring form."""
    from bartizan.workbench.respond import author

    emit(author.schema())


@app.command()
def report(
    which: Which,
    out: Annotated[Path | None, typer.Option("--out", help="File: .md, .html or .pdf [default: Markdown to stdout]")] = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Write the post-incident report: timeline, decisions, times to detect, triage and contain, persons' minutes."""
    from bartizan.cli import respond_desk

    with respond_desk.desk(data, config, key, "response.list") as at:
        made = respond_desk.run_report(at, which, out.suffix.lstrip(".") if out else "md")
    if out is None:
        sys.stdout.buffer.write(made)
    else:
        out.write_bytes(made)
        say(f"{len(made)} bytes in {out}")


@app.command()
def close(
    which: Which,
    label: Annotated[Literal["effective", "ineffective", "excessive", "needless"], typer.Argument(help="What it was")],
    reason: Reason,
    missed: Annotated[list[str] | None, typer.Option("--missed", help="ATT&CK technique that nothing detected; may be repeated")] = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Close a response with what was learnt; it goes to whoever adapts controls."""
    from bartizan.cli import respond_desk

    with respond_desk.desk(data, config, key, "response.run") as at:
        respond_desk.run_close(at, which, label, reason=reason, missed=missed or [])
    say("closed")
