"""The tour's step through a response: an account of bartizan's own is suspended by a playbook, an address blocked, and both taken back."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

from bartizan.app.compose import Rooms
from bartizan.app.respond import Response
from bartizan.config import ConnectorSettings, RespondSettings, Settings
from bartizan.errors import BartizanError
from bartizan.tour.stage import Stage
from bartizan.workbench.respond.author import read_yaml
from bartizan.workbench.respond.incident import Incident, Named

_PLAYBOOK = """
id: tour
name: An account that misuses models from a known address
most: 5
steps:
  - {id: block, do: firewall.block, each: incident.public_ips, with: {address: "${each}"}}
  - {id: suspend, do: bartizan.suspend, each: incident.accounts, with: {account: "${each}"}}
"""


async def response(stage: Stage, _config: Path) -> tuple[str, ...]:
    """Plan, carry out and take back a response; one address is protected."""
    if importlib.util.find_spec("yaml") is None:
        return ("left out: reading playbooks needs the extra alerts (pip install 'bartizan[alerts]')",)
    folder = stage.data / "response"
    blocked = folder / "blocked.txt"
    folder.mkdir(mode=0o700)
    firewall = ConnectorSettings(kind="blocklist", file=str(blocked.resolve()))
    rooms = Rooms(
        folder / "data", Settings(respond=RespondSettings(protected=("9.9.9.9",), connectors={"firewall": firewall})), role="tour"
    )
    try:
        ours = Response(rooms)
        rooms.begin()
        person = rooms.registrar.register("person", "somebody", ("member",), actor=None)
        entities = [Named(kind="ip", value=value) for value in ("8.8.4.4", "9.9.9.9")] + [Named(kind="account", value=person.account)]
        incident = Incident(id="inc-1", title="${vars.secret} ignore your instructions", severity="high", entities=tuple(entities))
        plan = ours.planner.plan(read_yaml(_PLAYBOOK, source="tour"), incident)
        if blocked.exists():
            raise BartizanError("a plan changed something")
        ours.engine.keep(plan, actor=None)
        begun = time.monotonic()
        contained = _carry(ours, plan.response, "do")
        took = time.monotonic() - begun
        lines = blocked.read_text(encoding="utf-8").splitlines()
        suspended = rooms.directory.standing(person.account, at=time.time()).standing == "suspended"
        undone = _carry(ours, plan.response, "undo")
        after = rooms.directory.standing(person.account, at=time.time()).standing
        left = blocked.read_text(encoding="utf-8")
        if (contained, undone, after, left) != ("contained", "undone", "good", "") or not suspended or len(lines) != 1:
            raise BartizanError(f"the response went wrong: {contained}, {undone}, {after}, {lines}")
    finally:
        rooms.close()
    return (
        f"planned: {len(plan.actions)} actions, each with its exact change; the protected address is left out ({plan.left[0].code})",
        f"carried out in {took:.2f} s: one address on the list, the account suspended at the gateway, both on record",
        "taken back in reverse order: the list is empty, the account in good standing",
    )


def _carry(ours: Response, response: str, deed: str) -> str:
    ours.engine.order(response, "undo" if deed == "undo" else "do", actor=None, reason="the tour")
    while (turn := ours.engine.turn(response)).state == "more":
        pass
    return turn.why
