"""Phrases that say what a text is for: patterns as data.

``cues.toml`` names them by group; a cue is only evidence, weighed by training, never a verdict. Each pattern runs on its own: one
automaton for all of them was measured to run out of memory, because their gaps multiply.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import re2

_MEMORY: Final = 8 << 20
_FILE: Final = "cues.toml"


class Cue(NamedTuple):
    """``id`` names the weight."""

    id: str
    pattern: Any


class Cues:
    """Finds which cues a text has."""

    def __init__(self, cues: Iterable[Cue]) -> None:
        self._cues = tuple(cues)
        self.names = tuple(cue.id for cue in self._cues)

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of the cues that a text has, in order."""
        data = text.encode("utf-8", "replace")
        return [number for number, cue in enumerate(self._cues) if cue.pattern.search(data)]


def shipped_bytes() -> bytes:
    """Return the file of cues; its hash is part of the weights' manifest."""
    return files("bartizan.guard.learned").joinpath(_FILE).read_bytes()


@cache
def shipped() -> Cues:
    """Return the cues that come with the weights."""
    table: dict[str, dict[str, list[str]]] = tomllib.loads(shipped_bytes().decode())
    return Cues(
        Cue(f"{group}/{number}", re2.compile(f"(?i){pattern}", _options()))
        for group, patterns in table["cues"].items()
        for number, pattern in enumerate(patterns)
    )


def _options() -> Any:  # noqa: ANN401 - re2 has no types
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options
