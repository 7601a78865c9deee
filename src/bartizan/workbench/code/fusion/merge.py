"""Merge what is one flaw: the same file, function and class of weakness, a few lines apart, whatever tools call it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from bartizan.workbench.code.finding import SEVERITIES, Finding

_NEAR: Final = 2
Where = Callable[[str, int], str]
"""Says in which function a line of a file stands."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """One flaw: the telling that knows most of it first, then the others."""

    best: Finding
    others: tuple[Finding, ...] = ()

    @property
    def all(self) -> tuple[Finding, ...]:
        """Every telling."""
        return (self.best, *self.others)


@cache
def _classes() -> dict[int, str]:
    data = tomllib.loads((resources.files(__package__) / "data" / "classes.toml").read_text(encoding="utf-8"))
    return {cwe: name for name, cwes in data["classes"].items() for cwe in cwes}


def cwe_class(cwe: int) -> str:
    """Return the class of a weakness; one that is in none is its own."""
    return _classes().get(cwe, f"cwe-{cwe}" if cwe else "unknown")


def merge(findings: Iterable[Finding], where: Where | None = None) -> tuple[Merged, ...]:
    """Merge findings; ``where`` tells the function for tools that do not."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        function = where(finding.file, finding.line) if where is not None else finding.function
        groups.setdefault((finding.file, function, cwe_class(finding.cwe)), []).append(finding)
    made: list[Merged] = []
    for group in groups.values():
        for near in _near(sorted(group, key=lambda finding: finding.line)):
            ordered = sorted(near, key=_knowledge, reverse=True)
            made.append(Merged(best=ordered[0], others=tuple(ordered[1:])))
    return tuple(made)


def _near(ordered: Sequence[Finding]) -> list[list[Finding]]:
    """Split a function's findings of one class where more than a few lines lie between; a tool's own two findings stay two."""
    groups: list[list[Finding]] = []
    for finding in ordered:
        group = groups[-1] if groups else []
        tools = {(other.tool, other.rule) for other in group}
        if (
            group
            and finding.line - group[-1].line <= _NEAR
            and ((finding.tool, finding.rule) not in tools or finding.line == group[-1].line)
        ):
            group.append(finding)
        else:
            groups.append([finding])
    return groups


def _knowledge(finding: Finding) -> tuple[bool, int, float, int]:
    return (finding.tool == "bartizan", len(finding.flow), finding.p, SEVERITIES.index(finding.severity))
