"""What is done about a category of finding at a tier: rows of data, read strictly."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.event import ACTIONS, Action, Tier

_PHASES: Final = ("input", "output", "tool")
POSSIBLE: Final[Mapping[str, frozenset[Action]]] = MappingProxyType(
    {
        "input": frozenset(ACTIONS),
        "output": frozenset(ACTIONS) - {"reroute"},
        "tool": frozenset(ACTIONS) - {"reroute", "redact"},
    }
)
"""What can be done in a phase: an answer that is there can't be another model's, and a tool call with a hole in it is another call."""
_WHY: Final = {
    "reroute": "the answer is there already, so no other model can be asked",
    "redact": "a tool call with a part taken out is another call",
}
_PROHIBITED: Final = "_prohibited"

Rows = Mapping[Tier, Mapping[str, Action]]
"""Actions by tier, then category; each tier names every category of the text. ``secret.tool`` is what holds for ``secret`` in one phase."""


@cache
def phases() -> Mapping[str, tuple[str, ...]]:
    """Return the categories that controls report now and the phases in which they do (``shipped/categories.toml``)."""
    text = resources.files("bartizan.policy").joinpath("shipped", "categories.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["phases"], dict[str, tuple[str, ...]])


def categories() -> tuple[str, ...]:
    """Return the categories that controls report now."""
    return tuple(phases())


def parse_rows(text: str, *, source: str = "rows.toml") -> Rows:
    """Read rows from TOML; raises ConfigError on anything but tables of category, tier and action.

    Refused are also a prohibited use that is not blocked at every tier, and an action that can't be done in a phase of its category:
    what can't be done is said here, and never quietly becomes something else.
    """
    try:
        flat = _flat(tomllib.loads(text))
        raw = msgspec.convert(flat, dict[str, dict[Tier, Action]])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"reading policy rows: {error}", source=source) from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"reading policy rows: {error}", source=source, hint=f"actions are {', '.join(ACTIONS)}") from error
    for complaint, hint in _impossible(raw):
        raise ConfigError(f"reading policy rows: {complaint}", source=source, hint=hint)
    return MappingProxyType({tier: MappingProxyType({name: row.get(tier, "block") for name, row in raw.items()}) for tier in Tier})


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Lift ``[secret.tool]`` out of ``[secret]``."""
    flat: dict[str, Any] = {}
    for name, table in tables.items():
        if type(table) is not dict:
            flat[name] = table  # msgspec says what is wrong with it
            continue
        flat[name] = {key: value for key, value in table.items() if key not in _PHASES}
        flat |= {f"{name}.{key}": value for key, value in table.items() if key in _PHASES}
    return flat


def _impossible(raw: Mapping[str, Mapping[Tier, Action]]) -> Iterator[tuple[str, str]]:
    for name, row in raw.items():
        category, _, only = name.partition(".")
        if category.endswith(_PROHIBITED) and (named := [tier.value for tier in Tier if row.get(tier, "block") != "block"]):
            yield f"{name} is a prohibited use and would not be blocked for {', '.join(named)}", "prohibited uses are blocked at every tier"
        for phase in (only,) if only else phases().get(category, _PHASES):
            if phase != only and f"{category}.{phase}" in raw:
                continue
            for tier in Tier:
                action = row.get(tier, "block")
                if action not in POSSIBLE[phase]:
                    yield (
                        f"{name}: {action} can't be done in the phase {phase}: {_WHY[action]}",
                        f"say what is done there instead: [{category}.{phase}]",
                    )
