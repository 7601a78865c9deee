"""A look at what was suppressed: groups and benign incidents drawn by secret lots, and the share of attacks that was missed.

The draw and the estimate are those of sampled review (monitor). A missed attack is one that a person finds in a drawn group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from bartizan.event import SuppressedSampled, new_id
from bartizan.monitor.estimate import Cell, Estimate, Rates, estimate
from bartizan.monitor.sampling import Urn, allocate
from bartizan.workbench.triage.incident.book import Book
from bartizan.workbench.triage.incident.fold import Sample

Stratum = Literal["quiet", "loud", "not evaluable", "decided benign"]
STRATA: Final[tuple[Stratum, ...]] = ("quiet", "loud", "not evaluable", "decided benign")
_ASSUMED: Final[Mapping[str, float]] = {"quiet": 0.002, "loud": 0.01, "not evaluable": 0.02, "decided benign": 0.05}
_LOUD: Final = 8
"""Different signatures from which on a suppressed group counts as loud."""
_FLOOR: Final = 2
_MOST: Final = 4000
_LOOK: Final = Rates(caught=19, bad=20, imagined=1, good=50)
"""What one look is taken to be worth until looks are tested: it finds 95 % of what is there, and imagines 2 %."""


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """What the looks at a sample came to."""

    sample: str
    drawn: int
    looked: int
    missed: int
    estimate: Estimate


def draw(book: Book, run: str, key: bytes, *, budget: int) -> SuppressedSampled:
    """Draw from what a run suppressed; the caller puts it on record."""
    urns: dict[str, Urn] = {name: Urn(_MOST) for name in STRATA}
    for group in book.groups(run):
        stratum: Stratum = "quiet" if len(group.signatures) < _LOUD else "loud"
        urns["not evaluable" if group.verdict == "not evaluable" else stratum].add(key, group.id, 0)
    for entry in book.entries.values():
        if entry.run == run and entry.verdict == "benign":
            urns["decided benign"].add(key, entry.id, entry.seq)
    sizes = {name: urn.size for name, urn in urns.items()}
    drawn = allocate(sizes, _ASSUMED, budget=budget, floor=_FLOOR)
    items = tuple((name, stratum) for stratum, urn in urns.items() for name, _ in urn.draw(drawn[stratum]))
    return SuppressedSampled(
        sample=new_id("sample"), run=run, strata=tuple((name, sizes[name], drawn[name]) for name in STRATA), items=items
    )


def missed(sample: Sample) -> Missed:
    """Estimate what was missed in all that the sample was drawn from."""
    cells = []
    for stratum, size, _ in sample.strata:
        said = [sample.said[item] for item, of in sample.items.items() if of == stratum and item in sample.said]
        cells.append(Cell(size=size, settled=len(said), harmful=sum(said), assumed=_ASSUMED.get(stratum, 0.01)))
    return Missed(
        sample=sample.id,
        drawn=len(sample.items),
        looked=len(sample.said),
        missed=sum(sample.said.values()),
        estimate=estimate([cell for cell in cells if cell.size], _LOOK, looks=1),
    )
