"""Whether scores on live traffic still lie as they did when the weights were made: the population stability index against the model card.

The record holds a score where a control saw something, so what lies below its least threshold is one class, and only heads with enough of
their reference above it are compared. An index says that traffic differs, never why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from bartizan.errors import ControlError
from bartizan.guard.learned import Heads

TENTHS: Final = 10
_FEWEST: Final = 500
_EXPECTED: Final = 5.0
"""Of the reference's shares in each class; with fewer an index is noise."""
_STEADY: Final = 0.1
_SHIFTED: Final = 0.25
_FLOOR: Final = 0.5
"""Half a verdict stands for an empty class, so that the index stays finite."""

Band = Literal["steady", "moved", "shifted", "insufficient evidence", "not comparable"]


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One head. Shares are of ``n`` verdicts, by class of score; ``edges`` are where classes begin, the first at 0."""

    head: str
    n: int
    band: Band
    psi: float | None = None
    edges: tuple[float, ...] = ()
    live: tuple[float, ...] = ()
    reference: tuple[float, ...] = ()
    why: str = ""


def compare(head: str, *, judged: int, recorded: Mapping[int, int], histogram: Sequence[int], least: float) -> Drift:
    """Compare ``judged`` verdicts, of which ``recorded`` have a score by tenth, with the reference, from ``least`` on."""
    first = math.ceil(least * TENTHS - 1e-9)
    if len(histogram) != TENTHS or not sum(histogram):
        raise ControlError(f"the model card has no histogram of {head}", hint="train the weights again")
    if not 0 < first < TENTHS:
        return Drift(
            head=head, n=judged, band="not comparable", why=f"scores are on record from {least:.3f} on, above the last tenth's edge"
        )
    above = [recorded.get(tenth, 0) for tenth in range(first, TENTHS)]
    counts = [max(judged - sum(above), 0), *above]
    known = [sum(histogram[:first]), *histogram[first:]]
    shares = [count / sum(known) for count in known]
    edges = (0.0, *(tenth / TENTHS for tenth in range(first, TENTHS)))
    if judged < _FEWEST or min(shares) * judged < _EXPECTED:
        return Drift(head=head, n=judged, band="insufficient evidence", edges=edges, reference=_rounded(shares), why=f"{judged} verdicts")
    live = [count / judged for count in counts]
    psi = sum((max(a, _FLOOR / judged) - b) * math.log(max(a, _FLOOR / judged) / b) for a, b in zip(live, shares, strict=True))
    band: Band = "steady" if psi < _STEADY else "moved" if psi < _SHIFTED else "shifted"
    return Drift(head=head, n=judged, band=band, psi=round(psi, 4), edges=edges, live=_rounded(live), reference=_rounded(shares))


def shipped_reference(heads: Heads) -> dict[str, tuple[tuple[int, ...], float]]:
    """Return each head's histogram of benign texts and the least score that is on record; raises ControlError without a card."""
    try:
        card: Any = msgspec.json.decode((heads.weights.directory / "card.json").read_bytes())
        figures = card["figures on families left out of training"]
        histogram = {head: tuple(int(count) for count in figures[f"linear/{head}"]["histogram"]) for head in _HEADS}
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise ControlError(f"reading the model card: {type(error).__name__}", hint="it stands beside the weights") from error
    known = heads.weights.manifest.thresholds
    return {head: (histogram[head], min(known[head].values())) for head in _HEADS}


_HEADS: Final = ("misuse",)
"""Of the others the record doesn't say which of two heads a score is from, or holds only the last tenth."""


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in values)
