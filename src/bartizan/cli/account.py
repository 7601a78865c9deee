"""``bartizan account``: how an account stands and why, its case files, the ladder, retention, and everything on record about it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(help="How accounts stand and why; the enforcement ladder; retention and subject access.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="Account, principal or name")]


@app.command()
def show(account: Account, data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Show how an account stands, its measures in force and its case files."""
    from bartizan.cli.office import columns, office, until

    now = time.time()
    with office(data, config) as desk:
        desk.permit(desk.enter(key), "case.list")
        name = desk.account(account)
        entry = desk.directory.standing(name, at=now)
        files = [file for case in desk.monitor.docket.cases(name) if (file := desk.monitor.docket.file(case, evidence=False)) is not None]
    if json:
        emit({"account": name, "standing": entry, "cases": files})
        return
    rows = [
        {
            "case": file.id,
            "state": file.state,
            "steps": ", ".join(each.step for each in file.measures) or file.kind,
            "appeal": file.appeal.state,
        }
        for file in files
    ]
    sys.stdout.write(f"{name}: {entry.standing} until {until(entry.until)}; {safe(entry.reason)}\n\n{columns(rows)}\n")


@app.command("list")
def list_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List the accounts that there is a case file about."""
    from bartizan.cli.office import columns, office, until

    now = time.time()
    with office(data, config) as desk:
        desk.permit(desk.enter(key), "case.list")
        names = dict.fromkeys(desk.monitor.docket.account_of(case) for case in desk.monitor.docket.cases())
        rows = []
        for name in names:
            entry = desk.directory.standing(name, at=now)
            rows.append(
                {"account": name, "standing": entry.standing, "until": until(entry.until), "cases": len(desk.monitor.docket.cases(name))}
            )
    emit(rows) if json else sys.stdout.write(columns(rows) + "\n")


@app.command()
def ladder(json: Json = False) -> None:
    """Show the steps of enforcement: what each takes, how long it lasts, and what the person is told."""
    from bartizan.monitor import criteria, shipped_ladder

    found = shipped_ladder()
    if json:
        emit(found)
        return
    for rung in found.rung:
        sys.stdout.write(f"{rung.title}\n  takes: {criteria(rung)}\n  says:  {rung.says}\n")
    sys.stdout.write(f"never by itself: {', '.join(found.never)}\n")


@app.command()
def confirm(
    case: Annotated[str, typer.Argument(help="The case whose notice you read")], data: Data = None, config: Settings = None, key: Key = ""
) -> None:
    """Confirm, with your own key, that you read the notice of a case; it answers a step-up for twelve hours."""
    from bartizan.cli.office import office
    from bartizan.errors import RefusedError
    from bartizan.event import NoticeAcknowledged, envelope
    from bartizan.monitor import is_subject

    with office(data, config) as desk:
        actor = desk.identify(key)
        account = desk.monitor.docket.account_of(case)
        if not is_subject(account, actor) or actor.kind == "agent":
            raise RefusedError(f"there is no case {safe(case)} of yours", code="unknown_case", status=404)
        fact = NoticeAcknowledged(case=case, account=account)
        desk.ledger.append_now(envelope(fact, tenant=actor.tenant, actor=actor.id, account=account, correlation=case))
    say("confirmed")


@app.command()
def export(
    account: Account,
    out: Annotated[Path, typer.Option(help="Where the JSON lines go; its owner's alone")],
    purpose: Annotated[str, typer.Option(help="Why it is read; goes on record")] = "subject access",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Write everything on record about an account, facts and text, for the person it is about; that it was read is on record first."""
    import msgspec

    from bartizan.cli.office import office
    from bartizan.ledger import about

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "content.read")
        name = desk.account(account)
        out.touch(mode=0o600)
        count = 0
        with out.open("wb") as file:
            for entry in about(desk.ledger, name, purpose=purpose, actor=actor.id):
                file.write(msgspec.json.encode(entry) + b"\n")
                count += 1
    say(f"wrote {count} entries to {out}")


@app.command()
def erase(
    account: Account,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes on record")],
    requested_by: Annotated[str, typer.Option(help="Who asked; goes on record")] = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Erase an account's text, then look through every store for pieces of it; the receipt names each. A duty of privacy officers."""
    from bartizan.cli.office import columns, office
    from bartizan.ledger import erase_checked

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "content.erase")
        receipt = erase_checked(desk.ledger, desk.account(account), reason=reason, requested_by=requested_by, actor=actor.id)
    if json:
        emit(receipt)
        return
    rows = [{"store": each.store, "files": each.files, "bytes": each.bytes, "found": each.found} for each in receipt.checked.stores]
    sys.stdout.write(
        f"{len(receipt.erased.keys)} keys destroyed, {receipt.checked.keys_left} left; entry {receipt.entry}\n{columns(rows)}\n"
    )
    if not receipt.clean:
        raise typer.Exit(1)


@app.command()
def retention(config: Settings = None, json: Json = False) -> None:
    """Show each retention class: what it holds, how long, within which bounds, and on what ground."""
    from bartizan.cli.office import columns
    from bartizan.cli.terminal import settings_file
    from bartizan.config import load
    from bartizan.ledger import ceiling, classes

    settings = load(settings_file(config)).retention
    rows = [
        {
            "class": name,
            "text": f"{settings.content_days.get(name)} d of {rule.content[0]}-{rule.content[1]}",
            "facts": f"{settings.facts_days.get(name)} d of {rule.facts[0]}-{rule.facts[1]}",
            "ground": rule.basis,
        }
        for name, rule in classes().rules.items()
    ]
    emit(rows) if json else sys.stdout.write(f"{columns(rows)}\nhighest tier with these settings: {ceiling(settings).value}\n")
