"""``policy lint``: what keeps a policy out of force, and what in it can never matter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from cedarpy import pst

from bartizan.errors import ConfigError
from bartizan.event import ACTIONS, Tier
from bartizan.policy.reach import can_match
from bartizan.policy.rows import Rows, categories, parse_rows
from bartizan.policy.text import Complaint, parse


def lint(cedar: str, rows: str) -> list[Complaint]:
    """Return every complaint about a policy text and its rows; total over any text."""
    nodes, complaints = parse(cedar)
    if not any(complaint.level == "error" for complaint in complaints):
        complaints.extend(_policies(nodes))
    try:
        parsed = parse_rows(rows)
    except ConfigError as error:
        return [*complaints, Complaint(level="error", where="rows", what=error.message, hint=error.hint)]
    return [*complaints, *_rows(parsed)]


def _policies(nodes: Mapping[str, pst.Template]) -> Iterator[Complaint]:
    seen: dict[tuple[object, ...], str] = {}
    for name, node in nodes.items():
        if not node.annotations.get("doc"):
            yield Complaint(
                level="warning", where=name, what="it has no @doc", hint='say in a sentence what it is for: @doc("…"); explain shows it'
            )
        shape = (node.effect, node.principal, node.action, node.resource, node.clauses)
        if shape in seen:
            yield Complaint(level="warning", where=name, what=f"it says the same as {seen[shape]}", hint="remove one")
        seen.setdefault(shape, name)
        if not can_match(node):
            yield Complaint(
                level="warning", where=name, what=f"this {node.effect} can never match", hint="check spelling of roles, kinds and standings"
            )


def _rows(rows: Rows) -> Iterator[Complaint]:
    tiers = sorted(Tier, key=lambda tier: tier.rank)
    known = categories()
    for category in rows[Tier.PUBLIC]:
        if category.partition(".")[0] not in known:
            yield Complaint(
                level="warning", where=f"rows.{category}", what="no control reports this category", hint="bartizan policy show names those"
            )
        for lower, upper in itertools.pairwise(tiers):
            if ACTIONS.index(rows[upper][category]) > ACTIONS.index(rows[lower][category]):
                yield Complaint(
                    level="warning",
                    where=f"rows.{category}",
                    what=f"{upper.value} is stricter than {lower.value}; a caller would narrow its tier to get through",
                )
    for category in known:
        if category not in rows[Tier.PUBLIC]:
            yield Complaint(level="warning", where=f"rows.{category}", what="no row names it, so it is blocked at every tier")
