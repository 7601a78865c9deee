"""``bartizan grant``: tiers for a purpose and a time."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(help="Tiers for a purpose, a scope and a time: proposed by one, approved by others, given.", no_args_is_help=True)

Approval = Annotated[str, typer.Argument(help="Approval id that `propose` printed; bartizan case list shows those that wait")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record")]


@app.command()
def propose(
    who: Annotated[str, typer.Argument(help="Name or id of who gets it")],
    tier: Annotated[str, typer.Argument(help="verified, trusted or restricted")],
    *,
    purpose: Annotated[str, typer.Option(help="What it is for")],
    days: Annotated[float, typer.Option(help="How long; 0 for the longest the profile allows")] = 0.0,
    scope: Annotated[list[str] | None, typer.Option(help="Asset it covers: a host, a repository; repeat for several")] = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Propose a grant; one that needs no approver is given at once."""
    from bartizan.cli.office import office, until
    from bartizan.errors import ConfigError
    from bartizan.event import Tier
    from bartizan.policy import Resource

    if tier not in {each.value for each in Tier}:
        raise ConfigError(f"there is no tier {safe(tier)}", hint="verified, trusted or restricted")
    with office(data, config) as desk:
        actor, holder = desk.enter(key), desk.find(who)
        attributes = {"proposer": actor.person, "beneficiary": holder.person}
        desk.permit(actor, "grant.propose", Resource(type="Grant", id="new", attributes=attributes))
        proposal = desk.access.propose(holder.id, Tier(tier), actor=actor, purpose=purpose, days=days, scope=tuple(scope or ()))
    if json:
        emit(proposal)
        return
    sys.stdout.write((proposal.approval or proposal.grant.grant) + "\n")
    if not proposal.approval:
        say(f"given until {until(proposal.grant.expires_at)}")
        return
    say(f"waits for {proposal.approvers} other person(s): bartizan grant approve {proposal.approval}")
    if proposal.grant.starts_at:
        say(f"counts from {until(proposal.grant.starts_at)}: a delay stands in for the second approver of a larger team")


@app.command()
def approve(approval: Approval, data: Data = None, config: Settings = None, key: Key = "") -> None:
    """Show what is asked for, and agree to exactly that; what has all its approvals is given at once."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        state = desk.answer(desk.enter(key), approval, "approved", reason="")
    say("approved and given" if state == "approved" else f"approved; it is {state} until others agree")


@app.command()
def give(approval: Approval, data: Data = None, config: Settings = None, key: Key = "") -> None:
    """Give what was approved, if that has not happened yet."""
    from bartizan.cli.office import office
    from bartizan.identity import read_subject
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor, known = desk.enter(key), desk.approval(approval)
        subject = desk.asked(actor, known)
        beneficiary = desk.casebook.person_behind(read_subject(subject, approval).principal)
        attributes = {"proposer": known.proposer, "beneficiary": beneficiary}
        desk.permit(actor, "grant.give", Resource(type="Grant", id=approval, attributes=attributes))
        desk.access.give(subject, approval, actor=actor)
    say("given")


@app.command()
def end(
    grant: Annotated[str, typer.Argument(help="Grant id")], reason: Reason, data: Data = None, config: Settings = None, key: Key = ""
) -> None:
    """Withdraw a grant; streams that rest on it are cut."""
    from bartizan.cli.office import office
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "grant.end", Resource(type="Grant", id=grant))
        desk.registrar.end_grant(grant, actor=actor, reason=reason)
    say(f"{safe(grant)} has ended")


@app.command("list")
def list_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List the grants that nobody has ended."""
    from bartizan.cli.office import columns, office, until

    now = time.time()
    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "grant.list")
        rows = [
            {
                "grant": grant.id,
                "principal": grant.principal,
                "tier": grant.tier.value,
                "state": "live" if grant.is_live(now) else "to come" if now < grant.starts_at else "expired",
                "from": until(grant.starts_at),
                "until": until(grant.expires_at),
                "purpose": grant.purpose,
                "scope": ",".join(grant.scope) or "-",
                "approvals": ",".join(grant.approvals) or "-",
            }
            for grant in desk.directory.grants()
        ]
    emit(rows) if json else sys.stdout.write(columns(rows) + "\n")
