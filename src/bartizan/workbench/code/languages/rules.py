"""Sources, sinks and what makes data harmless, as data: one TOML file a language."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Literal, TypeVar

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.code.finding import Severity

_Rule = TypeVar("_Rule")
Need = Literal["whole", "sql", "object", "start", "text", "shell", "markup"]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names that stand for data of somebody else."""

    kind: str
    names: tuple[str, ...]
    shape: Literal["raw", "text", "whole"] = "raw"


class Sink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls that must not get such data. ``@`` begins a role of a parameter, ``*.`` any receiver."""

    id: str
    cwe: int
    kind: str
    calls: tuple[str, ...]
    args: tuple[int, ...] = (0,)
    """Which arguments; -1 is every one, -2 the receiver itself."""
    keys: tuple[str, ...] = ()
    """Within an argument that is an object, only these fields; empty for all."""
    receivers: tuple[str, ...] = ()
    """The receiver's name holds one of these words; empty for any."""
    first: str = ""
    """What the first argument must be called; empty for anything."""
    first_const: str = ""
    """What the first argument must say, in lower case; empty for anything."""
    needs: tuple[Need, ...] = ()
    severity: Severity = "high"
    p: float = 0.8
    what: str
    """What the sink does with the data, for the message."""
    cwes: tuple[int, ...] = ()


class Clean(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls whose result is harmless for these kinds of sink (``*`` for all)."""

    calls: tuple[str, ...]
    kinds: tuple[str, ...]


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one language."""

    version: str
    language: str
    roles: dict[str, tuple[str, ...]]
    """For each role, the names and types of parameters that have it."""
    sources: tuple[Source, ...]
    sinks: tuple[Sink, ...]
    cleans: tuple[Clean, ...] = ()
    passes: tuple[str, ...] = ()
    """Last parts of calls whose result holds what goes in."""
    writes: tuple[Sink, ...] = ()
    """Sinks that are assigned to: ``calls`` are names of fields."""

    @property
    def prefix(self) -> str:
        """How ids of the language's rules begin."""
        return {"javascript": "js", "java": "java", "go": "go"}[self.language]


class Table:
    """Rules indexed by the last part of a call, so that most calls cost one look-up."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.sinks = _indexed((call, sink) for sink in rules.sinks for call in sink.calls)
        self.writes = _indexed((call, sink) for sink in rules.writes for call in sink.calls)
        self.cleans = _indexed((call, clean) for clean in rules.cleans for call in clean.calls)
        self.sources = _indexed((name, source) for source in rules.sources for name in source.names)
        self.passes = frozenset(rules.passes)
        self.roles = {name: role for role, names in rules.roles.items() for name in names}

    def source(self, name: str) -> Source | None:
        """Return the source that a name stands for."""
        return next((source for pattern, source in self.sources.get(_last(name), ()) if fits(pattern, name)), None)

    def cleaning(self, name: str) -> tuple[str, ...]:
        """Return for what kinds of sink a call makes data harmless."""
        return tuple(kind for pattern, clean in self.cleans.get(_last(name), ()) if fits(pattern, name) for kind in clean.kinds)


def _indexed(pairs: Iterable[tuple[str, _Rule]]) -> dict[str, list[tuple[str, _Rule]]]:
    found: dict[str, list[tuple[str, _Rule]]] = {}
    for pattern, rule in pairs:
        found.setdefault(_last(pattern), []).append((pattern, rule))
    return found


def _last(name: str) -> str:
    return name[name.rfind(".") + 1 :]


def fits(pattern: str, name: str) -> bool:
    """Say whether a name is the pattern's: the whole, its end after a dot, or its end alone after ``*.``."""
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern or (pattern[0] != "@" and name.endswith("." + pattern))


@cache
def table(language: str) -> Table:
    """Return the shipped rules of a language; raises ConfigError for a broken file."""
    name = f"{language}.toml"
    try:
        data = tomllib.loads((resources.files(__package__) / "data" / name).read_text(encoding="utf-8"))
        return Table(msgspec.convert(data, Rules))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"reading rules: {error}", source=name) from error
