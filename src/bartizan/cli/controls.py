"""``bartizan controls``: what judges exchanges, in which mode, for whom."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bartizan.cli.control_settings import Name, set_settings
from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, safe, say, settings_file

if TYPE_CHECKING:
    from bartizan.control import Loading, Registry
    from bartizan.event import Verdict
    from bartizan.policy import Rows

app = typer.Typer(help="What judges exchanges, in which mode, for whom.", no_args_is_help=True)
app.command("set")(set_settings)


@app.command("list")
def list_(data: Data = None, config: Settings = None, json: Json = False) -> None:
    """List every control: loaded with its modes, skipped or failed with the reason. Needs no key."""
    from bartizan.cli.office import columns

    registry = _registry(data, config)
    rows = [_row(registry, loading) for loading in registry.loadings]
    if json:
        emit(rows)
    else:
        sys.stdout.write(columns([{key: row.get(key, "-") for key in _COLUMNS} for row in rows]) + "\n")


@app.command()
def report(
    hours: Annotated[float, typer.Option(help="Look back so many hours")] = 24.0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Say what controls in shadow would have stopped, by rule, with the newest exchange of each to look at."""
    import time

    import msgspec

    from bartizan.app import open_rooms
    from bartizan.app.tables import tables
    from bartizan.cli.office import Office, columns
    from bartizan.config import load
    from bartizan.gateway import projection

    with open_rooms(data_directory(data), load(settings_file(config))) as rooms:
        desk = Office(rooms)
        actor = desk.enter(key)
        desk.permit(actor, "exchange.list")
        state = tables(rooms)
        try:
            state.catch_up()
            now = time.time()
            span = projection.Span(tenant=actor.tenant, since=now - hours * 3600, until=now + 1)
            with state.read() as connection:
                found = projection.would_stop(connection, span)
        finally:
            state.close()
    if json:
        emit(found)
    elif found:
        sys.stdout.write(columns([msgspec.to_builtins(row) for row in found]) + "\n")
    else:
        say(f"no control in shadow would have stopped anything in the last {hours:g} hours")


@app.command()
def show(control: Name, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Show one control: what it looks for, where, at what cost, and what its failure counts as. Needs no key."""
    registry = _registry(data, config)
    row = _row(registry, _known(registry, control))
    if json:
        emit(row)
    else:
        sys.stdout.write("".join(f"{key:<12} {safe(str(value))}\n" for key, value in row.items()))


@app.command()
def mode(
    control: Name,
    to: Annotated[str, typer.Argument(help="off, shadow or enforce", metavar="MODE")],
    *,
    tier: Annotated[list[str] | None, typer.Option(help="Tier it changes for; may be repeated [default: all]")] = None,
    reason: Annotated[str, typer.Option(help="Why; goes on record")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Change a control's mode for the next request on, on record."""
    from typing import get_args

    from bartizan.cli.office import office
    from bartizan.event import ControlModeChanged, Mode, Tier, envelope
    from bartizan.policy import Resource

    modes: dict[str, Mode] = {each: each for each in get_args(Mode)}
    if to not in modes:
        raise typer.BadParameter(f"modes: {', '.join(modes)}")
    if unknown := set(tier or ()) - {each.value for each in Tier}:
        raise typer.BadParameter(f"no tier {', '.join(sorted(unknown))}; tiers: {', '.join(each.value for each in Tier)}")
    _known(_registry(data, config), control)
    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "control.change", Resource(type="Control", id=control))
        change = ControlModeChanged(control=control, mode=modes[to], tiers=tuple(Tier(each) for each in tier or ()), reason=reason)
        desk.ledger.append_now(envelope(change, tenant=actor.tenant, actor=actor.id, account=actor.account))
    say(f"{control} is {to} for {', '.join(tier) if tier else 'all tiers'}")


@app.command("test")
def judge(
    text: Annotated[str, typer.Argument(help="What to judge; - reads it from stdin")],
    *,
    phase: Annotated[str, typer.Option(help="input or output")] = "input",
    origin: Annotated[str, typer.Option(help="Who wrote it: user, tool, document, operator, model ...")] = "user",
    tier: Annotated[str, typer.Option(help="Tier whose policy rows apply")] = "public",
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Judge a text as the gateway would, with nothing recorded; exit code 1 if it would be stopped. Needs no key."""
    from bartizan.cli.office import columns

    registry, policy = _registry(data, config), _rows(data, config)
    judgement = asyncio.run(_judge(sys.stdin.read() if text == "-" else text, phase, origin, tier, registry, policy))
    if json:
        emit(judgement)
    else:
        sys.stdout.write(columns([_verdict(verdict) for verdict in judgement.verdicts]) + f"\n\naction: {judgement.action}\n")
    if judgement.action not in {"allow", "flag"}:
        raise typer.Exit(1)


async def _judge(text: str, phase: str, origin: str, tier: str, registry: Registry, rows: Rows) -> Any:  # noqa: ANN401 - a Judgement, imported late
    import msgspec

    from bartizan.control import Context, Runner, Segment
    from bartizan.event import Tier

    if phase not in {"input", "output"}:
        raise typer.BadParameter("phases: input, output")
    try:
        segment = msgspec.convert({"path": "$", "origin": origin, "channel": "text", "text": text}, Segment)
        asked = Tier(tier)
    except (msgspec.ValidationError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    context = Context(exchange="test", tenant="default", account="test", principal="test", tier=asked, model="test", actions=rows[asked])
    return await Runner(registry).judge("input" if phase == "input" else "output", [segment], [], context)


_COLUMNS = ("id", "state", "version", "layer", "modes", "stops_benign", "reason")


def _row(registry: Registry, loading: Loading) -> dict[str, Any]:
    from bartizan.control import Loaded
    from bartizan.event import Tier
    from bartizan.guard.evidence import shipped_evidence

    if not isinstance(loading, Loaded):
        return {"id": loading.id, "state": type(loading).__name__.lower(), "reason": loading.reason, "plugin": loading.plugin}
    about = loading.descriptor
    modes = {tier.value: registry.modes.of(about.id, tier) for tier in Tier}
    return {
        "id": about.id,
        "state": "loaded",
        "version": about.version,
        "layer": about.layer,
        "phases": ", ".join(about.phases),
        "modes": modes["public"] if len(set(modes.values())) == 1 else ", ".join(f"{tier} {mode}" for tier, mode in modes.items()),
        "stops_benign": _cost(about.id),
        "categories": ", ".join(about.categories),
        "title": about.title,
        "doc": about.doc,
        "owner": about.owner,
        "on_error": about.on_error,
        "cost": about.cost,
        "budget_ms": about.budget_ms,
        "review_days": about.review_days,
        "settings": registry.settings.get(about.id, "as shipped"),
        "settings_refused": registry.refused.get(about.id, ""),
        "sha256": loading.sha256,
        "false_positives": evidence.of(about.id, loading.sha256) if (evidence := shipped_evidence()) else "not measured",
        "plugin": loading.plugin,
    }


def _cost(control: str) -> str:
    """Return the share of benign security work that a control stops for the public, with its 95 % interval."""
    from bartizan.guard.evidence import shipped_evidence

    evidence = shipped_evidence()
    known = evidence.controls.get(control) if evidence is not None else None
    if known is None:
        return "-"
    low, high = known.tiers["public"].interval()
    return f"{known.tiers['public'].share:.1%} ({low:.1%}-{high:.1%})"


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "control": verdict.control,
        "mode": verdict.mode,
        "category": verdict.category or "-",
        "rule": verdict.rule or "-",
        "would": verdict.would,
        "at": ", ".join(f"{span.start}-{span.end}" for span in verdict.spans[:3]) or "-",
        "seen as": " > ".join(verdict.views) or "written",
        "cpu us": verdict.cpu_us,
        "error": verdict.error or "-",
    }


def _known(registry: Registry, control: str) -> Loading:
    from bartizan.control import Loaded
    from bartizan.errors import ControlError

    for loading in registry.loadings:
        if (loading.descriptor.id if isinstance(loading, Loaded) else loading.id) == control:
            return loading
    raise ControlError(f"there is no control {safe(control)}", hint="bartizan controls list shows all of them")


def _registry(data: Path | None, config: Path | None) -> Registry:
    """Load the controls of the settings, with the modes on record where there is a data directory."""
    from bartizan.app import open_rooms, registry
    from bartizan.config import load

    settings, directory = load(settings_file(config)), data_directory(data)
    controls = registry(settings)
    if (directory / "ledger.db").exists():
        with open_rooms(directory, settings) as rooms:
            for seq, change in rooms.ledger.events(kinds=controls.KINDS):
                controls.fold(seq, change)
    return controls


def _rows(data: Path | None, config: Path | None) -> Rows:
    """Return what policy does about each category: the rows in force, or those shipped where there is no data directory."""
    from bartizan.app import open_rooms
    from bartizan.config import load
    from bartizan.event import Tier
    from bartizan.policy import parse_rows, shipped

    directory = data_directory(data)
    if not (directory / "ledger.db").exists():
        return parse_rows(shipped().rows)
    with open_rooms(directory, load(settings_file(config))) as rooms:
        return {tier: rooms.policy.actions(tier) for tier in Tier}
