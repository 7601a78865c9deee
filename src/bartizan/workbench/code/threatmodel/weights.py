"""How exposed the place of a finding is, by the model: from 1 for an open web entry down to a tenth for a test."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Final

from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.fusion.merge import cwe_class
from bartizan.workbench.code.fusion.triage import is_test
from bartizan.workbench.code.threatmodel.model import Model

_WORDS: Final = {
    "S": "spoofing",
    "T": "tampering",
    "R": "repudiation",
    "I": "information disclosure",
    "D": "denial of service",
    "E": "elevation of privilege",
}
_KINDS: Final = {"web": 1.0, "dom": 0.8, "queue": 0.8, "socket": 0.9, "parameter": 0.6, "cli": 0.4, "file": 0.5, "environment": 0.3}
_GUARDED: Final = 0.8
_ASIDE: Final = ("scripts/", "tools/", "examples/", "docs/", "migrations/", "benchmarks/")


@cache
def _letters() -> dict[str, str]:
    data = tomllib.loads((resources.files(__package__) / "data" / "stride.toml").read_text(encoding="utf-8"))
    found: dict[str, str] = data["stride"]
    return found


def stride(finding: Finding) -> tuple[str, ...]:
    """Return which of the six kinds of threat a finding is."""
    return tuple(_WORDS[letter] for letter in _letters().get(cwe_class(finding.cwe), ""))


def exposure(model: Model) -> Callable[[Finding], float]:
    """Return what weighs findings by the model.

    The kind of source decides, else the entries of the file; a guard on every entry of the file lowers it, a place beside the
    application (scripts, examples) too, and where there is no store that a query could reach, injection into one counts half.
    """
    entries: dict[str, list[str]] = {}
    guarded: dict[str, bool] = {}
    for entry in model.entries:
        entries.setdefault(entry.file, []).append(entry.kind)
        guarded[entry.file] = guarded.get(entry.file, True) and bool(entry.guard)
    stores = bool(model.stores)

    def weigh(finding: Finding) -> float:
        if is_test(finding.file):
            return 0.1
        weight = _KINDS.get(finding.source_kind, max((_KINDS.get(kind, 0.5) for kind in entries.get(finding.file, ())), default=0.6))
        first = finding.flow[0].file if finding.flow else finding.file
        if guarded.get(first, False):
            weight *= _GUARDED
        if any(f"/{part}" in f"/{finding.file}" for part in _ASIDE):
            weight *= 0.5
        if cwe_class(finding.cwe) in {"sql", "ldap"} and not stores:
            weight *= 0.5
        return round(weight, 3)

    return weigh
