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
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        known = desk.casebook.case(case)
        if known is None:
            raise RefusedError(f"there is no case {safe(case)}", code="unknown_case", status=404, hint="bartizan case list")
        attributes = {"subject": known.subject, "proposer": known.opened_by}
        desk.permit(actor, "case.decide", Resource(type="Case", id=case, attributes=attributes))
        desk.desk.decide(case, decision, actor=actor, reason=reason)
    say(f"{safe(case)}: {safe(decision)}")
