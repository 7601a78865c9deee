"""Who and what signs name: users, addresses, files and processes that tie hosts together."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from bartizan.workbench.triage.incident.chain import Chain
from bartizan.workbench.triage.record import Entity

_HUB: Final = 8
"""Hosts on which an entity was named before it ties nothing together any more: a proxy, a scanner of one's own, a service account."""
_MOST: Final = 50_000


class Graph:
    """Which chain an entity was last a sign in. Bounded: the entity that was named longest ago is forgotten first."""

    def __init__(self, quiet: float, span: float) -> None:
        self._quiet = quiet
        self._span = span
        self._last: OrderedDict[Entity, tuple[float, Chain]] = OrderedDict()
        self._hosts: dict[Entity, set[str]] = {}

    def linked(self, at: float, entities: tuple[Entity, ...]) -> Chain | None:
        """Return the chain under way that a sign's entities belong to."""
        for entity in entities:
            known = self._last.get(entity)
            if known is None or len(self._hosts[entity]) > _HUB:
                continue
            chain = known[1]
            while chain.merged is not None:
                chain = chain.merged
            if not chain.done and at - chain.last <= self._quiet and at - chain.start <= self._span:
                return chain
        return None

    def name(self, at: float, host: str, entities: tuple[Entity, ...], chain: Chain) -> None:
        """Note that a sign in a chain names these."""
        for entity in entities:
            self._last[entity] = (at, chain)
            self._last.move_to_end(entity)
            self._hosts.setdefault(entity, set()).add(host)
        while len(self._last) > _MOST:
            gone, _ = self._last.popitem(last=False)
            del self._hosts[gone]
