"""What an alert's words, severity and techniques say about it: one family of evidence, from ``families.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from bartizan.workbench.triage.record import SEVERITIES, Severity

Kind = Literal["hard", "soft", "session", "routine"]

TACTICS: Final = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""ATT&CK's enterprise tactics in their order."""

_RANK: Final[dict[Kind, int]] = {"routine": 0, "session": 1, "soft": 2, "hard": 3}
_BY_SEVERITY: Final[dict[Severity, float]] = {"informational": 0.0, "low": 0.3, "medium": 1.0, "high": 2.5, "critical": 3.5}


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of evidence. ``weight`` is the log odds that its rarest case adds; ``steady``: repeating it like a clock is a sign."""

    id: str
    kind: Kind
    tactic: str = ""
    technique: str = ""
    weight: float = 0.0
    steady: bool = False
    common: bool = False
    phrases: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True):
    family: tuple[Family, ...]


@cache
def families() -> tuple[Family, ...]:
    """Read the shipped table, in its order."""
    text = files(__package__).joinpath("families.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File).family


def classify(title: str, severity: Severity, techniques: tuple[str, ...] = ()) -> Family:
    """Name the family that a signature belongs to; never empty, and never lighter than its severity says."""
    words = title.lower()
    matching = [family for family in families() if any(all(part in words for part in phrase.split("+")) for phrase in family.phrases)]
    if matching:
        # Words that an attacker adds to a title may make it heavier, never lighter: the gravest family that matches is the one.
        return _heavier(
            max(matching, key=lambda family: (_RANK[family.kind], family.weight * (family.kind == "hard"))), severity, techniques
        )
    # A tool that calls it high stands for it without naming a technique; below that, only one who names it claims anything.
    claims = SEVERITIES.index("medium" if techniques else "high")
    kind: Kind = "hard" if SEVERITIES.index(severity) >= claims else "soft"
    named = techniques[0] if techniques else ""
    return Family(id="other", kind=kind, tactic=tactic_of(named), technique=named, weight=_BY_SEVERITY[severity] or 0.2)


def _heavier(family: Family, severity: Severity, techniques: tuple[str, ...]) -> Family:
    if SEVERITIES.index(severity) < SEVERITIES.index("high"):
        return family
    # A tool that calls it high or critical says so about this very signature; words of ours may not make it lighter or routine.
    technique = techniques[0] if techniques else family.technique
    return msgspec.structs.replace(
        family,
        kind="hard",
        weight=max(family.weight, _BY_SEVERITY[severity]),
        technique=technique,
        tactic=tactic_of(technique) or family.tactic or "execution",
        common=False,
    )


@cache
def _tactics() -> dict[str, str]:
    text = files(__package__).joinpath("tactics.toml").read_text(encoding="utf-8")
    return {technique: tactic for tactic, listed in tomllib.loads(text)["techniques"].items() for technique in listed}


def tactic_of(technique: str) -> str:
    """Return the tactic under which a technique is counted, empty for one that is not in the table."""
    table = _tactics()
    return table.get(technique) or table.get(technique.partition(".")[0], "")
