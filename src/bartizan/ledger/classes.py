"""Retention classes as data: what each holds, its bounds and its ground; settings outside of the bounds are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from bartizan.config import RetentionSettings
from bartizan.errors import ConfigError
from bartizan.event import RetentionClass, Tier


class ClassRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One class: least and most days for text (content) and for facts, and on what ground they are kept."""

    holds: str
    content: tuple[int, int]
    facts: tuple[int, int]
    basis: str


class Classes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"rules": "class"}):
    """The whole of ``classes.toml``."""

    elevated_days: int
    rules: Mapping[RetentionClass, ClassRule]


@cache
def classes() -> Classes:
    """Return the shipped classes."""
    text = resources.files("bartizan.ledger").joinpath("classes.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Classes)


def check_retention(settings: RetentionSettings) -> None:
    """Raise ConfigError when a class is kept shorter or longer than its bounds."""
    for name, rule in classes().rules.items():
        for what, days, bounds in (
            ("content", settings.content_days.get(name), rule.content),
            ("facts", settings.facts_days.get(name), rule.facts),
        ):
            if days is not None and not bounds[0] <= days <= bounds[1]:
                raise ConfigError(
                    f"[retention] {what}_days.{name} = {days} is outside of {bounds[0]} to {bounds[1]} days",
                    hint=f"{rule.holds}: {rule.basis}",
                )


def ceiling(settings: RetentionSettings) -> Tier:
    """Return the highest tier that may be used: where nothing is logged long enough to answer for it, none above verified."""
    kept = settings.content_days.get("exchange", 0)
    return Tier.RESTRICTED if kept >= classes().elevated_days else Tier.VERIFIED
