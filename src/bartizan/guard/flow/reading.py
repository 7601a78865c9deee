"""Reading a conversation for the flow of data: the task, and every result of a tool as leaves of records and passages of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import re2

from bartizan.guard.flow.lexicon import lexicon, stem, words
from bartizan.guard.strictjson import StrictError, parse

_SHORT: Final = 120
"""Characters. A longer leaf is text, which says things, and not a value."""
_NAME: Final = 42
_MOST_LEAVES: Final = 20_000
_UNIT: Final = re2.compile(r"[^\n.!?]*(?:[.!?]+[^\s.!?][^\n.!?]*)*[.!?]*[^\S\n]*\n?|\n")
_IDENTIFIER: Final = re2.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_\-.:/][A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+")
_SPACE: Final = re2.compile(r"\s+")


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """A short value of a record: its normalised text, the name it stands under, and the words of the record around it."""

    value: str
    key: str
    around: frozenset[str]


class Unit(msgspec.Struct, frozen=True, gc=False):
    """A sentence or line of a text. ``strength``: 0 says something, 1 asks for something to be done, 2 speaks to a machine that acts."""

    text: str
    strength: int


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One result, read."""

    tool: str
    asked: tuple[str, ...]
    """The normalised strings of the arguments that brought it."""
    secret: bool
    leaves: tuple[Leaf, ...]
    units: tuple[Unit, ...]

    @property
    def strongest(self) -> int:
        """The strength of its strongest unit."""
        return max((unit.strength for unit in self.units), default=0)


def plain(text: str) -> str:
    """Return a text as texts are compared: compatibility forms folded, invisible characters gone, lower case, single spaces."""
    if not text.isascii():
        folded = unicodedata.normalize("NFKC", text)
        text = "".join(character for character in folded if unicodedata.category(character) not in {"Cf", "Mn"})
    return str(_SPACE.sub(" ", text.casefold())).strip()


def telling(text: str) -> frozenset[str]:
    """Return the stems of words that tell one record from another: not the commonest, and not too short."""
    common = lexicon().words["common"]
    return frozenset(stem(word) for word in words(text) if word not in common and (len(word) >= 3 or word.isdigit()))


def read(text: str, *, tool: str, arguments: str, secret: bool, names: frozenset[str]) -> Reading:
    """Read one result; ``names`` are the tools on offer, whose identifiers no honest data has reason to mention."""
    try:
        value = parse(text) if text.lstrip()[:1] in {"{", "["} else None
    except StrictError:
        value = None
    leaves: list[Leaf] = []
    units: list[Unit] = []
    if value is None:
        _lines(text, leaves)
        units += _units(text, names)
    else:
        for long in _records(value, leaves):
            units += _units(long, names)
            if "\n" in long or ":" in long:
                _lines(long, leaves)
    return Reading(
        tool=tool,
        asked=tuple(strings(arguments)),
        secret=secret,
        leaves=tuple(leaves[:_MOST_LEAVES]),
        units=tuple(units),
    )


def strings(arguments: str) -> list[str]:
    """Return the normalised strings and numbers in a call's arguments."""
    try:
        value = parse(arguments) if arguments.strip() else {}
    except StrictError:
        return [plain(arguments)]
    return [plain(str(item)) for item in scalars(value) if str(item).strip()]


def scalars(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """Yield every string and number of a JSON value."""
    match value:
        case dict():
            for member in value.values():
                yield from scalars(member)
        case list():
            for member in value:
                yield from scalars(member)
        case bool() | None:
            return
        case _:
            yield value


def _records(value: Any, leaves: list[Leaf]) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Add the short values of a JSON value to ``leaves`` and yield its texts, short ones too."""
    stack: list[tuple[Any, str, frozenset[str]]] = [(value, "", frozenset())]
    while stack:
        item, key, around = stack.pop()
        match item:
            case dict():
                near = [str(member) for member in item.values() if isinstance(member, str | int | float) and len(str(member)) <= _SHORT]
                inner = around | telling("\n".join(near))
                # Names of members are values as well where a result is a table by name.
                leaves += [Leaf(plain(name), "", inner | telling(name)) for name in item]
                stack += [(member, name, inner | telling(name)) for name, member in item.items()]
            case list():
                stack += [(member, key, around) for member in item]
            case bool() | None:
                pass
            case str():
                if len(item) <= _SHORT:
                    leaves.append(Leaf(plain(item), key.lower(), around | telling(item)))
                yield item
            case _:
                leaves.append(Leaf(plain(str(item)), key.lower(), around))


def _lines(text: str, leaves: list[Leaf]) -> None:
    """Add the ``name: value`` lines of a text, those of one block as one record; and whole lines, as values of a list."""
    for block in text.split("\n\n"):
        around = telling("\n".join(line for line in block.split("\n") if len(line) <= _SHORT))
        for line in block.split("\n"):
            name, sign, value = line.partition(":") if ":" in line else line.partition("=")
            value = value.strip().rstrip(",").strip("\"'")
            if sign and 0 < len(value) <= _SHORT and len(name) <= _NAME:
                leaves.append(Leaf(plain(value), name.strip().lstrip("-*• ").strip("\"'").lower(), around))
            bare = line.strip().lstrip("-*• ").strip("\"',")
            if 0 < len(bare) <= _SHORT:
                leaves.append(Leaf(plain(bare), "", around))


def _units(text: str, names: frozenset[str]) -> list[Unit]:
    """Cut a text into sentences and lines. Once something in it speaks to a machine, so does what follows, and what leads up to it."""
    known = lexicon()
    cut = [found for found in _UNIT.findall(text) if found.strip()]
    strengths = []
    for unit in cut:
        folded = plain(unit)
        if known.strong.search(folded) or not names.isdisjoint(_IDENTIFIER.findall(unit)):
            strengths.append(2)
        else:
            strengths.append(1 if known.weak.search(folded) else 0)
    whole = plain(text)
    if cut and 2 not in strengths and known.strong.search(whole):
        # The words stand across two units, or a line was broken to hide them.
        strengths = [2] * len(cut)
    if 2 in strengths:
        first = strengths.index(2)
        while first and strengths[first - 1] == 1:
            first -= 1
        strengths[first:] = [2] * (len(strengths) - first)
    return [Unit(plain(unit), strength) for unit, strength in zip(cut, strengths, strict=True)]
