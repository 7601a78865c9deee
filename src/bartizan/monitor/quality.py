"""How good the reviewing is: each reviewer's catch rate, their agreement, and what was missed in each stratum, all with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from bartizan.monitor.estimate import Agreement, Cell, Estimate, Rates, estimate, kappa, wilson
from bartizan.monitor.queue import Item, Queue, labels
from bartizan.monitor.review_rules import CAUGHT, STRATA

_ENOUGH: Final = 20


class Reviewer(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer by their canaries: of the harmful ones called harmful, of the benign ones called harmful; 95 % intervals."""

    reviewer: str
    looks: int
    minutes: float
    bad: int
    caught: int
    catch_rate: float
    catch_low: float
    catch_high: float
    good: int
    imagined: int
    false_low: float
    false_high: float
    enough: bool
    """Whether there were enough canaries to say anything."""


class StratumQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One stratum: what was drawn and settled, and the estimate. ``missed``: nothing had noticed what is harmful in it."""

    stratum: str
    missed: bool
    drawn: int
    waiting: int
    estimate: Estimate


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. ``miss`` is over every stratum that was let through unnoticed."""

    plans: int
    since: float
    until: float
    waiting: int
    strata: tuple[StratumQuality, ...]
    miss: Estimate
    caught: Estimate
    agreement: Agreement
    reviewers: tuple[Reviewer, ...]
    rates: Rates


def quality(queue: Queue, *, since: float = 0.0) -> Quality:
    """Work it out over the plans that began at or after a time."""
    plans = [plan for plan in queue.plans if plan.until >= since]
    names = {plan.plan for plan in plans}
    items = [item for item in queue.items.values() if item.fact.plan in names]
    canaries = [item for item in queue.items.values() if item.fact.purpose == "canary"]
    rates = _rates(canaries)
    cells: dict[str, list[Cell]] = {name: [] for name in STRATA}
    for plan in plans:
        for part in plan.strata:
            mine = [
                item
                for item in items
                if item.fact.plan == plan.plan and item.fact.purpose == "sample" and item.fact.stratum == part.stratum
            ]
            done = [item.settled for item in mine if item.settled is not None]
            harmful = sum(settled.label == "harmful" for settled in done)
            if part.size and part.stratum in cells:
                cells[part.stratum].append(Cell(size=part.size, settled=len(done), harmful=harmful, assumed=part.assumed))
    return Quality(
        plans=len(plans),
        since=min((plan.since for plan in plans), default=0.0),
        until=max((plan.until for plan in plans), default=0.0),
        waiting=sum(item.settled is None for item in items),
        strata=tuple(_stratum(name, cells[name], items, rates, queue.needed) for name in STRATA),
        miss=estimate([cell for name in STRATA if name not in CAUGHT for cell in cells[name]], rates, looks=queue.needed),
        caught=estimate([cell for name in STRATA if name in CAUGHT for cell in cells[name]], rates, looks=queue.needed),
        agreement=kappa(labels(items)),
        reviewers=tuple(_reviewer(queue, name, canaries) for name in queue.reviewers()),
        rates=rates,
    )


def metrics(found: Quality) -> bytes:
    """Return the estimates in Prometheus' text format."""
    lines = [
        "# HELP bartizan_review_miss_rate Estimated share of harmful exchanges that nothing noticed, by stratum.",
        "# TYPE bartizan_review_miss_rate gauge",
    ]
    rows = [(each.stratum, each.estimate) for each in found.strata if each.missed]
    for name, each in [*rows, ("all", found.miss)]:
        lines += [
            f'bartizan_review_miss_rate{{stratum="{name}",bound="{bound}"}} {value:.9g}'
            for bound, value in (("low", each.rate_low), ("estimate", each.rate), ("high", each.rate_high))
        ]
    lines += [
        "# HELP bartizan_review_waiting Items that wait for a reviewer.",
        "# TYPE bartizan_review_waiting gauge",
        f"bartizan_review_waiting {found.waiting}",
        "# HELP bartizan_review_kappa Cohen's kappa of blind double reviews.",
        "# TYPE bartizan_review_kappa gauge",
        f"bartizan_review_kappa {found.agreement.kappa:.6g}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _stratum(name: str, cells: Sequence[Cell], items: Iterable[Item], rates: Rates, looks: int) -> StratumQuality:
    mine = [item for item in items if item.fact.stratum == name and item.fact.purpose == "sample"]
    return StratumQuality(
        stratum=name,
        missed=name not in CAUGHT,
        drawn=len(mine),
        waiting=sum(item.settled is None for item in mine),
        estimate=estimate(cells, rates, looks=looks),
    )


def _rates(canaries: Iterable[Item]) -> Rates:
    """Pool every look at a canary; who says unsure sends it on, as one who says harmful does."""
    said = [(item.fact.truth, look.label != "benign") for item in canaries for look in item.looks]
    bad = [positive for truth, positive in said if truth == "harmful"]
    good = [positive for truth, positive in said if truth == "benign"]
    return Rates(caught=sum(bad), bad=len(bad), imagined=sum(good), good=len(good))


def _reviewer(queue: Queue, name: str, canaries: Iterable[Item]) -> Reviewer:
    mine = [(item.fact.truth, look.label != "benign") for item in canaries for look in item.looks if look.reviewer == name]
    bad = [positive for truth, positive in mine if truth == "harmful"]
    good = [positive for truth, positive in mine if truth == "benign"]
    low, high = wilson(sum(bad), len(bad))
    false_low, false_high = wilson(sum(good), len(good))
    spent = queue.spent(name)
    return Reviewer(
        reviewer=name,
        looks=len(spent),
        minutes=sum(seconds for _, seconds in spent) / 60,
        bad=len(bad),
        caught=sum(bad),
        catch_rate=sum(bad) / len(bad) if bad else 0.0,
        catch_low=low,
        catch_high=high,
        good=len(good),
        imagined=sum(good),
        false_low=false_low,
        false_high=false_high,
        enough=len(bad) >= _ENOUGH,
    )
