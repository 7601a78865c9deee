"""The first page: what the last 24 hours brought, which layer stopped what, what shadow controls would have done, how the record stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from bartizan.console.filters import link
from bartizan.console.parts import Ask, Page, Parts
from bartizan.console.record import RecordState, state
from bartizan.event import LAYERS
from bartizan.gateway import projection
from bartizan.monitor import APPEAL

_HOURS: Final = 24
_SLICE_S: Final = 900
_STOPS: Final = frozenset({"redact", "reroute", "safe_completion", "hold", "block"})


class StoppedBy(msgspec.Struct, frozen=True, kw_only=True):
    """How many exchanges one control decided, and where they are listed."""

    control: str
    n: int
    url: str


class LayerCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many exchanges one layer stopped; ``share`` is of all that were stopped, in percent."""

    layer: str
    n: int
    share: int
    controls: tuple[StoppedBy, ...]
    url: str


class Shadow(msgspec.Struct, frozen=True, kw_only=True):
    """What a control in shadow would have stopped, of how many it judged."""

    control: str
    layer: str
    would: int
    judged: int
    url: str


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Exchanges of the span by how they ended."""

    ended: int
    answered: int
    blocked: int
    failed: int
    cut: int
    """Cancelled by the client, revoked or interrupted."""
    refused: int
    input_tokens: int
    output_tokens: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for people now: cases that are no appeals, appeals, how many of both are late, consents, items of the review queue."""

    cases: int
    appeals: int
    late: int
    consents: int
    review: int


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The overview as JSON."""

    since: float
    until: float
    totals: Totals
    stopped: int
    layers: tuple[LayerCount, ...]
    shadow: tuple[Shadow, ...]
    refusals: tuple[projection.RefusalCount, ...]
    latency: tuple[projection.LatencyPoint, ...]
    record: RecordState
    waiting: Waiting


def overview(parts: Parts, ask: Ask) -> Page:
    """Show the last 24 hours, from whole tallies of five minutes."""
    until = (ask.at // projection.BUCKET_S + 1) * projection.BUCKET_S
    span = projection.Span(tenant=ask.who.tenant, since=until - _HOURS * 3600, until=until)
    with parts.projections.read() as connection:
        ended = projection.outcomes(connection, span)
        judged = projection.verdicts(connection, span)
        refused = projection.refused(connection, span)
        latency = projection.latencies(connection, span, slice_s=_SLICE_S)
    layers = _layers(ended)
    body = Overview(
        since=span.since,
        until=span.until,
        totals=_totals(ended, refused),
        stopped=sum(layer.n for layer in layers),
        layers=layers,
        shadow=_shadow(judged),
        refusals=tuple(refused),
        latency=tuple(latency),
        record=state(parts),
        waiting=_waiting(parts, ask.at),
    )
    gateway = parts.settings.gateway
    return Page(template="overview.html", title="Overview", body=body, extra={"gateway": f"http://{gateway.host}:{gateway.port}"})


def _waiting(parts: Parts, at: float) -> Waiting:
    cases = parts.casebook.cases(waiting=True)
    appeals = sum(each.kind == APPEAL for each in cases)
    return Waiting(
        cases=len(cases) - appeals,
        appeals=appeals,
        late=sum(bool(each.due_at) and at > each.due_at for each in cases),
        consents=sum(each.state(at) == "open" for each in parts.casebook.approvals()),
        review=sum(item.settled is None for item in parts.monitor.queue.items.values()),
    )


def _totals(ended: Sequence[projection.OutcomeCount], refused: Sequence[projection.RefusalCount]) -> Totals:
    by: dict[str, int] = defaultdict(int)
    for row in ended:
        by[row.outcome] += row.n
    return Totals(
        ended=sum(by.values()),
        answered=by["answered"],
        blocked=by["blocked"],
        failed=by["failed"],
        cut=by["cancelled"] + by["revoked"] + by["interrupted"],
        refused=sum(row.n for row in refused),
        input_tokens=sum(row.input_tokens for row in ended),
        output_tokens=sum(row.output_tokens for row in ended),
    )


def _layers(ended: Sequence[projection.OutcomeCount]) -> tuple[LayerCount, ...]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in ended:
        if row.decision in _STOPS:
            found[row.layer][row.control] += row.n
    total = sum(sum(controls.values()) for controls in found.values())
    order = [layer for layer in (*LAYERS, "") if layer in found]
    return tuple(_layer(layer, found[layer], total) for layer in order)


def _layer(layer: str, controls: dict[str, int], total: int) -> LayerCount:
    ranked = sorted(controls.items(), key=lambda item: (-item[1], item[0]))
    n = sum(controls.values())
    return LayerCount(
        layer=layer or "none",
        n=n,
        share=round(100 * n / total),
        controls=tuple(
            StoppedBy(control=name, n=count, url=link("/exchanges", {"control": name, "layer": layer})) for name, count in ranked
        ),
        url=link("/exchanges", {"layer": layer}),
    )


def _shadow(judged: Sequence[projection.VerdictCount]) -> tuple[Shadow, ...]:
    would: dict[tuple[str, str], int] = defaultdict(int)
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for row in judged:
        if row.mode == "shadow":
            seen[row.control, row.layer] += row.n
            would[row.control, row.layer] += row.n if row.would in _STOPS else 0
    ranked = sorted(seen, key=lambda key: (-would[key], key))
    return tuple(
        Shadow(
            control=control,
            layer=layer,
            would=would[control, layer],
            judged=seen[control, layer],
            url=link("/exchanges", {"would": control}),
        )
        for control, layer in ranked
    )
