"""Drawing a period's sample: everything that ended is counted by stratum, and lots decide. Canaries go in between.

A canary is an item that was settled before: the masked text of a real exchange, of the same strata as the sample and in the shares
that the sample is expected to have. A made-up one would be told apart by its style.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from bartizan.event import (
    Envelope,
    ExchangeAdmitted,
    ExchangeCompleted,
    ReviewPlanned,
    ReviewSampled,
    StratumPlan,
    Tier,
    envelope,
    kind_of,
)
from bartizan.identity import Profile
from bartizan.ledger import Header
from bartizan.monitor.enforcement import Enforcement, derived
from bartizan.monitor.evidence import conversation
from bartizan.monitor.masking import masked
from bartizan.monitor.queue import Item, Queue
from bartizan.monitor.review_rules import CAUGHT, STRATA, Rules, Stratum, rules, stratum_of
from bartizan.monitor.sampling import Urn, allocate, lot

_MOST: Final = 4000
_ENDED: Final = (kind_of(ExchangeAdmitted), kind_of(ExchangeCompleted))
Truth = Literal["", "harmful", "benign"]
_SHARE_WEIGHT: Final = 20.0
"""How many settled items the assumed share counts as when labels correct it."""


class Ledger(Protocol):
    """What drawing needs of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...

    def events(self, *, after: int = -1, kinds: Collection[str] | None = None, before: int | None = None) -> Iterator[tuple[int, Envelope]]:
        """Yield entries past ``after`` in order."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content."""
        ...

    def header(self, seq: int) -> Header:
        """Return the header at a place."""
        ...

    def size(self) -> int:
        """Return how many entries there are."""
        ...

    def pseudonym(self, kind: str, name: str) -> str:
        """Return the stable keyed name of something."""
        ...


class Drawer:
    """Draws. The lots are keyed with a secret of this installation, so nobody can place an exchange where no lot falls."""

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        enforcement: Enforcement,
        *,
        profile: Profile,
        chosen: Rules | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._enforcement = enforcement
        self._profile: Profile = profile
        self._rules = chosen or rules()
        self._clock = clock

    def draw(self, *, budget: int = 0) -> ReviewPlanned | None:
        """Draw from everything that ended since the last plan and record it, in one transaction; None where nothing did.

        ``budget`` counts items with canaries; 0 for what the profile allows for the days since.
        """
        self._ledger.catch_up()
        last = self._queue.plans[-1] if self._queue.plans else None
        after, upto = (last.upto if last is not None else 0), self._ledger.size()
        key = self._ledger.pseudonym("lot", str(after)).encode()
        urns, since, until = self._count(key, after, upto)
        if not sum(urn.size for urn in urns.values()):
            return None
        budget = budget or self._budget(since, until)
        plan = derived("plan", str(after), str(upto))
        chance = random.Random(lot(key, plan))  # noqa: S311 - seeded by the secret, so that a repeat is the same draw
        canaries = self._canaries(chance, round(budget * self._rules.canaries))
        assumed = self.assumed()
        sizes: dict[str, int] = {name: urn.size for name, urn in urns.items()}
        drawn = allocate(sizes, dict(assumed), budget=budget - len(canaries), floor=self._rules.floor)
        strata = tuple(StratumPlan(stratum=name, size=sizes[name], drawn=drawn[name], assumed=assumed[name]) for name in STRATA)
        fact = ReviewPlanned(plan=plan, since=since, until=until, strata=strata, upto=upto, version=self._rules.version)
        items = self._items(chance, plan, urns, drawn, canaries)
        now = self._clock()
        self._ledger.append_now(
            envelope(fact, actor="monitor", correlation=plan, at=now),
            *((envelope(item, actor="monitor", correlation=plan, at=now), content) for item, content in items),
        )
        self._ledger.catch_up()
        return fact

    def assumed(self) -> dict[Stratum, float]:
        """Return the share of harm to assume in each stratum: the rules', corrected by what labels said."""
        said: dict[str, list[int]] = {name: [0, 0] for name in STRATA}
        for item in self._queue.items.values():
            if item.settled is not None and item.fact.purpose == "sample" and item.fact.stratum in said:
                said[item.fact.stratum][0] += item.settled.label == "harmful"
                said[item.fact.stratum][1] += 1
        return {name: (self._rules.assumed[name] * _SHARE_WEIGHT + said[name][0]) / (_SHARE_WEIGHT + said[name][1]) for name in STRATA}

    def _budget(self, since: float, until: float) -> int:
        weeks = min(max((until - since) / (7 * 86_400), 1 / 7), 4.0)
        return max(1, round(self._rules.budget[self._profile] * weeks))

    def _count(self, key: bytes, after: int, upto: int) -> tuple[dict[Stratum, Urn], float, float]:
        urns: dict[Stratum, Urn] = {name: Urn(_MOST) for name in STRATA}
        admitted: dict[str, tuple[int, Tier]] = {}
        since, until = float("inf"), 0.0
        for seq, entry in self._ledger.events(after=after - 1, kinds=_ENDED, before=upto):
            if isinstance(entry.body, ExchangeAdmitted):
                admitted[entry.correlation] = (seq, entry.body.tier)
            elif isinstance(entry.body, ExchangeCompleted):
                # One that was admitted before the last plan and ended after it is looked up by nobody: it is counted with none.
                begun = admitted.pop(entry.correlation, None)
                if begun is not None:
                    watched = self._enforcement.is_watched(entry.account)
                    urns[stratum_of(entry.body, begun[1], watched=watched)].add(key, entry.correlation, begun[0])
                    since, until = min(since, entry.at), max(until, entry.at)
        return urns, since, until

    def _items(
        self,
        chance: random.Random,
        plan: str,
        urns: Mapping[Stratum, Urn],
        drawn: Mapping[str, int],
        canaries: Sequence[tuple[Item, bytes]],
    ) -> list[tuple[ReviewSampled, bytes | None]]:
        items: list[tuple[ReviewSampled, bytes | None]] = [
            (
                ReviewSampled(
                    item=derived("item", plan, exchange),
                    plan=plan,
                    purpose="sample",
                    stratum=stratum,
                    exchange=exchange,
                    seq=seq,
                    flagged=stratum in CAUGHT,
                    double=chance.random() < self._rules.double,
                ),
                None,
            )
            for stratum, urn in urns.items()
            for exchange, seq in urn.draw(drawn[stratum])
        ]
        items += [
            (
                ReviewSampled(
                    item=derived("item", plan, source.id),
                    plan=plan,
                    purpose="canary",
                    stratum=source.fact.stratum,
                    double=chance.random() < self._rules.double,
                    truth=_truth(source),
                ),
                content,
            )
            for source, content in canaries
        ]
        chance.shuffle(items)
        return items

    def _canaries(self, chance: random.Random, wanted: int) -> list[tuple[Item, bytes]]:
        """Choose settled items, half of them harmful, that are fit to be shown again; fewer where there are not so many."""
        chosen: list[tuple[Item, bytes]] = []
        for truth in ("harmful", "benign"):
            pool = [item for item in self._queue.items.values() if item.settled is not None and _truth(item) == truth and _sure(item)]
            for item in chance.sample(pool, min(len(pool), max(wanted // 2, 0))):
                content = self._ledger.content(item.seq)
                if content is not None:
                    chosen.append((item, canary(content)))
        return chosen


def canary(content: bytes) -> bytes:
    """Return an item's text as the body of a canary: masked for good, so that it may outlive the keys of who wrote it."""
    text = masked(conversation(content))
    return msgspec.json.encode({"messages": [{"role": "user", "content": _bare(text)}]})


def _bare(text: str) -> str:
    return text.removeprefix("user: ")


def _truth(item: Item) -> Truth:  # a canary of a canary keeps what it is known to be
    return item.fact.truth or (item.settled.label if item.settled is not None else "")


def _sure(item: Item) -> bool:
    """Say whether enough people agree on an item for it to be the measure of others."""
    return bool(item.fact.truth) or (len(item.looks) >= 2 and len({look.label for look in item.looks}) == 1)
