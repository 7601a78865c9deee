"""Times as logs write them, as UTC seconds."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Final

_MONTHS: Final = {
    name: number for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)
}
_MILLIS_FROM, _MICROS_FROM, _NANOS_FROM = 1e11, 1e14, 1e17
"""Numbers above these are milliseconds, microseconds, nanoseconds since 1970: seconds would be after the year 5138."""


def seconds(value: object) -> float | None:
    """Return a time as UTC seconds: ISO 8601 text, or seconds to nanoseconds since 1970; None when it is neither.

    A text without an offset counts as UTC.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return _number(float(value)) if abs(value) < 1e20 else None


def _number(value: float) -> float | None:
    if not value > 0:  # NaN too
        return None
    if value >= _NANOS_FROM:
        return value / 1e9
    if value >= _MICROS_FROM:
        return value / 1e6
    return value / 1e3 if value >= _MILLIS_FROM else value


def _text(value: str) -> float | None:
    if value[:1].isdigit() and value.replace(".", "", 1).isdigit() and len(value) > 8:
        return _number(float(value)) if value.isascii() and len(value) < 40 else None
    try:
        found = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=dt.UTC)
    try:
        return found.timestamp()
    except (OverflowError, ValueError):
        return None


def syslog_3164(month: str, day: str, clock: str, *, now: float) -> float | None:
    """Return ``Mmm dd hh:mm:ss`` as UTC seconds of the newest year in which it is not more than a day ahead of ``now``."""
    number = _MONTHS.get(month)
    parts = clock.split(":")
    if number is None or len(parts) != 3:
        return None
    try:
        hour, minute, second = int(parts[0]), int(parts[1]), float(parts[2])
        year = dt.datetime.fromtimestamp(now, dt.UTC).year
        for candidate in (year, year - 1):
            at = calendar.timegm((candidate, number, int(day), hour, minute, 0)) + second
            if at <= now + 86_400:
                return at
    except (ValueError, OverflowError):
        return None
    return None
