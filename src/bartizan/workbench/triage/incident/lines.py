"""An outcome as JSON lines: what ``bartizan triage alerts`` writes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bartizan.workbench.triage.incident.incident import Verdict
from bartizan.workbench.triage.incident.outcome import Outcome


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One incident, or one group of suppressed alerts. ``alerts`` are row numbers from 0; times are UTC seconds.

    ``first_alert_t`` is the time of the first sign, ``raised_t`` the event time at which the incident was raised; both are of the
    first alert for a suppressed group, which was never raised.
    """

    incident: str
    alerts: list[int]
    verdict: Verdict
    p: float
    first_alert_t: float
    raised_t: float | None
    suppressed: bool
    title: str
    techniques: tuple[str, ...] = ()


def encode(outcome: Outcome) -> Iterator[bytes]:
    """Yield the lines, incidents first, in order of time."""
    for incident in outcome.incidents:
        yield _line(
            Line(
                incident=incident.id,
                alerts=sorted(outcome.members[incident.id]),
                verdict=incident.verdict,
                p=incident.p,
                first_alert_t=incident.first_at,
                raised_t=incident.raised_at,
                suppressed=False,
                title=incident.title,
                techniques=incident.techniques,
            )
        )
    for group in outcome.groups:
        yield _line(
            Line(
                incident=group.id,
                alerts=sorted(outcome.members[group.id]),
                verdict=group.verdict,
                p=group.p,
                first_alert_t=group.start,
                raised_t=None,
                suppressed=True,
                title=f"{group.host}, {group.day}: {group.reason}",
            )
        )


def _line(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"
