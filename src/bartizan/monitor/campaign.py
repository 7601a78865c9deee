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

from bartizan.monitor.nulls import rarity

_SHARED_MOST: Final = 40
"""A network with more elevated accounts than this is a proxy or an office, and says nothing."""
_LINK: Final = 0.5
_SIMILAR: Final = 0.25
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
    """Return for each account the evidence its networks' other elevated accounts add: their rarity beyond chance, the best one."""
    by_network: dict[str, list[Candidate]] = defaultdict(list)
    for item in candidates:
        for network in item.networks:
            by_network[network].append(item)
    found: dict[str, float] = {}
    for network, members in by_network.items():
        if not 2 <= len(members) <= _SHARED_MOST:
            continue
        others = max(1, accounts_by_network.get(network, len(members)) - 1)
        ranked = sorted(members, key=lambda item: -item.rarity)
        for item in members:
            best = ranked[0] if ranked[0].account != item.account else ranked[1]
            extra = best.rarity - math.log10(others)
            found[item.account] = max(found.get(item.account, 0.0), extra)
    return found


def campaigns(candidates: Sequence[Candidate], accounts_by_network: Mapping[str, int], *, similar: float = _SIMILAR) -> list[Campaign]:
    """Group candidates: joined by a shared network, then groups joined by what they ask for; three accounts at least."""
    ordered = sorted(candidates, key=lambda item: -item.rarity)[:4000]
    parent = list(range(len(ordered)))
    by_network: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(ordered):
        for network in item.networks:
            by_network[network].append(number)
    for members in by_network.values():
        if 2 <= len(members) <= _SHARED_MOST:
            for other in members[1:]:
                _join(parent, members[0], other)
    pairs = [group for group in _groups(parent) if len(group) >= 2]
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


def combined(own: float, added: float, *, share: float) -> float:
    """Return an account's rarity once linkage may add ``share`` of its excess; own evidence is needed for any of it."""
    return own if own < _LINK else own + share * max(0.0, added)


__all__ = ["Campaign", "Candidate", "campaigns", "combined", "rarity", "support"]
