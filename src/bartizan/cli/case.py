"""``bartizan case``: work that waits for a person."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(help="Work that waits for a person: cases to decide, and approvals to give or refuse.", no_args_is_help=True)

Case = Annotated[str, typer.Argument(help="Case or approval id")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record")]


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also what is decided, refused or expired")] = False,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """List cases and approvals that wait, the oldest first."""
    from bartizan.cli.office import columns, office, until

    now = time.time()
    with office(data, config) as desk:
        desk.permit(desk.enter(key), "case.list")
        approvals = [
            {
                "id": each.id,
                "kind": each.action,
                "state": each.state(now),
                "given": f"{len(each.approved_by(now))} of {each.needed}",
                "until": until(each.expires_at),
                "about": each.summary,
            }
            for each in desk.casebook.approvals()
            if everything or each.state(now) == "open"
        ]
        cases = [
            {
                "id": each.id,
                "kind": each.kind,
                "state": each.decision or ("late" if now > each.due_at else "waits"),
                "given": "-",
                "until": until(each.due_at),
                "about": each.subject,
            }
            for each in desk.casebook.cases(waiting=not everything)
        ]
    emit(approvals + cases) if json else sys.stdout.write(columns(approvals + cases) + "\n")


@app.command()
def show(case: Case, data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Show a case or approval with its text; reading it is on record."""
    from bartizan.cli.office import office
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        item = desk.casebook.case(case) or desk.approval(case)
        desk.permit(actor, "case.show", Resource(type="Case", id=case))
        (text,) = desk.read(actor, [item.seq], purpose=f"case show {case}")
    words = text.decode(errors="replace") if text is not None else "(none, or erased)"
    if json:
        emit({"case": item, "text": words})
    else:
        sys.stdout.write("\n".join(f"{name}: {safe(str(getattr(item, name)))}" for name in item.__struct_fields__))
        sys.stdout.write(f"\ntext: {safe(words)}\n")


@app.command()
def approve(
    case: Case,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes on record")] = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Agree to exactly what an approval shows (bartizan case show)."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        state = desk.answer(desk.enter(key), case, "approved", reason=reason)
    say(f"{safe(case)} is {state}")


@app.command()
def refuse(case: Case, reason: Reason, data: Data = None, config: Settings = None, key: Key = "") -> None:
    """Refuse an approval; one refusal is enough."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        state = desk.answer(desk.enter(key), case, "refused", reason=reason)
    say(f"{safe(case)} is {state}")


@app.command()
def decide(
    case: Case,
    decision: Annotated[str, typer.Argument(help="What follows: warn, suspend, dismiss, restore ...")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Decide a case; an appeal against your own decision is another person's."""
    from bartizan.cli.office import office
    from bartizan.errors import RefusedError
    from bartizan.monitor import APPEAL, REVERSED, UPHELD
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        known = desk.casebook.case(case)
        if known is None:
            raise RefusedError(f"there is no case {safe(case)}", code="unknown_case", status=404, hint="bartizan case list")
        attributes = {"subject": known.subject, "proposer": known.opened_by}
        desk.permit(actor, "case.decide", Resource(type="Case", id=case, attributes=attributes))
        if known.kind == APPEAL:
            if decision not in {REVERSED, UPHELD}:
                raise typer.BadParameter("an appeal is reversed or upheld")
            desk.monitor.appeals.decide(case, "reversed" if decision == REVERSED else "upheld", actor=actor, reason=reason)
        else:
            desk.desk.decide(case, decision, actor=actor, reason=reason)
            desk.monitor.enforcer.settle()
    say(f"{safe(case)}: {safe(decision)}")


@app.command()
def file(case: Case, data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Show a case file: what was decided about an account, why, on what evidence, and how to appeal. Yours, or with the duty."""
    import msgspec

    from bartizan.cli.office import office
    from bartizan.errors import RefusedError
    from bartizan.event import envelope
    from bartizan.monitor import is_subject
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.identify(key)
        account = desk.monitor.docket.account_of(case)
        if not is_subject(account, actor):
            desk.permit(desk.enter(key), "case.show", Resource(type="Case", id=case, attributes={"subject": account, "proposer": ""}))
        if (fact := desk.monitor.docket.reading(case)) is not None:
            desk.ledger.append_now(envelope(fact, tenant=actor.tenant, actor=actor.id, account=account, correlation=case))
        found = desk.monitor.docket.file(case)
    if found is None:
        raise RefusedError(f"there is no case {safe(case)}", code="unknown_case", status=404, hint="bartizan account list")
    if json:
        emit(found)
        return
    sys.stdout.write(safe(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n")


@app.command()
def appeal(
    case: Case,
    statement: Annotated[str, typer.Option("--statement", help="Why it is wrong, in your words")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Appeal against what was done about your account; another person than the first decides."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        filed = desk.monitor.appeals.file(case, statement, actor=desk.identify(key))
    sys.stdout.write(f"{filed}\n")
