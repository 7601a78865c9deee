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
_GROUPS: Final = 20
_TITLE: Final = 60


def clock(at: float) -> str:
    """Return a time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def outcome(made: Outcome) -> str:
    """Print a run's incidents and what was suppressed."""
    parts = [incident(each) for each in made.incidents]
    if made.groups:
        parts.append(_suppressed(made))
    suppressed = sum(group.alerts for group in made.groups)
    blind = sum(group.verdict == "not evaluable" for group in made.groups)
    told = f"{_many(made.alerts, 'alert')}: {_many(len(made.incidents), 'incident')}"
    told += f"; {_many(suppressed, 'alert')} suppressed in {_many(len(made.groups), 'group')}"
    parts.append(told + (f", {blind} of them not evaluable" if blind else "") + "\n")
    return "\n".join(parts)


def _suppressed(made: Outcome) -> str:
    """Print suppressed groups, largest first, and every grave signature among them with the reason."""
    groups = sorted(made.groups, key=lambda group: -group.alerts)
    rows = [
        {
            "host": group.host or "-",
            "day": group.day,
            "alerts": group.alerts,
            "verdict": group.verdict,
            "because": group.reason,
            "mostly": ", ".join(f"{title[:_TITLE]} x{count}" for title, count in group.signatures[:2]),
        }
        for group in groups[:_GROUPS]
    ]
    lines = ["suppressed:", columns(rows)]
    if len(groups) > _GROUPS:
        lines.append(f"... and {len(groups) - _GROUPS} more groups")
    grave = sorted((each for group in groups for each in group.grave), key=lambda each: (each.severity != "critical", each.first_at))
    if grave:
        lines += ["", "high or critical, and suppressed all the same; look at them:"]
        lines.append(
            columns(
                [
                    {
                        "first": clock(each.first_at) if each.first_at > 0 else "-",
                        "host": each.host or "-",
                        "severity": each.severity,
                        "alerts": each.count,
                        "title": each.title[:_TITLE],
                        "because": each.reason,
                        "record": each.cites[0],
                    }
                    for each in grave[:_STEPS]
                ]
            )
        )
        if len(grave) > _STEPS:
            lines.append(f"... and {len(grave) - _STEPS} more; --json has them all")
    return "\n".join(lines) + "\n"


def incident(each: Incident, entry: Entry | None = None) -> str:
    """Print one incident."""
    width = max((len(safe(step.host)) for step in each.timeline[:_STEPS]), default=0)
    lines = [
        f"{each.id}  {each.verdict} (p {each.p:.2f}), {each.severity}: {safe(each.title)}",
        f"  {clock(each.first_at)} to {clock(each.end)} UTC, raised {clock(each.raised_at)}; {_many(each.alerts, 'alert')}",
        f"  ATT&CK: {' > '.join(each.tactics) or '-'}; {', '.join(each.techniques) or '-'}",
        "  why:",
        *(f"    {part.weight:+.2f}  {safe(part.text)} [{', '.join(map(safe, part.cites[:4]))}]" for part in each.statements),
        "  timeline:",
        *(
            f"    {number:>3}  {clock(step.at)}  {safe(step.host):<{width}}  {safe(step.title)} x{step.count}"
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
