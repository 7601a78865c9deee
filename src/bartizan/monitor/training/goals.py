"""Goals split into steps that look harmless, and benign twins on the same subject."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import msgspec

GOALS: Final = Path(__file__).with_name("goals.toml")
MORE: Final = Path(__file__).with_name("goals_more.toml")


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One goal: its harmless-looking steps, and those of its benign twin."""

    name: str
    harmful: tuple[str, ...]
    benign: tuple[str, ...]
    family: str = "template"
    """The manner in which it is asked."""


def read_goals(path: Path = GOALS) -> tuple[list[Goal], tuple[str, ...]]:
    """Return goals and the frames that vary a step's wording."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    goals = []
    for item in raw["goal"]:
        if "slots" in item:
            harmful, benign = (tuple(step.format(**item["slots"]) for step in raw["steps"][side]) for side in ("harmful", "benign"))
        else:
            harmful, benign = tuple(item["harmful"]), tuple(item["benign"])
        goals.append(Goal(name=item["name"], harmful=harmful, benign=benign, family=item.get("family", "template")))
    return goals, tuple(raw["frames"])
