"""All indicators of a text: six linear passes over it, overlaps settled, each with its tier."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from bartizan.workbench.intel.extract.budget import INDICATORS, Budget
from bartizan.workbench.intel.extract.found import Indicator
from bartizan.workbench.intel.extract.indicators import hashes, kinds, names, nets
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.indicators.tiers import Judge
from bartizan.workbench.intel.extract.indicators.words import warnings, words
from bartizan.workbench.intel.extract.plain import as_bytes


class _Taken:
    """Spans that are spoken for; passes run in order of how much each knows."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.kept: list[Mention] = []

    def add(self, mentions: Iterable[Mention]) -> None:
        """Keep what overlaps nothing that was there before this pass."""
        fresh = [mention for mention in mentions if self._is_free(mention.start, mention.end)]
        if fresh:
            self.kept += fresh
            self.kept.sort(key=_start)
            self._starts = [mention.start for mention in self.kept]
            self._ends = [mention.end for mention in self.kept]

    def _is_free(self, start: int, end: int) -> bool:
        place = bisect_left(self._starts, end)
        return place == 0 or self._ends[place - 1] <= start


def _start(mention: Mention) -> int:
    return mention.start


def find(text: str, data: bytes | None = None, budget: Budget | None = None) -> tuple[tuple[Indicator, ...], tuple[Indicator, ...]]:
    """Return the indicators of a text and what was set aside, both in order; with ``budget``, the caller tells what it stopped."""
    data = as_bytes(text) if data is None else data
    own = budget or Budget(len(data), INDICATORS)
    lists = words()
    taken = _Taken()
    taken.add(nets.urls(text, data, lists, own))
    taken.add(hashes.rejoined(data, own))
    taken.add(hashes.hashes(data, own))
    taken.add(kinds.simple(text, data, own))
    taken.add(nets.mails(data, lists, own))
    taken.add(names.names(text, data, lists, own))
    judge = Judge(data, lists, warnings())
    found: list[Indicator] = []
    aside: list[Indicator] = []
    for mention in taken.kept:
        tier, reason = judge.tier(mention)
        (aside if mention.aside else found).append(
            Indicator(
                kind=mention.kind,
                value=mention.value,
                start=mention.start,
                end=mention.end,
                quote=text[mention.start : mention.end],
                tier=tier,
                reason=reason,
                notes=mention.notes,
            )
        )
    return tuple(found), tuple(aside) if budget else (*aside, *own.stops(len(data)))
