"""Accounts that belong together: elevated requests of one goal, from shared networks, close in time.

Popular harmless topics swamp a cross-account sum, so only requests that are rare among harmless ones enter, and each shared trait
counts by how rare it is to share it by chance: -log10 of (accounts expected to share it among all). Linkage alone is never enough;
each member carries own evidence.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

_SHARED_MOST: Final = 40
"""A network with more elevated accounts than this is a proxy or an office, and says nothing."""
_OWN: Final = 0.8
"""Own rarity from which linkage may add anything."""
_ALIKE: Final = (0.16, 0.9)
"""Likeness of two requests that speaks for one goal: less is chance, and the very same text is one that goes around."""
_ADDED_MOST: Final = 2.5
_SIMILAR: Final = 0.25
_CANDIDATES: Final = 4000
_MEMBERS_LEAST: Final = 3
_MEMBERS_MOST: Final = 64


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One account's most telling request, as the linker sees it."""

    account: str
    rarity: float
    """-log10 of the share of harmless accounts with such a request."""
    networks: frozenset[str]
    at: float
    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """Linked accounts with the combined score and what links them."""

    accounts: tuple[str, ...]
    score: float
    links: tuple[str, ...]


def support(candidates: Sequence[Candidate], accounts_by_network: Mapping[str, int]) -> dict[str, float]:
    """Return for each account what the best other account of its networks adds: rarity beyond chance, if it asks for the like."""
    by_network: dict[str, list[Candidate]] = defaultdict(list)
    for item in candidates:
        for network in item.networks:
            by_network[network].append(item)
    found: dict[str, float] = {}
    for network, members in by_network.items():
        if not 2 <= len(members) <= _SHARED_MOST:
            continue
        others = max(1, accounts_by_network.get(network, len(members)) - 1)
        goals = [_goal([item]) for item in members]
        for place, item in enumerate(members):
            extra = max(
                (
                    other.rarity - math.log10(others)
                    for number, other in enumerate(members)
                    if number != place and _ALIKE[0] <= _cosine(goals[place], goals[number]) <= _ALIKE[1]
                ),
                default=0.0,
            )
            found[item.account] = max(found.get(item.account, 0.0), min(_ADDED_MOST, extra))
    return found


def campaigns(candidates: Sequence[Candidate], accounts_by_network: Mapping[str, int], *, similar: float = _SIMILAR) -> list[Campaign]:
    """Group candidates: joined by a shared network, then groups joined by what they ask for; three accounts at least."""
    ordered = sorted(candidates, key=lambda item: -item.rarity)[:_CANDIDATES]
    pairs = _neighbours(ordered)
    goals = [_goal([ordered[number] for number in group]) for group in pairs]
    outer = list(range(len(pairs)))
    for first in range(len(pairs)):
        for second in range(first + 1, len(pairs)):
            if _cosine(goals[first], goals[second]) >= similar:
                _join(outer, first, second)
    found = []
    for group in _groups(outer):
        members = [ordered[number] for place in group for number in pairs[place]]
        if _MEMBERS_LEAST <= len(members) <= _MEMBERS_MOST:
            links = ("network", "goal") if len(group) > 1 else ("network",)
            found.append(_campaign(members, accounts_by_network, links))
    return sorted(found, key=lambda item: -item.score)


def _neighbours(ordered: Sequence[Candidate]) -> list[list[int]]:
    """Return groups of two candidates or more that shared networks join."""
    parent = list(range(len(ordered)))
    by_network: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(ordered):
        for network in item.networks:
            by_network[network].append(number)
    for members in by_network.values():
        if 2 <= len(members) <= _SHARED_MOST:
            for other in members[1:]:
                _join(parent, members[0], other)
    return [group for group in _groups(parent) if len(group) >= 2]


def _campaign(members: Sequence[Candidate], accounts_by_network: Mapping[str, int], links: tuple[str, ...]) -> Campaign:
    own = sum(item.rarity for item in members)
    networks = frozenset().union(*(item.networks for item in members))
    tried = sum(math.log10(max(1, accounts_by_network.get(network, 1))) for network in networks)
    return Campaign(accounts=tuple(item.account for item in members), score=own - tried, links=links)


def _goal(members: Sequence[Candidate]) -> dict[int, float]:
    total: dict[int, float] = defaultdict(float)
    for item in members:
        for bucket, weight in zip(item.buckets.tolist(), item.weights.tolist(), strict=True):
            total[bucket] += weight
    norm = math.sqrt(sum(value * value for value in total.values())) or 1.0
    return {bucket: value / norm for bucket, value in total.items()}


def _cosine(first: Mapping[int, float], second: Mapping[int, float]) -> float:
    if len(first) > len(second):
        first, second = second, first
    return sum(value * second.get(bucket, 0.0) for bucket, value in first.items())


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _join(parent: list[int], first: int, second: int) -> None:
    parent[_root(parent, second)] = _root(parent, first)


def _groups(parent: list[int]) -> list[list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for number in range(len(parent)):
        groups[_root(parent, number)].append(number)
    return list(groups.values())


def combined(own: float, added: float, *, rarest: float, share: float) -> float:
    """Return an account's score once linkage may add ``share`` of its evidence; own evidence is needed for any of it."""
    return own if rarest < _OWN else own + share * max(0.0, added)
