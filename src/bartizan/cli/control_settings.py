"""``bartizan controls set``: thresholds, rules and lists of a control, changed while everything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say
from bartizan.errors import ConfigError, RefusedError
from bartizan.event import ControlSettingsChanged

Name = Annotated[str, typer.Argument(help="Id of a control; bartizan controls list shows them", metavar="CONTROL")]


def set_settings(
    control: Name,
    change: Annotated[
        list[str], typer.Argument(help="thresholds.high.public=0.97 ...; an empty value goes back to what ships", metavar="KEY=VALUE")
    ],
    *,
    reason: Annotated[str, typer.Option(help="Why; goes on record")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Change a control's settings for the next request on, on record; what the control can't be built with changes nothing."""
    from bartizan.app import registry
    from bartizan.cli.office import office
    from bartizan.identity import duties
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "control.change", Resource(type="Control", id=control))
        controls = registry(desk.settings)
        for seq, fact in desk.ledger.events(kinds=controls.KINDS):
            controls.fold(seq, fact)
        settings = changed(controls.settings.get(control, "{}"), change)
        built = controls.configured(control, settings)
        fact_ = ControlSettingsChanged(control=control, settings=settings, reason=reason)
        needed = duties().control_approvers[desk.directory.profile]
        approval = ""
        if needed:
            summary = f"settings of {control}: {reason}"
            approval = desk.desk.ask("control.settings", msgspec.json.encode(fact_), actor=actor, needed=needed, summary=summary)
            say(f"waits for {needed} other person(s): bartizan case approve {approval}")
        else:
            desk.ledger.append_now(_envelope(fact_, actor.tenant, actor.id, actor.account))
            desk.review(actor, "controls", what=f"settings of {control} changed: {reason}", evidence=built.sha256)
            say(f"{safe(control)} runs with {safe(settings)}")
    if json:
        emit({"control": control, "settings": msgspec.json.decode(settings), "approval": approval, "sha256": built.sha256})


def _envelope(fact: ControlSettingsChanged, tenant: str, actor: str, account: str) -> Any:  # noqa: ANN401 - an Envelope, imported late
    from bartizan.event import envelope

    return envelope(fact, tenant=tenant, actor=actor, account=account)


def changed(settings: str, changes: Iterable[str]) -> str:
    """Return settings (a JSON object) with dotted keys set or, by an empty value, taken away; raises ConfigError.

    A value is JSON; what is not JSON is a string.
    """
    new: dict[str, Any] = msgspec.json.decode(settings, type=dict[str, Any])
    for each in changes:
        name, equals, value = each.partition("=")
        path = name.split(".")
        if not equals or not all(path):
            raise ConfigError(f"{safe(each)} is not KEY=VALUE", hint="such as thresholds.high.public=0.97")
        new = _with(new, path, value)
    return msgspec.json.encode(new, order="sorted").decode()


def _with(old: Mapping[str, Any], path: list[str], value: str) -> dict[str, Any]:
    """Return a table with one leaf set or taken away; tables that become empty go with it."""
    first, *rest = path
    below: Any
    if rest:
        inner = old.get(first, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{safe(first)} is not a table, so nothing in it can be set")
        below = _with(inner, rest, value)
    else:
        below = _value(value) if value else {}
    kept = {name: each for name, each in old.items() if name != first}
    return kept if below == {} else kept | {first: below}


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def read_change(subject: bytes) -> ControlSettingsChanged:
    """Read what was asked for when new settings were proposed; raises RefusedError."""
    try:
        return msgspec.json.decode(subject, type=ControlSettingsChanged)
    except msgspec.DecodeError as error:
        raise RefusedError(
            f"reading the settings that were asked for: {error}", code="invalid_settings", hint="propose them again"
        ) from error
