"""``bartizan principal``: people, services and agents."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(help="People, services and agents: who they are, their duties, how they stand.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="Name or id")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record")]


@app.command()
def add(
    kind: Annotated[str, typer.Argument(help="person, service or agent")],
    name: Annotated[str, typer.Argument(help="Name; encrypted, and forgotten when its account is erased")],
    *,
    role: Annotated[list[str] | None, typer.Option(help="Role; repeat for several [default: member]")] = None,
    person: Annotated[str, typer.Option("--for", help="For an agent: the person it acts for")] = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Register somebody and say their id."""
    from bartizan.cli.office import office
    from bartizan.errors import ConfigError
    from bartizan.policy import Resource

    if kind not in {"person", "service", "agent"}:
        raise ConfigError(f"there is no kind {safe(kind)}", hint="person, service or agent")
    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "principal.register", Resource(type="Principal", id=desk.ledger.pseudonym(kind, name)))
        behind = desk.find(person).id if person else ""
        roles = ["member"] if role is None else role
        known = desk.registrar.register(kind, name, roles, actor=actor, on_behalf_of=behind)  # type: ignore[arg-type]  # checked above
        if set(roles) - {"member"}:
            desk.review(actor, known.id, what=f"registered as: {', '.join(roles)}", evidence=known.id)
    if json:
        emit({"id": known.id, "kind": known.kind, "roles": known.roles})
    else:
        sys.stdout.write(f"{known.id}\n")
        say(f"registered as {kind} with {', '.join(known.roles) or 'no role'}; next: bartizan key issue {safe(name)}")


@app.command("list")
def list_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List everybody with tier and standing; reading their names is on record."""
    from bartizan.cli.office import columns, office

    now = time.time()
    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "principal.list")
        everybody = desk.directory.principals(at=now)
        names = desk.names(actor, [each.id for each in everybody], purpose="principal list")
        rows = [
            {
                "name": names[each.id],
                "kind": each.kind,
                "roles": ",".join(each.roles) or "-",
                "tier": desk.directory.tier(each, requested=None, at=now).value,
                "standing": each.standing,
                "for": names[each.on_behalf_of.id] if each.on_behalf_of is not None else "-",
                "id": each.id,
                "account": each.account,
            }
            for each in everybody
        ]
    emit(rows) if json else sys.stdout.write(columns(rows) + "\n")


@app.command()
def roles(
    who: Who,
    role: Annotated[list[str], typer.Argument(help="All roles from now on; `none` for none")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Replace somebody's roles; never your own, and never two that stay apart. Where the profile says so, ask for consent."""
    from bartizan.cli.office import office
    from bartizan.identity import check_roles, duties, roles_subject
    from bartizan.policy import Resource

    wanted = [] if role == ["none"] else role
    with office(data, config) as desk:
        actor, holder = desk.enter(key), desk.find(who)
        desk.permit(actor, "role.assign", Resource(type="Principal", id=holder.id))
        check_roles(holder.kind, wanted, desk.directory.profile)
        if desk.directory.why_no_roles(holder.id, wanted, approved_by="", at=time.time()):
            needed = duties().assignment_approvers[desk.directory.profile]
            summary = f"{', '.join(wanted)} for {holder.id}"
            approval = desk.desk.ask("role", roles_subject(holder.id, wanted), actor=actor, needed=needed, summary=summary)
            sys.stdout.write(approval + "\n")
            say(f"waits for {needed} other person(s): bartizan case approve {approval}")
            return
        known = desk.registrar.assign_roles(holder.id, wanted, actor=actor)
        desk.review(actor, holder.id, what=f"roles are now: {', '.join(known.roles) or 'none'}", evidence=f"seq:{desk.ledger.position}")
    say(f"{safe(who)} is {', '.join(known.roles) or 'without role'}")
    for pair in duties().merged(known.roles):
        say(f"merged duties: {' and '.join(pair.roles)} ({pair.because}); instead {pair.instead}")


@app.command("duties")
def duties_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Show which duties one person holds together, what makes up for it, and which duties nobody holds."""
    from bartizan.cli.office import columns, office
    from bartizan.identity import duties

    now = time.time()
    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "principal.list")
        everybody = [each for each in desk.directory.principals(at=now) if each.standing not in {"suspended", "revoked"}]
        names = desk.names(actor, [each.id for each in everybody], purpose="principal duties")
        profile = desk.directory.profile
    merged = [
        {"who": names[each.id], "duties": " + ".join(pair.roles), "risk": pair.because, "instead": pair.instead}
        for each in everybody
        for pair in duties().merged(each.roles)
    ]
    held = {role for each in everybody for role in each.roles}
    vacant = [{"role": name, "duty": role.title} for name, role in duties().roles.items() if name not in held]
    needs = [
        {"tier": tier.value, "approvers": need.approvers, "delay_hours": need.delay_hours, "max_days": need.max_days}
        for tier, need in duties().profiles[profile].items()
    ]
    if json:
        emit({"profile": profile, "merged": merged, "vacant": vacant, "grants": needs})
        return
    parts = (("merged duties", merged), ("duties nobody holds", vacant), ("what a grant needs", needs))
    sys.stdout.write(f"profile {profile}\n" + "".join(f"\n{title}\n{columns(rows)}\n" for title, rows in parts))


@app.command()
def suspend(
    who: Who,
    reason: Reason,
    hours: Annotated[float, typer.Option(help="Until then; 0 until restored")] = 0.0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Refuse somebody's next request and cut their streams, those of their agents too."""
    from bartizan.cli.office import office
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor, holder = desk.enter(key), desk.find(who)
        desk.permit(actor, "account.suspend", Resource(type="Principal", id=holder.id))
        end = time.time() + hours * 3600 if hours else 0.0
        desk.registrar.set_standing(holder.id, "suspended", actor=actor, reason=reason, until=end)
    say(f"{safe(who)} is suspended")


@app.command()
def restore(who: Who, reason: Reason, data: Data = None, config: Settings = None, key: Key = "") -> None:
    """Put somebody back in good standing; never yourself."""
    from bartizan.cli.office import office
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor, holder = desk.enter(key), desk.find(who)
        desk.permit(actor, "account.restore", Resource(type="Principal", id=holder.id))
        desk.registrar.set_standing(holder.id, "good", actor=actor, reason=reason)
    say(f"{safe(who)} is in good standing")
