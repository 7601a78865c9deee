"""Rules put together: filters joined to the rules they name, correlations tied to what they refer to, nothing lost on the way."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bartizan.workbench.triage.sigma.ir import AND, About, Atom, Correlation, Filter, Item, Node, NotEvaluated, Rule, Source
from bartizan.workbench.triage.sigma.tree import fold


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A rule over single events, with the filters in it and folded. ``silent``: it only feeds correlations and is not reported itself."""

    about: About
    source: Source
    tree: Node
    silent: bool = False


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is evaluated, one table of atoms for all, and what is not evaluated."""

    atoms: tuple[Atom, ...]
    detections: tuple[Detection, ...]
    correlations: tuple[Correlation, ...]
    not_evaluated: tuple[NotEvaluated, ...]


def link(items: Iterable[Item]) -> Pack:
    """Put items together; order is that of the items, correlations after what they refer to."""
    found = list(items)
    table: dict[Atom, int] = {}
    filters = [(item, _moved(item.tree, item.atoms, table)) for item in found if isinstance(item, Filter)]
    rules = [item for item in found if isinstance(item, Rule)]
    used: set[str] = set()
    trees: list[Node] = []
    for rule in rules:
        tree = _moved(rule.tree, rule.atoms, table)
        for one, condition in filters:
            if one.source.covers(rule.source) and (not one.rules or {rule.about.id, rule.about.name} & set(one.rules)):
                used.add(one.about.id)
                tree = fold((AND, tree, condition), {})
        trees.append(tree)
    missing = [item for item in found if isinstance(item, NotEvaluated)]
    missing += [_idle(one) for one, _ in filters if one.about.id not in used]
    ordered, broken = _ordered([item for item in found if isinstance(item, Correlation)], rules)
    silent = {reference for one in ordered if not one.generate for reference in one.rules}
    detections = tuple(
        Detection(about=rule.about, source=rule.source, tree=tree, silent=bool({rule.about.id, rule.about.name} & silent))
        for rule, tree in zip(rules, trees, strict=True)
    )
    return Pack(atoms=tuple(table), detections=detections, correlations=tuple(ordered), not_evaluated=(*missing, *broken))


def _moved(tree: Node, atoms: tuple[Atom, ...], table: dict[Atom, int]) -> Node:
    if isinstance(tree, int):
        return table.setdefault(atoms[tree], len(table))
    return (tree[0], *(_moved(child, atoms, table) for child in tree[1:]))


def _idle(one: Filter) -> NotEvaluated:
    reason = "a filter for which no loaded rule is meant"
    return NotEvaluated(rule=one.about.id, title=one.about.title, file=one.about.file, reason=reason)


def _ordered(correlations: list[Correlation], rules: list[Rule]) -> tuple[list[Correlation], list[NotEvaluated]]:
    """Order correlations after what they refer to; those that refer to nothing known, or to themselves, are named with the reason."""
    known = {name for rule in rules for name in (rule.about.id, rule.about.name) if name}
    ordered: list[Correlation] = []
    waiting = list(correlations)
    while ready := [one for one in waiting if known.issuperset(one.rules)]:
        ordered += ready
        known |= {name for one in ready for name in (one.about.id, one.about.name) if name}
        waiting = [one for one in waiting if one not in ready]
    broken = []
    for one in waiting:
        unknown = sorted(set(one.rules) - known)
        reason = f"refers to rules that are not evaluated or refer back to it: {', '.join(unknown)}"
        broken.append(NotEvaluated(rule=one.about.id, title=one.about.title, file=one.about.file, reason=reason[:300]))
    return ordered, broken
