"""Kinds of indicator in the words of other systems: one table, read both when they come in and when they go out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_TABLE: Final = tomllib.loads((files("bartizan.workbench.intel") / "data" / "exchange.toml").read_text(encoding="utf-8"))

STIX_PATHS: Final[Mapping[str, str]] = _TABLE["stix_in"]
"""From a STIX object path to a kind."""
STIX_OUT: Final[Mapping[str, str]] = _TABLE["stix_out"]
"""From a kind to the STIX object path of its pattern."""
MISP_KINDS: Final[Mapping[str, str]] = _TABLE["misp_in"]
"""From a MISP attribute type to a kind."""
MISP_OUT: Final[Mapping[str, str]] = _TABLE["misp_out"]
"""From a kind to ``category/type`` of a MISP attribute."""
