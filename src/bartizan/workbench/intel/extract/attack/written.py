"""Techniques that a text names itself: by id, by the address of their page, or by name as a title."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from bartizan.workbench.intel.extract.attack.catalogue import Catalogue, Listed
from bartizan.workbench.intel.extract.budget import Budget
from bartizan.workbench.intel.extract.found import Technique
from bartizan.workbench.intel.extract.plain import pattern

_ids = pattern(r"\bT[01][0-9]{3}(?:[./][0-9]{3})?\b", case=True)
_ORDER: Final = {"enterprise": 0, "ics": 1, "mobile": 2}


def by_id(data: bytes, catalogue: Catalogue, budget: Budget) -> Iterator[Technique]:
    """Yield what is named by its id; an id that the catalogue hasn't got is none."""
    for match in budget.take(_ids.finditer(data), "ids of techniques"):
        written = match.group().decode("latin-1")
        listed = catalogue.find(written.replace("/", "."))
        end = match.end()
        if listed is None and len(written) > 5:
            listed, end = catalogue.find(written[:5]), match.start() + 5
        if listed is not None:
            yield technique(listed, match.start(), end, "id")


def technique(listed: Listed, start: int, end: int, how: str, p: float = 1.0) -> Technique:
    """Make a mention of a technique of the catalogue."""
    return Technique(
        id=listed.id,
        name=listed.name,
        p=p,
        start=start,
        end=end,
        how="id" if how == "id" else "name" if how == "name" else "classifier",
        tactics=listed.tactics,
        current=listed.current,
    )


@lru_cache(maxsize=4)
def _titles(names: tuple[tuple[str, str], ...]) -> tuple[object, dict[str, str]]:
    by_name = dict(names)
    return pattern("|".join(rf"\b(?:{_literal(name)})\b" for name in by_name), case=True), by_name


def _literal(name: str) -> str:
    return "".join(character if character.isalnum() or character == " " else "\\" + character for character in name)


def by_name(data: bytes, catalogue: Catalogue, budget: Budget) -> Iterator[Technique]:
    """Yield names of two words and more that are written like titles; one word alone is left to the classifier."""
    every, by_title = _titles(_named(catalogue))
    for match in budget.take(every.finditer(data), "names of techniques"):  # type: ignore[attr-defined]  # re2 exports no types
        listed = catalogue.techniques[by_title[match.group().decode("latin-1")]]
        yield technique(listed, match.start(), match.end(), "name")


def _named(catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    found: dict[str, Listed] = {}
    for listed in catalogue.techniques.values():
        if " " not in listed.name or listed.current or listed.deprecated or not listed.name.isascii():
            continue
        before = found.get(listed.name)
        if before is None or _ORDER.get(listed.domain, 9) < _ORDER.get(before.domain, 9):
            found[listed.name] = listed
    return tuple(sorted(((name, listed.id) for name, listed in found.items()), key=lambda one: (-len(one[0]), one[0])))
