"""What a correlation says about the matches in one window; pure, and the same for streams and files."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bartizan.workbench.triage.sigma.ir import Correlation
from bartizan.workbench.triage.sigma.values import each, number_of, text_of

_OPS: Final[dict[str, Callable[[float, float], bool]]] = {
    "gt": lambda seen, wanted: seen > wanted,
    "gte": lambda seen, wanted: seen >= wanted,
    "lt": lambda seen, wanted: seen < wanted,
    "lte": lambda seen, wanted: seen <= wanted,
    "eq": lambda seen, wanted: seen == wanted,
    "neq": lambda seen, wanted: seen != wanted,
}
_MOST_TEXTS: Final = 64
"""Combinations of the values of one record that ``value_count`` counts, for fields that are lists."""


class Entry(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One match in a group's window: when, which record, which of the correlation's rules (by place), and the field's values."""

    at: float
    record: str
    rules: tuple[int, ...]
    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    cites: tuple[str, ...] = ()
    """The records behind the match, where ``record`` is itself a correlation's."""


def field_of(correlation: Correlation, name: str, rule: str) -> str:
    """Return the field that a group-by or condition field means in the records of a rule."""
    return correlation.aliases.get(name, {}).get(rule, name)


def group_of(correlation: Correlation, rule: str, fields: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the group of a record, None when it lacks a field to group by: such a record belongs to no group."""
    parts: list[str] = []
    for name in correlation.group_by:
        value = next(each(fields.get(field_of(correlation, name, rule))), None)
        if value is None:
            return None
        parts.append(text_of(value))
    return tuple(parts)


def entry_of(correlation: Correlation, match: Entry, fields: Mapping[str, object]) -> Entry:
    """Add to a match what the correlation looks at in its record."""
    at, record, places, cites = match.at, match.record, match.rules, match.cites
    rule = correlation.rules[places[0]]
    if correlation.kind in ("event_count", "temporal", "temporal_ordered"):
        return match
    columns = [[text_of(one) for one in each(fields.get(field_of(correlation, name, rule)))] for name in correlation.fields]
    if correlation.kind == "value_count":
        texts = tuple("\0".join(row) for row in itertools.islice(itertools.product(*columns), _MOST_TEXTS))
        return Entry(at, record, places, texts=texts, cites=cites)
    numbers = (number_of(text) for column in columns for text in column)
    return Entry(at, record, places, numbers=tuple(number for number in numbers if number is not None), cites=cites)


def waits_for_end(correlation: Correlation) -> bool:
    """Say whether only the end of a window can tell: a condition that more matches could undo."""
    if correlation.expression is not None:
        return _has_not(correlation.expression)
    return correlation.op not in ("gt", "gte")


def _has_not(expression: Any) -> bool:  # noqa: ANN401 - a nested sequence
    return not isinstance(expression, str) and (expression[0] == "not" or any(_has_not(part) for part in expression[1:]))


def value_of(correlation: Correlation, entries: Sequence[Entry]) -> float | None:
    """Return what the condition compares; None when there is nothing to compare. Of an extended condition 1 or 0."""
    if correlation.expression is not None:
        return float(_extended(correlation, entries))
    match correlation.kind:
        case "event_count":
            return float(len(entries))
        case "value_count":
            return float(len({text for entry in entries for text in entry.texts}))
        case "temporal":
            return float(len({place for entry in entries for place in entry.rules}))
        case "temporal_ordered":
            return float(max(_chains(entries, len(correlation.rules)), default=0))
        case _:
            return _number(correlation, [number for entry in entries for number in entry.numbers])


def holds(correlation: Correlation, entries: Sequence[Entry]) -> bool:
    """Say whether the correlation's condition holds over the entries, which are in order; over none it never does."""
    if not entries:
        return False
    value = value_of(correlation, entries)
    if value is None:
        return False
    return value > 0 if correlation.expression is not None else _OPS[correlation.op](value, correlation.count)


def _number(correlation: Correlation, numbers: list[float]) -> float | None:
    if not numbers:
        return None
    match correlation.kind:
        case "value_sum":
            return math.fsum(numbers)
        case "value_avg":
            return math.fsum(numbers) / len(numbers)
        case "value_median":
            return _percentile(sorted(numbers), 50)
        case _:
            return _percentile(sorted(numbers), correlation.percentile or 0)


def _percentile(ordered: list[float], percentile: float) -> float:
    """Interpolate linearly between the closest ranks (Hyndman and Fan's type 7)."""
    place = (len(ordered) - 1) * percentile / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _chains(entries: Sequence[Entry], count: int) -> list[int]:
    """For each rule, how many rules up to it were matched in their order, by different records."""
    best = [0] * count
    for entry in entries:
        before = list(best)
        for place in entry.rules:
            best[place] = max(best[place], 1 + max(before[:place], default=0))
    return best


def _extended(correlation: Correlation, entries: Sequence[Entry]) -> bool:
    present = {place for entry in entries for place in entry.rules}
    names = {correlation.rules[place] for place in present}
    if correlation.kind == "temporal":
        return _true(correlation.expression, names, names)
    for size in range(len(present), -1, -1):
        for chosen in itertools.combinations(sorted(present), size):
            if _in_order(entries, chosen) and _true(correlation.expression, {correlation.rules[place] for place in chosen}, names):
                return True
    return False


def _in_order(entries: Sequence[Entry], chosen: tuple[int, ...]) -> bool:
    steps = iter(chosen)
    wanted = next(steps, None)
    for entry in entries:
        if wanted is not None and wanted in entry.rules:
            wanted = next(steps, None)
    return wanted is None


def _true(expression: Any, chosen: set[str], present: set[str]) -> bool:  # noqa: ANN401 - a nested sequence
    """Judge an extended condition; what stands under a NOT must be absent altogether, not only out of order."""
    if isinstance(expression, str):
        return expression in chosen
    match expression[0]:
        case "and":
            return all(_true(part, chosen, present) for part in expression[1:])
        case "or":
            return any(_true(part, chosen, present) for part in expression[1:])
        case _:
            return not _true(expression[1], present, present)
