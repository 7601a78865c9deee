"""Whether a policy can ever match, told without a request.

Every value of what is finite is tried (kinds, standings, tiers, the sets of roles it names) and everything else is left
unknown: a condition that is false under all of them is false for good (Kleene's three values).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from cedarpy import pst

from bartizan.event import PrincipalKind, Standing
from bartizan.identity import duties

_World = Mapping[str, object]
_KINDS: Final = get_args(PrincipalKind)
_STANDINGS: Final = get_args(Standing)


def can_match(node: pst.Template) -> bool:
    """Say whether a policy's conditions can all hold for anybody; True when in doubt."""
    named = sorted(_roles_named(node) & set(duties().roles))
    subsets = [frozenset(chosen) for size in range(len(named) + 1) for chosen in itertools.combinations(named, size)]
    for kind, standing, tier, roles in itertools.product(_KINDS, _STANDINGS, range(-1, 5), subsets):
        world = {"kind": kind, "standing": standing, "tier": tier, "roles": roles}
        if all(_holds(clause, world) is not False for clause in node.clauses):
            return True
    return False


def _roles_named(node: pst.Template) -> set[str]:
    return {literal for clause in node.clauses for literal in _strings(clause.expr)}


def _strings(expression: object) -> Iterator[str]:
    match expression:
        case pst.StringLit(value=value):
            yield value
        case pst.UnaryOp(arg=arg):
            yield from _strings(arg)
        case pst.BinaryOp(left=left, right=right):
            yield from _strings(left)
            yield from _strings(right)
        case pst.IfThenElse(cond=cond, then_expr=then, else_expr=other):
            for part in (cond, then, other):
                yield from _strings(part)
        case pst.Set(elements=elements):
            for element in elements:
                yield from _strings(element)
        case _:
            return


def _holds(clause: pst.Clause, world: _World) -> bool | None:
    value = _truth(clause.expr, world)
    if value is None:
        return None
    return value if isinstance(clause, pst.When) else not value


def _truth(expression: object, world: _World) -> bool | None:  # noqa: PLR0911 - one return a form
    match expression:
        case pst.BoolLit(value=value):
            return value
        case pst.UnaryOp(op="not", arg=arg):
            inner = _truth(arg, world)
            return None if inner is None else not inner
        case pst.BinaryOp(op="and", left=left, right=right):
            return _both(_truth(left, world), _truth(right, world))
        case pst.BinaryOp(op="or", left=left, right=right):
            return _either(_truth(left, world), _truth(right, world))
        case pst.BinaryOp(op=op, left=left, right=right):
            return _compare(op, _value(left, world), _value(right, world))
        case pst.IfThenElse(cond=cond, then_expr=then, else_expr=other):
            chosen = _truth(cond, world)
            return None if chosen is None else _truth(then if chosen else other, world)
        case _:
            return None


def _both(*parts: bool | None) -> bool | None:
    if False in parts:
        return False
    return None if None in parts else True


def _either(*parts: bool | None) -> bool | None:
    if True in parts:
        return True
    return None if None in parts else False


def _value(expression: object, world: _World) -> object:  # noqa: PLR0911 - one return a form
    match expression:
        case pst.StringLit(value=text):
            return text
        case pst.LongLit(value=number):
            return number
        case pst.BoolLit(value=truth):
            return truth
        case pst.Set(elements=elements):
            values = [_value(element, world) for element in elements]
            return None if None in values else frozenset(values)
        case pst.GetAttr(base=pst.Var(name="principal"), attr="kind" | "standing" | "roles" as attribute):
            return world[attribute]
        case pst.GetAttr(base=pst.Var(name="context"), attr="tier"):
            return world["tier"]
        case _:
            return None


def _compare(op: str, left: object, right: object) -> bool | None:  # noqa: PLR0911 - one return a form
    if left is None or right is None:
        return None
    match op, left, right:
        case "eq", _, _:
            return left == right
        case "not_eq", _, _:
            return left != right
        case "contains", frozenset(), _:
            return right in left
        case "contains_any", frozenset(), frozenset():
            return bool(left & right)
        case "contains_all", frozenset(), frozenset():
            return left >= right
        case "less" | "less_eq" | "greater" | "greater_eq", int(), int():
            return {"less": left < right, "less_eq": left <= right, "greater": left > right, "greater_eq": left >= right}[op]
        case _:
            return None
