"""How often a rule of a tool is right in a context: counts from labelled code, shrunk towards the tool's own rate where they are few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.code.finding import Finding

_WEIGHT: Final = 4.0
"""How many observations the next coarser rate is worth; with so few labels a strong pull is the honest one."""
_UNKNOWN: Final = 0.35


class Count(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a rule fared: right and wrong."""

    tool: str
    rule: str
    right: int
    wrong: int


class Priors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Counts of rules; ``made`` says from what, with hashes and licences."""

    version: str
    counts: tuple[Count, ...]
    made: dict[str, str] = {}

    def rate(self, finding: Finding, learnt: Mapping[tuple[str, str], tuple[int, int]] | None = None) -> float:
        """Return how likely a finding of this tool and rule is right; what analysts said counts as further observations.

        The mean of a Beta posterior whose prior is the tool's rate, whose own prior is 0.35 (or the engine's own estimate).
        """
        table, tools = _indexed(self.counts)
        right, wrong = tools.get(finding.tool.lower(), (0, 0))
        base = finding.p if finding.tool == "bartizan" else (right + _WEIGHT * _UNKNOWN) / (right + wrong + _WEIGHT)
        key = (finding.tool.lower(), finding.rule)
        right, wrong = table.get(key, (0, 0))
        more_right, more_wrong = (learnt or {}).get(key, (0, 0))
        right, wrong = right + more_right, wrong + more_wrong
        return (right + _WEIGHT * base) / (right + wrong + _WEIGHT)


@cache
def _indexed(counts: tuple[Count, ...]) -> tuple[dict[tuple[str, str], tuple[int, int]], dict[str, tuple[int, int]]]:
    table: dict[tuple[str, str], tuple[int, int]] = {}
    tools: dict[str, tuple[int, int]] = {}
    for count in counts:
        table[count.tool.lower(), count.rule] = (count.right, count.wrong)
        right, wrong = tools.get(count.tool.lower(), (0, 0))
        tools[count.tool.lower()] = (right + count.right, wrong + count.wrong)
    return table, tools


def counted(judged: Iterable[tuple[str, str, bool]], made: dict[str, str]) -> Priors:
    """Make a table from (tool, rule, right) observations."""
    counts: dict[tuple[str, str], list[int]] = {}
    for tool, rule, right in judged:
        counts.setdefault((tool, rule), [0, 0])[0 if right else 1] += 1
    rows = tuple(Count(tool=tool, rule=rule, right=right, wrong=wrong) for (tool, rule), (right, wrong) in sorted(counts.items()))
    return Priors(version="1", counts=rows, made=made)


def together(rates: Iterable[float]) -> float:
    """Join what several tools say of one flaw: each further one halves the doubt by half of what it would if tools erred apart."""
    doubt = 1.0
    for number, rate in enumerate(sorted(rates, reverse=True)):
        doubt *= (1 - rate) if number == 0 else 1 - rate / 2
    return 1 - doubt


def shipped_priors() -> Priors:
    """Return the table that bartizan ships."""
    return read_priors((resources.files(__package__) / "data" / "priors.json").read_bytes(), "priors.json")


def read_priors(data: bytes, name: str) -> Priors:
    """Parse a table; raises ConfigError."""
    try:
        return msgspec.json.decode(data, type=Priors)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"reading how often rules are right: {error}", source=name) from error
