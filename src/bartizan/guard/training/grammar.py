"""Expand templates: ``{name}`` is a random item of a list, ``{?name}`` is one half of the time, names that are bound stand for themselves.

Two braces stand for one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from random import Random
from typing import Final

import re2

_slot: Final = re2.compile(r"\{\{|\}\}|\{(\??)([a-zA-Z_]+)\}")


class Grammar:
    """The lists of one file of ``grammar/``."""

    def __init__(self, lists: Mapping[str, list[str]]) -> None:
        self._lists = lists

    @classmethod
    def shipped(cls, name: str) -> Grammar:
        """Read ``grammar/NAME.toml``."""
        return cls(table(name)["lists"])

    def expand(self, name: str, chance: Random, bound: Mapping[str, str] | None = None) -> str:
        """Return a random expansion of a list."""
        return self.fill(chance.choice(self._lists[name]), chance, bound or {})

    def fill(self, template: str, chance: Random, bound: Mapping[str, str]) -> str:
        """Return a template with every slot filled; raises KeyError for a slot that nothing fills."""
        pieces, done = [], 0
        for slot in _slot.finditer(template):
            pieces.append(template[done : slot.start()])
            done = slot.end()
            maybe, name = slot.group(1), slot.group(2)
            if not name:
                pieces.append(slot.group()[0])
                continue
            if maybe and chance.random() < 0.5:
                continue
            pieces.append(bound[name] if name in bound else self.fill(chance.choice(self._lists[name]), chance, bound))
        pieces.append(template[done:])
        return "".join(pieces)


def table(name: str) -> dict[str, dict[str, list[str]]]:
    """Return a file of ``grammar/`` as it is."""
    found: dict[str, dict[str, list[str]]] = tomllib.loads(
        files("bartizan.guard.training").joinpath("grammar", f"{name}.toml").read_text(encoding="utf-8")
    )
    return found
