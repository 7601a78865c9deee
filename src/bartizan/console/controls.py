"""Controls: what is loaded and what is not, in which mode for whom, what it did in 24 hours; and changing a mode, with a reason."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, cast, get_args

import msgspec

from bartizan.console.filters import link
from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing
from bartizan.control import Loaded, Loading
from bartizan.errors import RefusedError
from bartizan.event import ControlModeChanged, Mode, Tier, envelope
from bartizan.gateway import projection
from bartizan.guard.evidence import shipped_evidence
from bartizan.policy import Resource

_DAY_S: Final = 86_400


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a control did in the last 24 hours. ``cpu_us`` is the mean of a judgement."""

    judged: int = 0
    would: int = 0
    failed: int = 0
    cpu_us: int = 0


class ControlRow(msgspec.Struct, frozen=True, kw_only=True):
    """One control. ``modes`` is by tier; only a loaded one has a layer, version and hash."""

    id: str
    state: str
    reason: str
    plugin: str
    title: str
    doc: str
    version: str
    layer: str
    phases: tuple[str, ...]
    owner: str
    on_error: str
    sha256: str
    modes: dict[str, Mode]
    work: Work
    scores: tuple[int, ...]
    """Of those verdicts of 24 hours that saw something, how many by tenth of score; empty for none."""
    cost: str
    """Its measured rate of false positives on benign security work."""
    url: str


class Controls(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON. ``observe`` says that nothing is enforced on this machine whatever the modes say."""

    rows: tuple[ControlRow, ...]
    observe: bool


def controls(parts: Parts, ask: Ask) -> Page:
    """Show every control that is known, also those that did not load."""
    until = ask.at + projection.BUCKET_S
    span = projection.Span(tenant=ask.who.tenant, since=until - _DAY_S, until=until)
    with parts.projections.read() as connection:
        work = _work(projection.verdicts(connection, span))
        scores = _scores(projection.scores(connection, span))
    rows = tuple(_row(parts, loading, work, scores) for loading in parts.registry.loadings)
    return Page(
        template="controls.html",
        title="Controls",
        body=Controls(rows=rows, observe=parts.registry.modes.observe),
        extra={
            "tiers": [tier.value for tier in Tier],
            "modes": get_args(Mode),
            "may_change": {row.id for row in rows if row.state == "loaded" and allowed(parts, ask, "control.change", _resource(row.id))},
        },
    )


def change(parts: Parts, ask: Ask) -> Done:
    """Record a control's new mode for one tier or all; it is in force for the next request of every process that follows."""
    control = _loaded(parts, ask.path["id"])
    mode = ask.form.get("mode", "")
    tier = ask.form.get("tier", "")
    reason = ask.field("reason")
    if mode not in get_args(Mode):
        raise RefusedError("there is no such mode", code="bad_field", param="mode", hint=f"one of: {', '.join(get_args(Mode))}")
    if tier not in {"", *(each.value for each in Tier)}:
        raise RefusedError("there is no such tier", code="bad_field", param="tier", hint="public, verified, trusted, restricted or all")
    fact = ControlModeChanged(control=control, mode=cast("Mode", mode), tiers=(Tier(tier),) if tier else (), reason=reason)
    parts.ledger.append_now(envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, account=ask.who.account, at=ask.at))
    return Done(location="/controls", notice="mode-changed")


def subject(parts: Parts, ask: Ask) -> Resource:
    """Return the control that a form changes."""
    return _resource(_loaded(parts, ask.path["id"]))


def _resource(control: str) -> Resource:
    return Resource(type="Control", id=control)


def _loaded(parts: Parts, control: str) -> str:
    if not any(isinstance(loading, Loaded) and loading.descriptor.id == control for loading in parts.registry.loadings):
        raise missing("loaded control", control)
    return control


def _work(counts: list[projection.VerdictCount]) -> dict[str, Work]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for count in counts:
        stops = count.n if count.would in {"redact", "reroute", "safe_completion", "hold", "block"} else 0
        for at, amount in enumerate((count.n, stops, count.failed, count.cpu_us)):
            sums[count.control][at] += amount
    return {
        control: Work(judged=judged, would=would, failed=failed, cpu_us=cpu // max(judged, 1))
        for control, (judged, would, failed, cpu) in sums.items()
    }


def _scores(counts: list[projection.ScoreCount]) -> dict[str, tuple[int, ...]]:
    tenths: dict[str, list[int]] = defaultdict(lambda: [0] * 10)
    for count in counts:
        tenths[count.control][min(max(count.tenth, 0), 9)] += count.n
    return {control: tuple(found) for control, found in tenths.items()}


def _row(parts: Parts, loading: Loading, work: dict[str, Work], scores: dict[str, tuple[int, ...]]) -> ControlRow:
    known = loading.descriptor if isinstance(loading, Loaded) else None
    name = known.id if known is not None else cast("str", getattr(loading, "id", ""))
    return ControlRow(
        id=name,
        state=str(loading.__struct_config__.tag),
        reason="" if isinstance(loading, Loaded) else loading.reason,
        plugin=loading.plugin,
        title=known.title if known else "",
        doc=known.doc if known else "",
        version=known.version if known else "",
        layer=known.layer if known else "",
        phases=known.phases if known else (),
        owner=known.owner if known else "",
        on_error=known.on_error if known else "",
        sha256=loading.sha256 if isinstance(loading, Loaded) else "",
        modes={tier.value: parts.registry.modes.of(name, tier) for tier in Tier} if known else {},
        work=work.get(name, Work()),
        scores=scores.get(name, ()),
        cost=evidence.of(known.id, loading.sha256) if known and isinstance(loading, Loaded) and (evidence := shipped_evidence()) else "",
        url=link("/exchanges", {"control": name}),
    )
