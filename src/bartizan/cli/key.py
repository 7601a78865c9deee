"""``bartizan key``: API keys."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, say

if TYPE_CHECKING:
    from bartizan.cli.office import Office
    from bartizan.identity import IssuedKey, KeyEntry
    from bartizan.policy import Resource

app = typer.Typer(help="API keys: a secret is shown once and never stored.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="Key id, the eight characters after bz_")]
Days = Annotated[float, typer.Option(help="Days until it expires; 0 for never")]


@app.command()
def issue(
    who: Annotated[str, typer.Argument(help="Name or id")],
    days: Days = 90.0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Issue a key and show it once."""
    from bartizan.cli.office import office
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor, holder = desk.enter(key), desk.find(who)
        desk.permit(actor, "key.issue", Resource(type="Key", id="new", attributes={"owner": holder.person}))
        issued = desk.registrar.issue_key(holder.id, actor=actor, lifetime_s=days * 86_400)
    _show(issued, json=json)


@app.command()
def rotate(
    key_id: KeyId,
    grace_hours: Annotated[float, typer.Option(help="How long the older key still works")] = 24.0,
    days: Days = 90.0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Issue a successor; the older key works until its grace ends."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "key.rotate", _resource(desk, key_id))
        issued = desk.registrar.rotate(key_id, actor=actor, grace_s=grace_hours * 3600, lifetime_s=days * 86_400)
    _show(issued, json=json)


@app.command()
def revoke(
    key_id: KeyId,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes on record")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """End a key at once, with its streams and console sessions."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "key.revoke", _resource(desk, key_id))
        desk.registrar.revoke(key_id, actor=actor, reason=reason)
    say(f"{key_id} is revoked")


@app.command("list")
def list_(
    who: Annotated[str, typer.Argument(help="Name or id [default: yourself]")] = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """List somebody's keys, the newest last."""
    from bartizan.cli.office import columns, office, until
    from bartizan.policy import Resource

    now = time.time()
    with office(data, config) as desk:
        actor = desk.enter(key)
        holder = desk.find(who) if who else actor
        desk.permit(actor, "key.list", Resource(type="Key", id="all", attributes={"owner": holder.person}))
        rows = [
            {
                "key": entry.key_id,
                "state": _state(entry, now),
                "issued": until(entry.issued_at),
                "expires": until(entry.expires_at),
                "ends": until(entry.ends_at or 0.0),
                "replaces": entry.replaces or "-",
            }
            for entry in desk.directory.keys(holder.id)
        ]
    emit(rows) if json else sys.stdout.write(columns(rows) + "\n")


def _state(entry: KeyEntry, now: float) -> str:
    if entry.ends_at is not None and now >= entry.ends_at:
        return "revoked"
    if entry.expires_at and now >= entry.expires_at:
        return "expired"
    return "in grace" if entry.ends_at is not None else "valid"


def _resource(desk: Office, key_id: str) -> Resource:
    """Return a key as policy sees it: an agent's belongs to its person, one that is not there to nobody."""
    from bartizan.policy import Resource

    entry = desk.directory.key(key_id)
    holder = desk.directory.principal(entry.principal, at=time.time()) if entry is not None else None
    return Resource(type="Key", id=key_id, attributes={"owner": holder.person if holder is not None else ""})


def _show(issued: IssuedKey, *, json: bool) -> None:
    if json:
        emit({"key_id": issued.key_id, "key": issued.secret.reveal(), "expires_at": issued.expires_at})
    else:
        sys.stdout.write(issued.secret.reveal() + "\n")
        say("this is the only time the key is shown")
