"""What is done about a category of finding at a tier: rows of data, read strictly."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.event import ACTIONS, Action, Tier

CATEGORIES: Final = (
    "injection",
    "secret",
    "canary",
    "egress",
    "tool_schema",
    "tool_denied",
    "tool_misuse",
    "taint",
    "blocked_phrase",
    "hidden_text",
    "unknown_item",
    "media",
    "control_failure",
)
"""The categories that controls report now."""

Rows = Mapping[Tier, Mapping[str, Action]]
"""Actions by tier, then category; each tier names every category of the text."""


def parse_rows(text: str, *, source: str = "rows.toml") -> Rows:
    """Read rows from TOML; raises ConfigError on anything but tables of category, tier and action."""
    try:
        raw = msgspec.convert(tomllib.loads(text), dict[str, dict[Tier, Action]])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"reading policy rows: {error}", source=source) from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"reading policy rows: {error}", source=source, hint=f"actions are {', '.join(ACTIONS)}") from error
    return MappingProxyType({tier: MappingProxyType({name: row.get(tier, "block") for name, row in raw.items()}) for tier in Tier})
