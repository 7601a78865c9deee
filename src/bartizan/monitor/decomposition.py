"""One harmful goal split over harmless-looking steps, over sessions and accounts.

No step gives it away, so the unit is the set of sessions that pursue one goal: an account's own within a week of each other, and those
on one network that share a rare word. A word counts by how few accounts use it, so that popular harmless subjects do not link anybody.
The steps' weak evidence (a small head: does this step serve getting around people and records, or running the place?) adds up over
the set as a mixture: each request is either ordinary or, in a small share, a step. So ordinary requests in between cost little each, and
one odd request is no goal.
"""

from __future__ import annotations

import math
from collections import defaultdict
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
    """How a step's log-odds are read, and where a set is flagged."""

    threshold: float
    slope: float = 1.5
    offset: float = 1.5
    """A step's evidence is ``slope`` times the head's log-odds plus ``offset``: the head is too timid on manners it never saw."""
    most: float = 4.0
    """No single request counts for more, either way."""
    share: float = 0.2
    """Requests that are steps, in a campaign's sessions."""
    version: str = "2"


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
        """Return every set of linked sessions (of one, where nothing links) with its score, a log-likelihood ratio."""
        groups = linked(sessions, goal_terms(sessions))
        return [(group, sum(self.evidence(text) for place in group for text in sessions[place].texts)) for group in groups]

    def step(self, text: str) -> float:
        """Return the log-odds that a step serves getting around people and records."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._heads.score(text)["step"]
        return known

    def evidence(self, text: str) -> float:
        """Return the log-likelihood ratio of a request in a campaign, where some are steps and the rest ordinary, against none."""
        limits = self._limits
        value = max(-limits.most, min(limits.most, limits.slope * self.step(text) + limits.offset))
        return math.log1p(limits.share * math.expm1(value))


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
    """Return sets of sessions joined by account, or by network and a rare word, within a week; each session is in one set."""
    parent = list(range(len(sessions)))
    size = [1] * len(sessions)
    accounts: dict[str, list[int]] = defaultdict(list)
    networks: dict[str, list[int]] = defaultdict(list)
    for number in sorted(range(len(sessions)), key=lambda place: sessions[place].at):
        accounts[sessions[number].account].append(number)
        if sessions[number].network:
            networks[sessions[number].network].append(number)
    pairs = [pair for members in _sets(accounts) for pair in pairwise(members)]
    pairs += [pair for members in _sets(networks) for pair in _pairs(members, terms)]
    for first, second in pairs:
        if abs(sessions[first].at - sessions[second].at) <= _WINDOW_S:
            _join(parent, size, first, second)
    groups: dict[int, list[int]] = defaultdict(list)
    for number in range(len(sessions)):
        groups[_root(parent, number)].append(number)
    return list(groups.values())


def _sets(places: Mapping[str, list[int]]) -> Iterator[list[int]]:
    yield from (members for members in places.values() if 2 <= len(members) <= _PLACE_MOST)


def _pairs(members: Sequence[int], terms: Sequence[Mapping[str, float]]) -> list[tuple[int, int]]:
    """Return neighbours in time order that share a rare word, each pair once and in a fixed order."""
    by_term: dict[str, list[int]] = defaultdict(list)
    for number in members:
        for term in terms[number]:
            by_term[term].append(number)
    return sorted({pair for numbers in by_term.values() for pair in pairwise(numbers)})


def limits_of(scores: Sequence[float], *, budget: float) -> Limits:
    """Return limits under which at most a share ``budget`` of harmless sessions is flagged."""
    ordered = sorted(scores, reverse=True)
    return Limits(threshold=float(np.nextafter(ordered[int(len(ordered) * budget)], np.inf)))


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
