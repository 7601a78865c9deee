"""Condition trees: simplified, judged over the set of atoms that hold, and asked which atoms could make them true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bartizan.workbench.triage.sigma.ir import AND, FALSE, NOT, OR, TRUE, Node

Holds = Callable[[frozenset[int]], bool]


def fold(tree: Node, known: dict[int, bool]) -> Node:
    """Put what is known about atoms into the tree, and simplify it."""
    if isinstance(tree, int):
        return tree if tree not in known else ((TRUE,) if known[tree] else (FALSE,))
    op = tree[0]
    if op in (TRUE, FALSE):
        return tuple(tree)
    return _not(fold(tree[1], known)) if op == NOT else _joined(op, [fold(child, known) for child in tree[1:]])


def _not(inner: Node) -> Node:
    head = None if isinstance(inner, int) else inner[0]
    if head in (TRUE, FALSE):
        return (FALSE,) if head == TRUE else (TRUE,)
    return inner[1] if head == NOT else (NOT, inner)


def _joined(op: int, folded: list[Node]) -> Node:
    neutral, absorbing = (TRUE, FALSE) if op == AND else (FALSE, TRUE)
    children: dict[Node, None] = {}
    for child in folded:
        head = None if isinstance(child, int) else child[0]
        if head == absorbing:
            return (absorbing,)
        if head == op:
            children.update(dict.fromkeys(child[1:]))
        elif head != neutral:
            children[child] = None
    if not children:
        return (neutral,)
    return next(iter(children)) if len(children) == 1 else (op, *children)


def atoms(tree: Node) -> Iterator[int]:
    """Yield the numbers of the atoms in a tree, as often as they stand there."""
    if isinstance(tree, int):
        yield tree
        return
    for child in tree[1:]:
        yield from atoms(child)


def judge(tree: Node) -> Holds:
    """Return a function that says whether a folded tree holds, given the atoms that do."""
    if isinstance(tree, int):
        return lambda true: tree in true
    op = tree[0]
    if op in (TRUE, FALSE):
        return lambda _: op == TRUE
    if op == NOT:
        if isinstance(tree[1], int):
            return lambda true: tree[1] not in true
        inner = judge(tree[1])
        return lambda true: not inner(true)
    plain = frozenset(child for child in tree[1:] if isinstance(child, int))
    rest = tuple(judge(child) for child in tree[1:] if not isinstance(child, int))
    return _all(plain, rest) if op == AND else _any(plain, rest)


def _all(plain: frozenset[int], rest: tuple[Holds, ...]) -> Holds:
    if not rest:
        return plain.issubset
    if len(rest) == 1:
        only = rest[0]
        return lambda true: plain <= true and only(true)
    return lambda true: plain <= true and all(holds(true) for holds in rest)


def _any(plain: frozenset[int], rest: tuple[Holds, ...]) -> Holds:
    if not rest:
        return lambda true: not plain.isdisjoint(true)
    return lambda true: not plain.isdisjoint(true) or any(holds(true) for holds in rest)


def witnesses(tree: Node, weight: Callable[[int], float]) -> frozenset[int] | None:
    """Return atoms of which at least one holds whenever the tree does; None if there are none such (it may hold without any).

    Of an AND the part whose witnesses are rarest by ``weight`` is taken; a smaller weight is rarer.
    """
    if isinstance(tree, int):
        return frozenset((tree,))
    op = tree[0]
    if op == FALSE:
        return frozenset()
    if op in (TRUE, NOT):
        return None
    found = [witnesses(child, weight) for child in tree[1:]]
    if op == OR:
        return None if any(one is None for one in found) else frozenset().union(*(one for one in found if one is not None))
    sets = [one for one in found if one is not None]
    return min(sets, key=lambda one: _weight(one, weight)) if sets else None


def _weight(found: Iterable[int], weight: Callable[[int], float]) -> float:
    return sum(weight(one) for one in found)
