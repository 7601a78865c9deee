"""One harmful goal split over harmless-looking steps, over sessions and accounts.

No step gives it away, so the unit is the set of sessions that pursue one goal: linked by the rare words they share, and by account or
network, close in time. A word counts by how few accounts use it, so that popular harmless subjects do not link anybody. The steps'
weak evidence (a small head: does this step serve getting around people and records, or running the place?) adds up over the set, and
the sum is held against what a set of that size scores by chance among harmless sessions.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np

from bartizan.errors import ControlError
from bartizan.monitor.text import words
from bartizan.monitor.text.head import DATA, Heads, load

_WINDOW_S: Final = 7 * 86400.0
_POPULAR: Final = 0.01
"""A word used by more than this share of accounts (at least 8) is no sign of a common goal."""
_POPULAR_LEAST: Final = 8
_TERMS: Final = 24
_SHARED_LEAST: Final = 2
_CLUSTER_MOST: Final = 60
_PLACE_MOST: Final = 400
"""An account or network with more sessions than this is shared by strangers."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What one account asked in one sitting."""

    account: str
    network: str
    at: float
    texts: tuple[str, ...]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What harmless sessions score, and where a set of them is flagged."""

    mean: float
    spread: float
    threshold: float
    step: float
    """Log-odds from which a step counts; the rest of a session is other business and counts as nothing."""
    version: str = "1"


class Decomposition:
    """Finds sets of sessions that pursue one goal, and scores each."""

    def __init__(self, heads: Heads, limits: Limits) -> None:
        self._heads = heads
        self._limits = limits
        self._known: dict[str, float] = {}

    @classmethod
    def load(cls, folder: Path = DATA) -> Self:
        """Load the shipped head and limits; raises ControlError when one is missing."""
        try:
            limits = msgspec.json.decode((folder / "decomposition.json").read_bytes(), type=Limits)
        except (OSError, msgspec.MsgspecError) as error:
            raise ControlError(f"reading the limits of decomposition in {folder}: {error}") from error
        return cls(load(folder), limits)

    def flagged(self, sessions: Sequence[Session]) -> set[int]:
        """Return the places of sessions that belong to a flagged set."""
        return {place for group, score in self.scored(sessions) if score >= self._limits.threshold for place in group}

    def scored(self, sessions: Sequence[Session]) -> list[tuple[list[int], float]]:
        """Return every set of linked sessions (of one, where nothing links) with its score, in standard deviations."""
        terms = goal_terms(sessions)
        return [(group, self._score([sessions[place] for place in group], terms, group)) for group in linked(sessions, terms)]

    def step(self, text: str) -> float:
        """Return the log-odds that a step serves getting around people and records."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._heads.score(text)["step"]
        return known

    def _score(self, group: Sequence[Session], terms: Sequence[Mapping[str, float]], places: Sequence[int]) -> float:
        counts: Counter[str] = Counter(term for place in places for term in terms[place])
        shared = {term for term, count in counts.items() if count > 1}
        evidence, steps = 0.0, 0
        for session in group:
            for text in session.texts:
                # In a set, only what is about the common goal counts; a lone session has no goal known but its own.
                if len(group) > 1 and shared.isdisjoint(words(text)):
                    continue
                value = self.step(text)
                if abs(value) >= self._limits.step:
                    evidence += max(-4.0, min(4.0, value)) - self._limits.mean
                    steps += 1
        return evidence / (self._limits.spread * math.sqrt(steps)) if steps else 0.0


def goal_terms(sessions: Sequence[Session]) -> list[dict[str, float]]:
    """Return the rare words of each session, weighed by how few accounts use them."""
    used: dict[str, set[str]] = defaultdict(set)
    said = [{word for text in session.texts for word in words(text) if len(word) > 3} for session in sessions]
    for session, found in zip(sessions, said, strict=True):
        for word in found:
            used[word].add(session.account)
    accounts = len({session.account for session in sessions})
    limit = max(_POPULAR_LEAST, accounts * _POPULAR)
    weighed = []
    for found in said:
        rare = {word: math.log((accounts + 1) / len(used[word])) for word in found if len(used[word]) <= limit}
        weighed.append(dict(sorted(rare.items(), key=lambda pair: (-pair[1], pair[0]))[:_TERMS]))
    return weighed


def linked(sessions: Sequence[Session], terms: Sequence[Mapping[str, float]]) -> list[list[int]]:
    """Return sets of sessions joined by account or network and two rare words, within a week; each session is in one set."""
    parent = list(range(len(sessions)))
    size = [1] * len(sessions)
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, session in enumerate(sessions):
        for key in {("account", session.account), ("network", session.network)}:
            if key[1]:
                places[key].append(number)
    for members in places.values():
        if 2 <= len(members) <= _PLACE_MOST:
            for first, second in _pairs(members, terms):
                if abs(sessions[first].at - sessions[second].at) <= _WINDOW_S:
                    _join(parent, size, first, second)
    groups: dict[int, list[int]] = defaultdict(list)
    for number in range(len(sessions)):
        groups[_root(parent, number)].append(number)
    return list(groups.values())


def _pairs(members: Sequence[int], terms: Sequence[Mapping[str, float]]) -> Iterator[tuple[int, int]]:
    """Yield neighbours in time order that share two rare words."""
    by_term: dict[str, list[int]] = defaultdict(list)
    for number in members:
        for term in terms[number]:
            by_term[term].append(number)
    shared = Counter(pair for numbers in by_term.values() for pair in pairwise(numbers))
    yield from (pair for pair, count in shared.items() if count >= _SHARED_LEAST)


def limits_of(scores: Sequence[float], spread: float, mean: float, *, budget: float, step: float) -> Limits:
    """Return limits under which at most a share ``budget`` of harmless sessions is flagged."""
    ordered = sorted(scores, reverse=True)
    place = int(len(ordered) * budget)
    return Limits(mean=mean, spread=spread, threshold=float(np.nextafter(ordered[place], np.inf)), step=step)


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _join(parent: list[int], size: list[int], first: int, second: int) -> None:
    a, b = _root(parent, first), _root(parent, second)
    if a != b and size[a] + size[b] <= _CLUSTER_MOST:
        parent[b] = a
        size[a] += size[b]
