"""Phrases that say what a text is for: patterns as data.

``cues.toml`` names them by group; a cue is only evidence, weighed by training, never a verdict. One automaton for all of them was
measured to run out of memory, because their gaps multiply. So one pass finds the words that they can't do without, and only those whose
words are there run, each on its own: a tenth of running all of them, and memory only for what is ever tried.
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
    """``id`` names the weight; ``source`` is RE2 syntax."""

    id: str
    source: str


class Cues:
    """Finds which cues a text has."""

    def __init__(self, cues: Iterable[Cue]) -> None:
        each = tuple(cues)
        self.names = tuple(cue.id for cue in each)
        self._patterns = re2.Filter()
        for cue in each:
            self._patterns.Add(cue.source, _options())
        self._patterns.Compile()

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of the cues that a text has, in order."""
        return sorted(self._patterns.Match(text.encode("utf-8", "replace")) or ())


def shipped_bytes() -> bytes:
    """Return the file of cues; its hash is part of the weights' manifest."""
    return files("bartizan.guard.learned").joinpath(_FILE).read_bytes()


@cache
def shipped() -> Cues:
    """Return the cues that come with the weights."""
    table: dict[str, dict[str, list[str]]] = tomllib.loads(shipped_bytes().decode())
    return Cues(
        Cue(f"{group}/{number}", f"(?i){pattern}") for group, patterns in table["cues"].items() for number, pattern in enumerate(patterns)
    )


def _options() -> Any:  # noqa: ANN401 - re2 has no types
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options
