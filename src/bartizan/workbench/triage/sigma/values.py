"""How an event's value is read: as text, number, address or time. A value that is none of these is simply not equal."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def text_of(value: object) -> str:
    """Return the text that patterns see: ``true``/``false``, integers without a fraction, anything else as Python prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return str(value)


def each(value: object) -> Iterator[object]:
    """Yield the values of a field one by one; None and an empty list hold none."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from each(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from each(item)
    elif value is not None:
        yield value


def number_of(value: object) -> float | None:
    """Return the value as a number, None if it is not a decimal one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e300 else None
    if isinstance(value, str) and len(value) <= 64 and value.isascii() and "_" not in value:
        try:
            number = float(value)
        except ValueError:
            return None
        return number if abs(number) < 1e300 else None
    return None


def address_of(value: object) -> Address | None:
    """Return the value as an IP address (IPv4 if it is one mapped into IPv6), None if it is none."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    text = value.strip().strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def within(address: Address, network: Network) -> bool:
    """Say whether the address lies in the network; never true across versions."""
    return address.version == network.version and address in network


def moment_of(value: object) -> dt.datetime | None:
    """Return the value as a UTC time: ISO 8601 (UTC when it names no zone), or seconds, milliseconds or microseconds since 1970."""
    if isinstance(value, str) and value[:1].isdigit() and "-" in value[:8] and len(value) <= 48:
        return _iso(value)
    number = number_of(value)
    if number is None or number < 1e8:
        return None
    for scale in (1, 1e3, 1e6, 1e9):
        if number / scale < 1e11:
            return dt.datetime.fromtimestamp(number / scale, dt.UTC)
    return None


def _iso(text: str) -> dt.datetime | None:
    head, dot, tail = text.strip().replace(" ", "T", 1).partition(".")
    if dot:  # fromisoformat reads at most six digits of a fraction
        digits = len(tail) - len(tail.lstrip("0123456789"))
        head += "." + tail[: min(digits, 6)] + tail[digits:]
    try:
        moment = dt.datetime.fromisoformat(head.replace(" ", ""))
    except ValueError:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def time_part(moment: dt.datetime, part: str) -> int:
    """Return the minute, hour, day, ISO week, month or year."""
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))
