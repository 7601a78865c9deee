"""How much to draw from each stratum, and what: Neyman's allocation with a floor, and a draw that nobody can steer or predict.

J. Neyman, On the two different aspects of the representative method, 1934: for a given number of looks the error of the total is
least when a stratum gets a share in proportion to its size times the standard deviation in it. A floor keeps a wrong idea of where
the harm is from hiding it.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import math
from collections.abc import Mapping


def allocate(sizes: Mapping[str, int], assumed: Mapping[str, float], *, budget: int, floor: int) -> dict[str, int]:
    """Return how many to draw from each stratum: at most its size, at least the floor, in all at most the budget.

    Where the floors alone are more than the budget, it is shared out evenly.
    """
    present = {name: size for name, size in sizes.items() if size > 0}
    if not present or budget <= 0:
        return dict.fromkeys(sizes, 0)
    least = min(floor, budget // len(present))
    drawn = {name: min(size, max(least, 1 if budget >= len(present) else 0)) for name, size in present.items()}
    open_ = {name for name in present if drawn[name] < present[name]}
    # Filling one stratum frees its share for the others, so the shares are worked out again until none overflows.
    while open_ and (left := budget - sum(drawn.values())) > 0:
        fixed = {name: drawn[name] for name in present if name not in open_}
        weights = {name: present[name] * deviation(assumed.get(name, 0.5)) for name in open_}
        total = sum(weights.values())
        room = budget - sum(fixed.values())
        wanted = {name: max(drawn[name], min(present[name], math.floor(room * weights[name] / total))) for name in open_}
        spare = budget - sum(fixed.values()) - sum(wanted.values())
        if spare < 0:
            wanted = _shrunk(wanted, drawn, -spare)
            spare = 0
        drawn.update(wanted)
        full = {name for name in open_ if drawn[name] >= present[name]}
        if not full:
            for name in heapq.nlargest(min(spare, len(open_)), open_, key=lambda each: weights[each]):
                drawn[name] += 1
            break
        open_ -= full
        if spare == 0 or left == 0:
            break
    return {name: drawn.get(name, 0) for name in sizes}


def _shrunk(wanted: dict[str, int], least: Mapping[str, int], over: int) -> dict[str, int]:
    """Take what the floors gave too much from those that are above theirs, largest first."""
    result = dict(wanted)
    while over > 0:
        name = max(result, key=lambda each: result[each] - least[each])
        if result[name] <= least[name]:
            break
        cut = min(over, max(1, (result[name] - least[name]) // 4))
        result[name] -= cut
        over -= cut
    return result


def deviation(share: float) -> float:
    """Return the standard deviation of a yes-or-no with this share, never quite 0."""
    kept = min(max(share, 1e-5), 1 - 1e-5)
    return math.sqrt(kept * (1 - kept))


def lot(key: bytes, name: str) -> int:
    """Return a name's lot: the same for ever, and unknown to whoever has not the key."""
    return int.from_bytes(hmac.digest(key, name.encode(), hashlib.sha256)[:8])


class Urn:
    """Counts a stratum and keeps its lowest lots: any number up to ``most`` of them is a simple random sample without replacement."""

    def __init__(self, most: int) -> None:
        self.size = 0
        self._most = most
        self._kept: list[tuple[int, str, int]] = []

    def add(self, key: bytes, name: str, seq: int) -> None:
        """Take in one exchange."""
        self.size += 1
        item = (-lot(key, name), name, seq)
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, item)
        elif item > self._kept[0]:
            heapq.heapreplace(self._kept, item)

    def draw(self, n: int) -> list[tuple[str, int]]:
        """Return the n lowest lots as (name, seq)."""
        return [(name, seq) for _, name, seq in sorted(self._kept, reverse=True)[:n]]
