"""Exchanges and refusals as tables: declared, folded from facts, and asked by name.

Takes in the four kinds of fact that the hot path writes, in batches and in ledger order, and a connection whose transaction is
the caller's. Gives out pages of a filtered list, neighbours in it, and tallies over time: by outcome, layer, control, latency.
No text of a prompt or an answer is ever in it.
"""

from bartizan.gateway.projection.fold import KINDS, fold
from bartizan.gateway.projection.lists import (
    COUNTED,
    ExchangeFilter,
    ExchangeRow,
    Neighbours,
    RefusalFilter,
    RefusalRow,
    Window,
    exchange,
    exchanges,
    last_change,
    neighbours,
    refusals,
)
from bartizan.gateway.projection.report import (
    LatencyPoint,
    OutcomeCount,
    RefusalCount,
    ScoreCount,
    Span,
    VerdictCount,
    WouldStop,
    latencies,
    outcomes,
    refused,
    scores,
    verdicts,
    would_stop,
)
from bartizan.gateway.projection.tables import BUCKET_S, METADATA, VERSION

__all__ = [
    "BUCKET_S",
    "COUNTED",
    "KINDS",
    "METADATA",
    "VERSION",
    "ExchangeFilter",
    "ExchangeRow",
    "LatencyPoint",
    "Neighbours",
    "OutcomeCount",
    "RefusalCount",
    "RefusalFilter",
    "RefusalRow",
    "ScoreCount",
    "Span",
    "VerdictCount",
    "Window",
    "WouldStop",
    "exchange",
    "exchanges",
    "fold",
    "last_change",
    "latencies",
    "neighbours",
    "outcomes",
    "refusals",
    "refused",
    "scores",
    "verdicts",
    "would_stop",
]
