"""Plans and responses as text for a terminal; nothing of an incident reaches it raw."""

from __future__ import annotations

from bartizan.cli.terminal import safe
from bartizan.workbench.respond.plan import Action, Plan
from bartizan.workbench.respond.shown import Shown

_WIDTH = 220


def plan(made: Plan) -> str:
    """Return a plan: each action with its exact changes, and what was left out with the reason."""
    lines = [
        f"response  {made.response}",
        f"incident  {safe(made.incident.id)}: {safe(made.incident.title)}",
        f"playbook  {made.playbook} ({made.playbook_name})",
        f"reach     {made.reach} assets and accounts",
        "",
    ]
    lines += [action(each).rstrip("\n") for each in made.actions]
    if not made.actions:
        lines.append("nothing to do")
    if made.left:
        lines += ["", "left out:", *(f"  {each.step}: {each.code}: {safe(each.why)}" for each in made.left)]
    lines += ["", f"carry it out: bartizan respond run {made.response}", ""]
    return "\n".join(lines)


def action(each: Action) -> str:
    """Return one action."""
    consent = f", waits for {each.persons} person{'s' if each.persons > 1 else ''} ({each.why})" if each.persons else ""
    lines = [f"{each.id}  {each.do}  [{each.effect}, reaches {each.reach}{consent}]"]
    lines += [f"    {change.deed} {_short(change.target)} {_short(change.detail)}".rstrip() for change in each.changes]
    if not each.changes and each.effect != "read":
        lines.append("    nothing: it is so already")
    if each.compensation:
        lines.append(f"    undo: {each.compensation}")
    return "\n".join(lines) + "\n"


def shown(made: Shown) -> str:
    """Return how a response stands."""
    lines = [
        f"response  {made.response}  {made.state.replace('_', ' ')}" + (f" ({safe(made.code)})" if made.code else ""),
        f"incident  {safe(made.incident)}: {safe(made.title)}",
        f"playbook  {made.playbook}",
        "",
    ]
    wide = max((len(step.id) for step in made.steps), default=0)
    for step in made.steps:
        note = f"  {safe(step.note)}" if step.note else ""
        lines.append(f"  {step.id.ljust(wide)}  {step.state.ljust(10)}  {step.do}{note}")
    if made.waiting:
        lines += ["", f"waits for consent: bartizan respond approve {made.response}"]
    return "\n".join([*lines, ""])


def _short(text: str) -> str:
    line = safe(text.replace("\r\n", " ").replace("\n", " "))
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
