"""What requests can be about, and how dangerous a use is: the categories that policy rows speak of, as data with their grounds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal, get_args

import msgspec

from bartizan.errors import ControlError
from bartizan.guard.rulebook import shipped_bytes

Level = Literal["benign", "low", "high", "prohibited"]
"""Dual-use level, mildest first."""

LEVELS: Final[tuple[Level, ...]] = get_args(Level)


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public policy or benchmark that a category is grounded in."""

    title: str
    url: str


class Category(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subject of misuse; the text of a level says what counts, empty for a level that it doesn't have."""

    id: str
    family: Literal["cyber", "general"]
    title: str
    sources: tuple[str, ...]
    attack: tuple[str, ...] = ()
    """MITRE ATT&CK tactics or techniques."""
    prohibited: str = ""
    high: str = ""
    low: str = ""
    benign: str = ""

    def levels(self) -> tuple[Level, ...]:
        """Return the levels above ``benign`` that it has, mildest first."""
        return tuple(level for level in LEVELS[1:] if getattr(self, level))

    def at(self, level: Level) -> Level:
        """Return the level itself, or the next stricter one that it has, else its strictest."""
        return next((own for own in self.levels() if LEVELS.index(own) >= LEVELS.index(level)), self.levels()[-1])


class Taxonomy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``guard/data/taxonomy.toml``."""

    version: str
    licence: str
    sources: Mapping[str, Source]
    tags: Mapping[str, str]
    categories: tuple[Category, ...]

    def category(self, topic: str) -> Category | None:
        """Return a category by id."""
        return next((each for each in self.categories if each.id == topic), None)

    def rows(self) -> tuple[str, ...]:
        """Return the names that policy has rows for: ``malware_prohibited``, ``malware_high`` ..."""
        return tuple(row(each.id, level) for each in self.categories for level in each.levels())


def row(topic: str, level: Level) -> str:
    """Return the policy row of a category at a level."""
    return f"{topic}_{level}"


@cache
def shipped() -> Taxonomy:
    """Return the shipped taxonomy; raises ControlError when the file is not what it should be."""
    return read_taxonomy(shipped_bytes("taxonomy.toml"))


def read_taxonomy(data: bytes) -> Taxonomy:
    """Parse a taxonomy from TOML bytes; raises ControlError naming the category that is wrong."""
    try:
        raw: dict[str, Any] = tomllib.loads(data.decode())
        found = msgspec.convert(raw, Taxonomy)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ControlError(f"reading the taxonomy: {error}") from error
    seen: set[str] = set()
    for each in found.categories:
        if each.id in seen or not each.levels() or not each.sources or not set(each.sources) <= set(found.sources):
            raise ControlError(
                f"the taxonomy's category {each.id} is there twice, has no level, or names an unknown source",
                hint="each has one id, at least one of prohibited, high, low, and sources from [sources]",
            )
        seen.add(each.id)
    return found
