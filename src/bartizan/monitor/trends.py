"""What many accounts do, over weeks, without anybody being seen: sums over a tree of topics in which no figure is about a few.

A figure is shown where it is about ``least`` accounts or more, none of which makes up more than half of it. What falls short is merged
with its neighbours until it does not, and left out where even that is too little; what a reader gets by subtracting shown figures
is again such a merged figure. Weeks that are not over are never shown, so no figure moves while somebody watches it.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

WEEK_S: Final = 7 * 86_400
BLOCK: Final = 4
"""Weeks that may be merged: those of one block, which is fixed, so that no two views of the same weeks merge them differently."""
MERGED: Final = "(others)"
WEEKS: Final = 26


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one account did in one week (since 1970), as a place in the tree: from the widest word to the narrowest."""

    week: int
    account: str
    path: tuple[str, ...]
    n: int


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure fit to be shown. ``accounts`` is rounded down to a multiple of the fewest that may be shown."""

    path: tuple[str, ...]
    n: int
    accounts: int


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """One or more weeks (UTC seconds) with their figures, parents before children."""

    since: float
    until: float
    figures: tuple[Figure, ...]


class Trends(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``hidden`` is how many weeks are over and had too little to show."""

    least: int
    weeks: int
    hidden: int
    stretches: tuple[Stretch, ...]


def window(now: float, *, weeks: int = WEEKS) -> tuple[int, int]:
    """Return the weeks to ask for, from whole blocks: the first, and the one that is not over yet."""
    this = int(now // WEEK_S)
    return (this - weeks) // BLOCK * BLOCK, this


def trends(seen: Iterable[Seen], *, least: int, first: int, this: int) -> Trends:
    """Work out what may be shown of the weeks from ``first`` up to, and without, ``this``."""
    weeks: dict[int, list[Seen]] = defaultdict(list)
    for each in seen:
        if first <= each.week < this:
            weeks[each.week].append(each)
    stretches: list[Stretch] = []
    shown = 0
    for _, block in itertools.groupby(range(first, this), key=lambda week: week // BLOCK):
        for together in _stretches(list(block), weeks, least):
            rows = [each for week in together for each in weeks[week]]
            figures = tuple(_figures((), rows, least))
            stretches.append(Stretch(since=together[0] * WEEK_S, until=(together[-1] + 1) * WEEK_S, figures=figures))
            shown += len(together)
    return Trends(least=least, weeks=this - first, hidden=this - first - shown, stretches=tuple(reversed(stretches)))


def _stretches(block: Sequence[int], weeks: Mapping[int, Sequence[Seen]], least: int) -> Iterable[list[int]]:
    """Yield weeks that are enough together, one after another. What is left at the end is shown nowhere, also not later."""
    together: list[int] = []
    for week in block:
        together.append(week)
        if not _small(_accounts(each for some in together for each in weeks[some]), least):
            yield together
            together = []


def _figures(path: tuple[str, ...], rows: Sequence[Seen], least: int) -> Iterable[Figure]:
    """Yield the figure of rows that are enough, then those of its parts."""
    yield _figure(path, rows, least)
    parts: dict[str, list[Seen]] = defaultdict(list)
    for each in rows:
        # What ends here while others go on is a part of its own, or it could be had by subtracting.
        parts[each.path[len(path)] if len(each.path) > len(path) else ""].append(each)
    if set(parts) == {""}:
        return
    large, merged = _merged(parts, least)
    for name in sorted(large, key=lambda each: (-_accounts(large[each]).total(), each)):
        yield from _figures((*path, name), large[name], least)
    if merged and large:
        yield _figure((*path, MERGED), merged, least)


def _merged(parts: Mapping[str, list[Seen]], least: int) -> tuple[dict[str, list[Seen]], list[Seen]]:
    """Part what can be shown by itself from what is shown together: as much is taken in, smallest first, as it takes."""
    large = {name: rows for name, rows in parts.items() if name and not _small(_accounts(rows), least)}
    rest = [each for name, rows in parts.items() if name not in large for each in rows]
    order = sorted(large, key=lambda name: (_accounts(large[name]).total(), name))
    while rest and _small(_accounts(rest), least) and order:
        rest += large.pop(order.pop(0))
    return (large, rest) if not rest or not _small(_accounts(rest), least) else ({}, [])


def _figure(path: tuple[str, ...], rows: Sequence[Seen], least: int) -> Figure:
    counts = _accounts(rows)
    return Figure(path=path, n=counts.total(), accounts=len(counts) // least * least)


def _accounts(rows: Iterable[Seen]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in rows:
        counts[each.account] += each.n
    return counts


def _small(counts: Counter[str], least: int) -> bool:
    return len(counts) < least or 2 * max(counts.values()) > counts.total()
