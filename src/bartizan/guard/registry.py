"""The built-in detectors, by name."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bartizan.config import GuardSettings
from bartizan.control import Factory
from bartizan.guard import rulebook, rules


def builtin(settings: GuardSettings = GuardSettings()) -> Sequence[Factory]:  # noqa: B008 - frozen
    """Return the factories of the built-in detectors in the order in which they judge."""
    return (
        Factory(
            descriptor=rules.DESCRIPTOR,
            build=lambda: rules.Rules((*rulebook.own(settings.rules), *rulebook.shipped("rules.toml"))),
            modules=("bartizan.guard.rules", "bartizan.guard.rulebook", "bartizan.guard.views"),
            data=rulebook.shipped_bytes("rules.toml") + msgspec.json.encode(settings.rules, order="sorted"),
        ),
    )
