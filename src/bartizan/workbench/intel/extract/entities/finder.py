"""All named things of a text: known names, new names, programs, vulnerabilities; what is named once is seen everywhere in the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from bartizan.workbench.intel.extract.budget import NAMES, Budget
from bartizan.workbench.intel.extract.entities.matcher import matches
from bartizan.workbench.intel.extract.entities.names import Cues, cues, exploited, index
from bartizan.workbench.intel.extract.entities.newnames import new_names
from bartizan.workbench.intel.extract.entities.tokens import Tokens, tokens
from bartizan.workbench.intel.extract.found import Entity, EntityKind, Indicator

_GENERIC = frozenset({"group", "gang", "team", "ransomware", "malware", "trojan", "backdoor", "botnet", "stealer", "loader"})
"""Written small after a name, these describe it rather than belong to it."""


def entities(text: str, data: bytes, indicators: Iterable[Indicator] = (), budget: Budget | None = None) -> tuple[Entity, ...]:
    """Return the mentions in order; nothing inside an address, a path or a hash counts."""
    budget = budget or Budget(len(data), NAMES)
    words = tokens(text, data)
    hints = cues()
    taken = [(one.start, one.end) for one in indicators if one.kind not in {"cve", "filename"}]
    found = _known(words, hints, budget)
    found += _new(words, data, hints, found, budget)
    found += _programs(words, hints)
    kept = _apart([one for one in found if not _inside(one, taken)])
    kept += [_vulnerability(one) for one in indicators if one.kind == "cve"]
    return tuple(sorted(kept, key=lambda one: one.start))


def _known(words: Tokens, hints: Cues, budget: Budget) -> list[Entity]:
    found = []
    for match in matches(words, index(), hints, budget):
        known = match.written.known
        last = match.last - (match.last > match.first and words.written(match.last) in _GENERIC)
        start, end = words.starts[match.first], words.end(last)
        found.append(
            Entity(
                name=known.name,
                kind=known.kind,
                id=known.id,
                start=start,
                end=end,
                quote=words.text[start:end],
                aliases=tuple(known.names)[:12],
            )
        )
    return found


def _new(words: Tokens, data: bytes, hints: Cues, known: list[Entity], budget: Budget) -> list[Entity]:
    have = {one.quote.lower() for one in known}
    kinds: dict[str, EntityKind] = {}
    places: list[tuple[int, int]] = []
    for one in budget.take(new_names(words, data, hints), "new names"):
        name = words.text[one.start : one.end]
        if name.lower() not in have:
            kinds.setdefault(name, one.kind)
            places.append((one.start, one.end))
    by_first: dict[str, list[str]] = {}
    for name in kinds:
        by_first.setdefault(name.replace("-", " ").replace(".", " ").split(" ")[0].lower(), []).append(name)
    again = ((number, name) for number, word in enumerate(words.lower) for name in by_first.get(word, ()))
    for number, name in budget.take(again, "new names again"):
        start = words.starts[number]
        if words.text.startswith(name, start) and not words.text[start + len(name) : start + len(name) + 1].isalnum():
            places.append((start, start + len(name)))
    return [
        Entity(
            name=words.text[start:end],
            kind=kinds[words.text[start:end]],
            id="",
            start=start,
            end=end,
            quote=words.text[start:end],
            how="pattern",
        )
        for start, end in sorted(set(places))
    ]


def _programs(words: Tokens, hints: Cues) -> list[Entity]:
    found = []
    for number in range(len(words.lower) - 1):
        if words.lower[number] in hints.programs and words.lower[number + 1] == "exe" and words.text[words.end(number)] == ".":
            start, end = words.starts[number], words.end(number + 1)
            quote = words.text[start:end]
            found.append(Entity(name=quote, kind="tool", id="", start=start, end=end, quote=quote, how="pattern"))
    return found


def _inside(one: Entity, taken: list[tuple[int, int]]) -> bool:
    place = bisect_right(taken, (one.start, 1 << 62)) - 1
    return place >= 0 and taken[place][1] > one.start and (one.start, one.end) != taken[place]


def _apart(found: list[Entity]) -> list[Entity]:
    """Keep the longest of those that overlap."""
    kept: list[Entity] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _vulnerability(one: Indicator) -> Entity:
    row = exploited().get(one.value)
    return Entity(
        name=one.value,
        kind="cve",
        id=one.value,
        start=one.start,
        end=one.end,
        quote=one.quote,
        exploited=row is not None,
        ransomware=row is not None and row.ransomware,
    )
