"""Sources, sinks and sanitizers: data in TOML, read once and indexed by the dotted names that code is resolved to."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from bartizan.workbench.code.finding import Severity
from bartizan.workbench.code.python.values import EVERYTHING

_FILES: Final = ("kinds.toml", "sources.toml", "sinks.toml", "sanitizers.toml", "flaws.toml")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A class of sinks."""

    name: str
    rule: str
    cwe: int
    cwes: tuple[int, ...] = ()
    noun: str
    title: str
    severity: Severity = "medium"
    p: float = 0.8
    advice: str = ""
    bit: int = 0
    severe: bool = False
    """Bad enough to be shown at medium when it is only reached from a public function's parameter."""


class Sink(msgspec.Struct, frozen=True, kw_only=True):
    """Calls, attributes or subscripts at which tainted data does harm."""

    kind: str
    calls: tuple[str, ...]
    args: tuple[str | int, ...] = (0,)
    """Positions and names of the arguments that matter; ``*`` for all, ``self`` for the receiver."""
    when: str = ""
    """A named condition, see ``conditions``."""
    receivers: tuple[str, ...] = ()
    """For ``*.method``: the receiver's name must hold one of these, or its type be unknown to nobody."""
    severity: str = ""
    p: float = 0.0


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is wrong by itself, given what its arguments are."""

    kind: str
    calls: tuple[str, ...]
    arg: tuple[str | int, ...] = ()
    """The argument looked at."""
    equals: tuple[str | int | float | bool, ...] = ()
    unless_equals: tuple[str | int | float | bool, ...] = ()
    missing: bool = False
    """The flaw is that the argument is not given."""
    present: bool = False
    below: int = 0
    contains: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    """The argument is one of these dotted names."""
    unless: tuple[str, ...] = ()
    """Not a flaw if one of these arguments is given, or has the value after ``=``."""
    when: str = ""
    condition: str = ""
    """A further condition, which must hold besides what the argument is."""
    receivers: tuple[str, ...] = ()
    note: str = ""
    severity: str = ""
    p: float = 0.0


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """All tables, indexed."""

    kinds: dict[str, Kind]
    sinks: dict[str, tuple[Sink, ...]]
    stores: dict[str, tuple[Sink, ...]]
    flaws: dict[str, tuple[Flaw, ...]]
    sources: dict[str, str]
    nouns: dict[str, str]
    weights: dict[str, float]
    annotations: dict[str, str]
    aliases: dict[str, str]
    returns: dict[str, str]
    clean: frozenset[str]
    direct: frozenset[str]
    never: frozenset[str]
    prefixes: frozenset[str]
    """Every beginning of a dotted name in the tables."""
    sanitizers: dict[str, int]
    marks: dict[str, str]
    validators: dict[str, int]
    predicates: dict[str, int]
    replaced: dict[str, int]
    """Kinds made safe by taking a text out, by that text."""
    inside: dict[str, int]
    """Kinds made safe by a check that a text is not in the data without its ends."""
    restores: frozenset[str]
    """Decoders, which undo what made data safe."""
    absent: dict[str, int]
    """Kinds made safe by a check that a text is not in the data, by that text."""

    def source_noun(self, kind: str) -> str:
        """Return what a kind of source is called."""
        return self.nouns.get(kind, kind)

    def knows(self, path: str) -> bool:
        """Say whether any entry speaks of what a dotted name holds."""
        return path in self.prefixes

    def canonical(self, path: str) -> str:
        """Return the name under which a dotted path stands in the tables."""
        return self.aliases.get(path, path)


def _mask(kinds: dict[str, Kind], names: list[str]) -> int:
    return EVERYTHING if "*" in names else sum(kinds[name].bit for name in names)


def _indexed(rows: list[Any]) -> dict[str, tuple[Any, ...]]:
    out: dict[str, list[Any]] = {}
    for row in rows:
        for call in row.calls:
            out.setdefault(call, []).append(row)
    return {call: tuple(found) for call, found in out.items()}


@cache
def tables() -> Tables:
    """Return the shipped tables."""
    raw: dict[str, Any] = {}
    for name in _FILES:
        raw.update(tomllib.loads(files("bartizan.workbench.code.python.data").joinpath(name).read_text("utf-8")))
    kinds = {}
    for at, (name, row) in enumerate(raw["kind"].items()):
        kinds[name] = msgspec.convert({**row, "name": name, "bit": 1 << at}, Kind)
    named = [call for table in ("sink", "flaw") for row in raw[table] for call in row["calls"]]
    named += [path for row in raw["source"] for path in row["paths"]] + list(raw["aliases"])
    prefixes = {".".join(parts[:size]) for parts in (name.split(".") for name in named) for size in range(1, len(parts) + 1)}
    sanitizers: dict[str, int] = {}
    for row in raw["sanitizer"]:
        for call in row["calls"]:
            sanitizers[call] = _mask(kinds, row["kinds"]) | sanitizers.get(call, 0)
    return Tables(
        kinds=kinds,
        sinks=_indexed(msgspec.convert(raw["sink"], list[Sink])),
        stores=_indexed(msgspec.convert(raw["store"], list[Sink])),
        flaws=_indexed(msgspec.convert(raw["flaw"], list[Flaw])),
        sources={path: row["kind"] for row in raw["source"] for path in row["paths"]},
        nouns={name: row["noun"] for name, row in raw["origin"].items()},
        weights={name: row["weight"] for name, row in raw["origin"].items()},
        annotations=raw["annotations"],
        aliases=raw["aliases"],
        returns=raw["returns"],
        clean=frozenset(raw["clean"]["calls"]),
        direct=frozenset(raw["direct"]["calls"]),
        prefixes=frozenset(prefixes),
        never=frozenset(raw["never"]["calls"]),
        sanitizers=sanitizers,
        marks=raw["marks"],
        validators={call: _mask(kinds, row["kinds"]) for row in raw["validator"] for call in row["calls"]},
        predicates={call: _mask(kinds, row["kinds"]) for row in raw["predicate"] for call in row["calls"]},
        replaced={text: _mask(kinds, names) for text, names in raw["replaced"].items()},
        inside={text: _mask(kinds, names) for text, names in raw["inside"].items()},
        restores=frozenset(raw["restores"]["calls"]),
        absent={text: _mask(kinds, names) for text, names in raw["absent"].items()},
    )
