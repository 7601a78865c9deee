"""Incidents for a terminal; everything that came out of a log goes through ``safe``."""

from __future__ import annotations

import time
from typing import Final

from bartizan.cli.office import columns
from bartizan.cli.terminal import safe
from bartizan.event import SuppressedSampled
from bartizan.workbench.triage.incident import Incident, Outcome
from bartizan.workbench.triage.incident.book import Book
from bartizan.workbench.triage.incident.fold import Entry

_STEPS: Final = 40


def clock(at: float) -> str:
    """Return a time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def outcome(made: Outcome) -> str:
    """Print a run's incidents and what was suppressed."""
    parts = [incident(each) for each in made.incidents]
    suppressed = sum(group.alerts for group in made.groups)
    blind = sum(group.verdict == "not evaluable" for group in made.groups)
    parts.append(
        f"{made.alerts} alerts: {len(made.incidents)} incidents; {suppressed} alerts suppressed in {len(made.groups)} groups,"
        f" {blind} of them not evaluable because a sensor fell silent\n"
    )
    return "\n".join(parts)


def incident(each: Incident, entry: Entry | None = None) -> str:
    """Print one incident."""
    lines = [
        f"{each.id}  {each.verdict} (p {each.p:.2f}), {each.severity}: {safe(each.title)}",
        f"  {clock(each.first_at)} to {clock(each.end)} UTC, raised {clock(each.raised_at)}; {each.alerts} alerts",
        f"  ATT&CK: {' > '.join(each.tactics) or '-'}; {', '.join(each.techniques) or '-'}",
        "  why:",
        *(f"    {part.weight:+.2f}  {safe(part.text)} [{', '.join(map(safe, part.cites[:4]))}]" for part in each.statements),
        "  timeline:",
        *(
            f"    {number:>3}  {clock(step.at)}  {safe(step.host):<18} {safe(step.title)} x{step.count}"
            + ("" if step.role == "evidence" else f" ({step.role})")
            for number, step in enumerate(each.timeline[:_STEPS])
        ),
    ]
    if len(each.timeline) > _STEPS:
        lines.append(f"    ... and {len(each.timeline) - _STEPS} more")
    lines += [f"  missing: {safe(gap.tool)} said nothing of {safe(gap.host)} after {clock(gap.since)}" for gap in each.missing]
    for word in entry.words if entry is not None else ():
        lines.append(f"  {clock(word.at)} {word.ground}: {word.verdict}, {safe(word.reason)}")
    return "\n".join(lines) + "\n"


def listed(book: Book) -> str:
    """Print the list of incidents."""
    rows = [
        {
            "incident": entry.id,
            "verdict": book.standing(entry),
            "p": f"{entry.p:.2f}",
            "first": clock(entry.first_at),
            "alerts": entry.alerts,
            "techniques": ", ".join(entry.techniques[:5]) or "-",
        }
        for entry in book.listed()
    ]
    return columns(rows) + "\n"


def sample(book: Book, made: SuppressedSampled) -> str:
    """Print what was drawn."""
    known = {group.id: group for group in book.groups(made.run)}
    rows = []
    for item, stratum in made.items:
        group = known.get(item)
        rows.append(
            {
                "item": item,
                "stratum": stratum,
                "host": group.host if group else "-",
                "day": group.day if group else "-",
                "alerts": group.alerts if group else "-",
                "mostly": group.signatures[0][0] if group else "-",
            }
        )
    return f"sample {made.sample}\n{columns(rows)}\n"
