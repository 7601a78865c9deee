"""Nested values into flat fields, with bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bartizan.workbench.triage.ingest.caps import Caps

SCALARS: Final = (str, int, float, bool, type(None))


class ShapeError(ValueError):
    """The value is nested too deep or has too many fields; the message is the reason's code."""


def flat(value: Mapping[str, object], caps: Caps, prefix: str = "") -> dict[str, object]:
    """Return ``{"a": {"b": 1}}`` as ``{"a.b": 1}``; an array gives a tuple, and arrays of objects a tuple for each of their fields.

    Raises:
        ShapeError: More than ``caps`` allows.
    """
    out: dict[str, object] = {}
    _walk(value, prefix, out, caps, caps.depth)
    return out


def _walk(value: Mapping[str, object], prefix: str, out: dict[str, object], caps: Caps, depth: int) -> None:
    if depth <= 0:
        raise ShapeError("too_deep")
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict):
            _walk(item, f"{name}.", out, caps, depth - 1)
        elif isinstance(item, list):
            _array(item, name, out, caps, depth - 1)
        else:
            out[name] = item
    if len(out) > caps.fields:
        raise ShapeError("too_many_fields")


def _array(items: list[object], name: str, out: dict[str, object], caps: Caps, depth: int) -> None:
    if depth <= 0:
        raise ShapeError("too_deep")
    plain: list[object] = []
    inner: dict[str, list[object]] = {}
    for item in items:
        if isinstance(item, dict):
            one: dict[str, object] = {}
            _walk(item, f"{name}.", one, caps, depth - 1)
            for key, found in one.items():
                inner.setdefault(key, []).extend(found if isinstance(found, tuple) else (found,))
        elif isinstance(item, list):
            one = {}
            _array(item, name, one, caps, depth - 1)
            for key, found in one.items():
                inner.setdefault(key, []).extend(found if isinstance(found, tuple) else (found,))
        else:
            plain.append(item)
        if len(inner) > caps.fields:
            raise ShapeError("too_many_fields")
    if plain or not items:
        inner.setdefault(name, []).extend(plain)
    out.update((key, tuple(found)) for key, found in inner.items())


def text(value: object) -> str:
    """Return a field as text; a tuple's first, and nothing for None."""
    if isinstance(value, tuple):
        value = value[0] if value else None
    return value if isinstance(value, str) else "" if value is None else str(value)
