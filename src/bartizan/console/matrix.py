"""What policy does about every category at every tier, with what the category means; misuse by dual-use level."""

from __future__ import annotations

import msgspec

from bartizan.console.parts import Ask, Page, Parts
from bartizan.event import Action, Tier
from bartizan.guard.taxonomy import LEVELS, row, shipped
from bartizan.policy import phases


class MatrixRow(msgspec.Struct, frozen=True, kw_only=True):
    """A category (and level) with the action at each tier; ``only`` names the phase that a row is for, if it is for one."""

    id: str
    meaning: str
    actions: dict[str, Action]
    phases: tuple[str, ...]


class MatrixGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that belong together."""

    title: str
    grounds: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page as JSON. ``version`` is the policy's in force."""

    version: str
    groups: tuple[MatrixGroup, ...]


def matrix(parts: Parts, ask: Ask) -> Page:
    """Show the rows in force beside the taxonomy."""
    del ask
    taxonomy = shipped()
    groups = [
        MatrixGroup(
            title=each.title,
            grounds=tuple(taxonomy.sources[source].title for source in each.sources) + each.attack,
            rows=tuple(_row(parts, row(each.id, level), getattr(each, level)) for level in reversed(LEVELS[1:]) if getattr(each, level)),
        )
        for each in taxonomy.categories
    ]
    misuse = set(taxonomy.rows())
    rest = [name for name in parts.policy.actions(Tier.PUBLIC) if name not in misuse]
    groups.append(MatrixGroup(title="Attacks, data, answers and protocol", grounds=(), rows=tuple(_row(parts, name, "") for name in rest)))
    return Page(
        template="matrix.html",
        title="Policy",
        body=Matrix(version=parts.policy.version, groups=tuple(groups)),
        extra={"tiers": [tier.value for tier in Tier]},
    )


def _row(parts: Parts, name: str, meaning: str) -> MatrixRow:
    category, _, only = name.partition(".")
    return MatrixRow(
        id=name,
        meaning=meaning,
        actions={tier.value: parts.policy.actions(tier).get(name, "block") for tier in Tier},
        phases=(only,) if only else phases().get(category, ("input", "output", "tool")),
    )
