"""``bartizan policy``: the rules that decide."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(help="The rules that decide, in Cedar and rows: look at them, check them, ask them, change them.", no_args_is_help=True)

Cedar = Annotated[Path | None, typer.Option("--cedar", help="Cedar policies [default: those in force]", exists=True, dir_okay=False)]
Rows = Annotated[Path | None, typer.Option("--rows", help="TOML rows [default: those in force]", exists=True, dir_okay=False)]


@app.command()
def lint(cedar: Cedar = None, rows: Rows = None, json: Json = False) -> None:
    """Check policies and rows: what keeps them out of force, and what in them can never matter. Needs no key and no data."""
    from bartizan.cli.office import columns
    from bartizan.policy import lint as check
    from bartizan.policy import shipped

    found = check(_text(cedar, shipped().cedar), _text(rows, shipped().rows))
    if json:
        emit(found)
    elif found:
        lines = [{"level": each.level, "where": each.where or "-", "what": each.what, "hint": each.hint or "-"} for each in found]
        sys.stdout.write(columns(lines) + "\n")
    else:
        say("nothing to say against it")
    if any(each.level == "error" for each in found):
        raise typer.Exit(1)


@app.command()
def explain(
    action: Annotated[str, typer.Argument(help="chat, call_tool, grant.approve ...; bartizan policy show actions lists them")],
    *,
    who: Annotated[str, typer.Option("--principal", help="Name or id [default: yourself]")] = "",
    resource: Annotated[str, typer.Option(help="Id of what it is done to")] = "any",
    attributes: Annotated[str, typer.Option(help='Its attributes as JSON, such as {"owner": "person_..."}')] = "{}",
    context: Annotated[str, typer.Option(help='What is known of the request as JSON, such as {"tier": 1, "model": "m"}')] = "{}",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Decide one request without doing it, and say which policies decided."""
    from bartizan.cli.office import columns, office
    from bartizan.policy import Resource, actions
    from bartizan.policy import explain as ask

    with office(data, config) as desk:
        actor = desk.enter(key)
        holder = desk.find(who) if who else actor
        if holder.person != actor.person:
            desk.permit(actor, "policy.show")
        row = actions().get(action)
        what = Resource(type=row.resource if row is not None else "Record", id=resource, attributes=_json(attributes, "--attributes"))
        said = ask(desk.policy, holder, action, what, _json(context, "--context"))
    if json:
        emit({"sentence": said.sentence(), "decision": said.decision, "policies": said.policies})
        return
    sys.stdout.write(safe(said.sentence()) + "\n")
    lines = [{"": "*" if each.decided else "", "policy": each.id, "effect": each.effect, "says": each.words} for each in said.policies]
    sys.stdout.write(("\n" + columns(lines) + "\n") if lines else "")


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="cedar, rows, core, schema, actions or version")] = "cedar",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Print the policy in force, so that it can be edited and set."""
    from bartizan.cli.office import office
    from bartizan.errors import ConfigError
    from bartizan.policy import actions, shipped

    with office(data, config) as desk:
        desk.permit(desk.enter(key), "policy.show")
        engine, refused = desk.policy.engine, desk.policy.refused
    texts = {
        "cedar": engine.cedar,
        "rows": engine.rows_text,
        "core": shipped().core,
        "schema": shipped().schema,
        "actions": "\n".join(f"{name} on {row.resource}" for name, row in actions().items()),
        "version": engine.version,
    }
    if what not in texts:
        raise ConfigError(f"there is no {safe(what)} to show", hint=", ".join(texts))
    emit({what: texts[what], "version": engine.version, "refused": refused}) if json else sys.stdout.write(texts[what].rstrip() + "\n")
    for each in refused:
        say(f"a change was refused: {safe(each)}")


@app.command("set")
def set_(
    reason: Annotated[str, typer.Option("--reason", help="Why; goes on record")],
    cedar: Cedar = None,
    rows: Rows = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Put a policy in force everywhere; one that does not validate changes nothing."""
    from bartizan.cli.office import office
    from bartizan.errors import ConfigError
    from bartizan.policy import Resource, change

    if cedar is None and rows is None:
        raise ConfigError("nothing to set", hint="pass --cedar FILE, --rows FILE or both")
    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "policy.change", Resource(type="PolicyText", id="policy"))
        before = desk.policy.engine
        begun = time.time()
        version = change(
            desk.ledger,
            desk.policy,
            actor=actor,
            cedar=_text(cedar, before.cedar),
            rows=_text(rows, before.rows_text),
            reason=reason,
        )
        desk.review(actor, "policy", what=f"policy changed: {reason}", evidence=version)
    emit({"version": version, "before": before.version, "at": begun}) if json else say(f"in force: {version}")


def _text(path: Path | None, default: str) -> str:
    from bartizan.errors import ConfigError

    if path is None:
        return default
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"reading {path}: {error}", source=str(path)) from error


def _json(text: str, option: str) -> dict[str, str]:
    from bartizan.errors import ConfigError

    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{option} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{option} is not a JSON object")
    return value
