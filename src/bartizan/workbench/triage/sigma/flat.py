"""Nested records made flat: names joined with dots, lists of values as tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DEEPEST: Final = 32
_MOST: Final = 4096
_NESTED: Final = frozenset((dict, list))


def is_flat(event: Mapping[str, object]) -> bool:
    """Say whether no value is a mapping or list, as JSON decodes them."""
    return _NESTED.isdisjoint(map(type, event.values()))


def flat(event: Mapping[str, object]) -> dict[str, object]:
    """Return the event with one level; lists of mappings put the values of each name side by side.

    What lies deeper than 32 levels, and names beyond the first 4,096, are left out: no log format needs them, and hostile ones
    would use them up to the memory's end.
    """
    found: dict[str, object] = {}
    for name, value in event.items():
        if isinstance(value, dict | list | tuple):
            _put(found, str(name), value, 0)
        else:
            found[str(name)] = value
    return found


def _put(found: dict[str, object], name: str, value: object, depth: int) -> None:
    if depth > _DEEPEST or len(found) >= _MOST:
        return
    if isinstance(value, dict):
        for inner, one in value.items():
            _put(found, f"{name}.{inner}", one, depth + 1)
        if not value:
            found.setdefault(name, None)
    elif isinstance(value, list | tuple):
        plain = tuple(one for one in value if one is not None and not isinstance(one, dict | list | tuple))
        nested = [one for one in value if isinstance(one, dict | list | tuple)]
        if plain or not nested:
            _add(found, name, plain)
        for one in nested:
            _put(found, name, one, depth + 1)
    else:
        _add(found, name, value)


def _add(found: dict[str, object], name: str, value: object) -> None:
    if name not in found:
        found[name] = value
        return
    before = found[name]
    left = before if isinstance(before, tuple) else (before,)
    right = value if isinstance(value, tuple) else (value,)
    found[name] = (*left, *right)
