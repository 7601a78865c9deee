"""Filters and cursors of a list, read from the URL and written back to it: they survive reloads, tabs, bookmarks and ``.json``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec

from bartizan.errors import RefusedError

PAGE: Final = 200
"""Rows a page holds at most; 2,000 rows took Chromium 2.5 s to show."""
_MAX_VALUE: Final = 256
_MAX_SEQ: Final = 1 << 53


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page begins: rows older than or newer than a ledger entry; None and None is the newest page."""

    older: int | None = None
    newer: int | None = None
    rows: int = PAGE


def text(query: Mapping[str, str], name: str) -> str:
    """Return a filter's value, empty when it is not set; raises RefusedError 400 for one that no row can have."""
    value = query.get(name, "").strip()
    if len(value) > _MAX_VALUE:
        raise RefusedError(f"the filter {name} is longer than {_MAX_VALUE} characters", code="bad_filter", param=name)
    return value


def choice(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """Return a filter's value out of a closed set, empty when it is not set; raises RefusedError 400."""
    value = text(query, name)
    if value and value not in allowed:
        raise RefusedError(f"the filter {name} has no such value", code="bad_filter", param=name, hint=f"one of: {', '.join(allowed)}")
    return value


def moment(query: Mapping[str, str], name: str) -> float | None:
    """Return a time filter as UTC seconds, None when it is not set: ISO 8601, UTC unless it says otherwise."""
    value = text(query, name)
    if not value:
        return None
    try:
        found = dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise RefusedError(f"the filter {name} is no time", code="bad_filter", param=name, hint="write 2026-11-22T09:30") from error
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()


def cursor(query: Mapping[str, str]) -> Cursor:
    """Return where the page begins and how many rows it holds."""
    older, newer = _number(query, "older"), _number(query, "newer")
    if older is not None and newer is not None:
        raise RefusedError("a page begins at one place", code="bad_filter", param="newer", hint="give older or newer, not both")
    rows = _number(query, "rows")
    return Cursor(older=older, newer=newer, rows=PAGE if rows is None else max(1, min(rows, PAGE)))


def link(path: str, *parts: Mapping[str, object]) -> str:
    """Return a path with a query of all parts; later ones win, and empty values are left out."""
    merged: dict[str, object] = {}
    for part in parts:
        merged.update(part)
    query = urlencode({name: value for name, value in merged.items() if value not in (None, "")}, errors="surrogatepass")
    return f"{path}?{query}" if query else path


def _number(query: Mapping[str, str], name: str) -> int | None:
    value = text(query, name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit()) or int(value) > _MAX_SEQ:
        raise RefusedError(f"{name} is no entry number", code="bad_filter", param=name)
    return int(value)
