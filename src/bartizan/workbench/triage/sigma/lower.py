"""pySigma's objects to our own: the only file that knows both."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import re2
from sigma import conditions, types
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from bartizan.workbench.triage.sigma.ir import AND, FALSE, NOT, OR, About, Atom, Correlation, Filter, Node, Rule, Source
from bartizan.workbench.triage.sigma.limits import Limits
from bartizan.workbench.triage.sigma.needles import needles
from bartizan.workbench.triage.sigma.tree import fold


class CannotError(Exception):
    """A rule says something that can't be evaluated; the message is the reason that is reported."""


class _Table:
    """Atoms of one rule, each once."""

    def __init__(self, limits: Limits) -> None:
        self.numbers: dict[Atom, int] = {}
        self.limits = limits

    def number(self, atom: Atom) -> int:
        if len(self.numbers) >= self.limits.atoms:
            raise CannotError(f"more than {self.limits.atoms} values")
        if len(atom.value) > self.limits.literal_characters:
            raise CannotError(f"a value of more than {self.limits.literal_characters} characters")
        return self.numbers.setdefault(atom, len(self.numbers))


def rule(found: SigmaRule, file: str, limits: Limits) -> Rule:
    """Return the rule in our terms."""
    table = _Table(limits)
    trees = [_node(_parsed(found.detection, text, limits), table) for text in found.detection.condition]
    tree = fold((OR, *trees), {})
    return Rule(about=_about(found, file), source=_source(found.logsource), atoms=tuple(table.numbers), tree=tree)


def filter_(found: SigmaFilter, file: str, limits: Limits) -> Filter:
    """Return the filter in our terms: its own condition, to be joined to rules when a pack is put together."""
    table = _Table(limits)
    tree = _node(_parsed(found.filter, found.filter.condition[0], limits), table)
    rules = () if isinstance(found.filter.rules, str) else tuple(str(reference.reference) for reference in found.filter.rules)
    about = _about(found, file)
    return Filter(about=about, source=_source(found.logsource), atoms=tuple(table.numbers), tree=tree, rules=rules)


def correlation(found: SigmaCorrelationRule, file: str) -> Correlation:
    """Return the correlation in our terms."""
    condition = found.condition
    shared: dict[str, Any] = {
        "about": _about(found, file),
        "kind": found.type.name.lower(),
        "timespan_s": found.timespan.seconds,
        "group_by": tuple(found.group_by or ()),
        "aliases": {alias.alias: {str(ref.reference): field for ref, field in alias.mapping.items()} for alias in found.aliases},
        "generate": bool(found.generate),
    }
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        rules = tuple(condition.get_referenced_rules())
        if shared["kind"] == "temporal_ordered" and len(rules) > _MOST_ORDERED:
            raise CannotError(f"an extended ordered condition over more than {_MOST_ORDERED} rules")
        return Correlation(rules=rules, expression=_expression(condition.parsed), **shared)
    field = condition.fieldref
    fields = (field,) if isinstance(field, str) else tuple(str(one) for one in field or ())
    if shared["kind"] == "value_percentile" and not (condition.percentile is not None and 0 <= condition.percentile <= 100):
        raise CannotError("value_percentile needs a percentile from 0 to 100")
    return Correlation(
        rules=tuple(str(reference.reference) for reference in found.rules or ()),
        op=condition.op.name.lower(),
        count=float(condition.count),
        fields=fields,
        percentile=None if condition.percentile is None else float(condition.percentile),
        **shared,
    )


def _expression(node: object) -> Any:  # noqa: ANN401 - a nested tuple
    match node:
        case SigmaRuleReference():
            return str(node.reference)
        case CorrelationConditionAND():
            return ("and", *(_expression(arg) for arg in node.args))
        case CorrelationConditionOR():
            return ("or", *(_expression(arg) for arg in node.args))
        case CorrelationConditionNOT():
            return ("not", _expression(node.args[0]))
        case _:
            raise CannotError(f"a correlation condition with {type(node).__name__}")


def _about(found: Any, file: str) -> About:  # noqa: ANN401 - three pySigma classes with the same base
    name = str(found.name or "")
    return About(
        id=str(found.id or name or f"{file}#{found.title}"),
        title=str(found.title or ""),
        name=name,
        level=found.level.name.lower() if found.level else "medium",
        status=found.status.name.lower() if found.status else "",
        author=_line(found.author),
        licence=_line(found.license),
        description=_line(found.description)[:2000],
        tags=tuple(str(tag) for tag in found.tags),
        falsepositives=tuple(_line(one) for one in found.falsepositives),
        references=tuple(_line(one) for one in found.references),
        file=file,
    )


def _line(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value) if value is not None and not isinstance(value, dt.date) else ""


def _source(found: Any) -> Source:  # noqa: ANN401 - a pySigma log source
    return Source(product=(found.product or "").lower(), category=(found.category or "").lower(), service=(found.service or "").lower())


def _parsed(detections: Any, text: str, limits: Limits) -> Any:  # noqa: ANN401 - a pySigma condition tree
    if len(text) > limits.condition_characters:
        raise CannotError(f"a condition of more than {limits.condition_characters} characters")
    if text.count(" of ") * len(detections.detections) > limits.nodes:
        raise CannotError(f"a condition that names more than {limits.nodes} selections")
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > limits.condition_depth:
        raise CannotError(f"a condition with more than {limits.condition_depth} nested brackets")
    return conditions.SigmaCondition(text, detections).parse()


def _node(found: Any, table: _Table) -> Node:  # noqa: ANN401 - a pySigma condition tree
    match found:
        case conditions.ConditionAND():
            return (AND, *(_node(arg, table) for arg in found.args))
        case conditions.ConditionOR():
            return (OR, *(_node(arg, table) for arg in found.args))
        case conditions.ConditionNOT():
            return (NOT, _node(found.args[0], table))
        case conditions.ConditionFieldEqualsValueExpression():
            return _value(str(found.field), found.value, table)
        case conditions.ConditionValueExpression():
            return _value("", found.value, table)
        case _:
            raise CannotError(f"a condition with {type(found).__name__}")


def _value(field: str, value: Any, table: _Table) -> Node:  # noqa: ANN401 - one of pySigma's types
    match value:
        case types.SigmaExpansion():
            nodes = [_value(field, one, table) for one in value.values]
            return (OR, *nodes) if nodes else (FALSE,)
        case types.SigmaExists():
            node = table.number(Atom(field, "exists"))
            return node if value else (NOT, node)
        case _:
            return table.number(_atom(field, value, table.limits))


def _atom(field: str, value: Any, limits: Limits) -> Atom:  # noqa: ANN401 - one of pySigma's types
    match value:
        case types.SigmaString():
            return _string(field, value)
        case types.SigmaRegularExpression():
            atom = _pattern(field, value, limits)
        case types.SigmaTimestampPart():
            atom = Atom(field, f"time:{value.timestamp_part.name.lower()}", str(value.number))
        case types.SigmaNumber() | types.SigmaBool():
            atom = Atom(field, "eq" if field else "contains", str(value).lower())
        case types.SigmaCIDRExpression():
            atom = Atom(field, "cidr", str(value.network))
        case types.SigmaCompareExpression():
            atom = Atom(field, value.op.name.lower(), str(value.number))
        case types.SigmaNull():
            atom = Atom(field, "null")
        case types.SigmaFieldReference():
            ends = {(False, False): "ref", (True, False): "refstarts", (False, True): "refends", (True, True): "refcontains"}
            atom = Atom(field, ends[value.starts_with, value.ends_with], value.field)
        case _:
            raise CannotError(f"a value of kind {type(value).__name__}")
    return atom


_MOST_ORDERED: Final = 10
"""Every ordered choice of so many rules is tried at each match."""
_MANY: Final = types.SpecialChars.WILDCARD_MULTI


def _string(field: str, value: types.SigmaString) -> Atom:
    cased = isinstance(value, types.SigmaCasedString)
    parts = _parts(value, keyword=not field, cased=cased)
    if parts == [_MANY]:
        return Atom(field, "any")
    words = [part for part in parts if isinstance(part, str)]
    stars = [part for part in parts if part is _MANY]
    if len(words) <= 1 and len(words) + len(stars) == len(parts):
        ops = {(False, False): "eq", (False, True): "starts", (True, False): "ends", (True, True): "contains"}
        op = ops[parts[:1] == [_MANY], parts[-1:] == [_MANY]]
        return Atom(field, op, words[0] if words else "", cased)
    pattern = "".join(re2.escape(part) if isinstance(part, str) else ".*" if part is _MANY else "." for part in parts)
    needle = max((word.lower() for word in words), key=len, default="")
    return Atom(field, "glob", rf"(?s)\A(?:{pattern})\z", cased, (needle,) if needle else ())


def _parts(value: types.SigmaString, *, keyword: bool, cased: bool) -> list[str | types.SpecialChars]:
    """Return text and wildcards, no two ``*`` in a row; a keyword is looked for anywhere, so it begins and ends with one."""
    found: list[str | types.SpecialChars] = [_MANY] if keyword else []
    for part in (*value.s, _MANY) if keyword else value.s:
        if isinstance(part, types.Placeholder):
            raise CannotError(f"placeholder %{part.name}% has no values")
        if not (part is _MANY and found and found[-1] is _MANY):
            found.append(part.lower() if isinstance(part, str) and not cased else part)
    return found


def _pattern(field: str, value: types.SigmaRegularExpression, limits: Limits) -> Atom:
    if value.contains_placeholder():
        raise CannotError("a regular expression with a placeholder that has no values")
    letters = "".join(sorted(types.SigmaRegularExpression.sigma_to_re_flag[flag] for flag in value.flags))
    pattern = (f"(?{letters})" if letters else "") + str(value.regexp)
    if len(pattern) > limits.pattern_characters:
        raise CannotError(f"a regular expression of more than {limits.pattern_characters} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = limits.pattern_bytes
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        raise CannotError(f"a regular expression that RE2 can't do in linear time: {_reason(error)}") from error
    return Atom(field, "re", pattern, cased=True, needles=needles(pattern))


def _reason(error: Exception) -> str:
    cause = error.args[0] if error.args else ""
    return cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
