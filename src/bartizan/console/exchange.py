"""One exchange: what happened when, every verdict, what was decided, its raw text behind an act that is recorded, and its proof."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.console import filters
from bartizan.console.exchanges import chosen, kept
from bartizan.console.parts import Ask, Page, Parts, allowed, missing
from bartizan.console.proof import prove
from bartizan.event import ContentRead, Envelope, ExchangeAdmitted, ExchangeCompleted, Verdict, envelope
from bartizan.gateway import projection
from bartizan.policy import Resource

_MAX_SHOWN: Final = 256 << 10
_STEPS: Final = (
    ("admitted_ms", "on record as admitted"),
    ("judged_ms", "input judged"),
    ("first_byte_ms", "first byte from the model"),
    ("first_release_ms", "first byte released"),
    ("done_ms", "ended and on record"),
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One point of the timeline, milliseconds since the request was read; ``share`` of the whole in percent."""

    ms: float
    what: str
    share: float


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange as JSON. ``facts`` says whether the recorded facts can still be read or were erased."""

    exchange: projection.ExchangeRow
    facts: str
    admitted: ExchangeAdmitted | None
    completed: ExchangeCompleted | None
    verdicts: tuple[Verdict, ...]
    timeline: tuple[Step, ...]
    older: str
    newer: str
    proof: str


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded text of one entry. ``state`` is ``shown``, ``cut`` (only its beginning is shown), ``empty``, ``none`` or ``erased``."""

    title: str
    state: str
    text: str = ""
    size: int = 0


def exchange(parts: Parts, ask: Ask) -> Page:
    """Show one exchange, with its neighbours in the set that the URL's filters describe."""
    return _page(parts, ask, ())


def reveal(parts: Parts, ask: Ask) -> Page:
    """Show the raw request and answer: the reading is on record before anything is read."""
    row = _row(parts, ask)
    purpose = ask.field("purpose")
    entries = tuple(seq for seq in (row.seq, row.completed_seq) if seq is not None)
    fact = ContentRead(entries=entries, purpose=purpose)
    parts.ledger.append_now(
        envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, account=row.account, correlation=row.id, at=parts.clock())
    )
    return _page(parts, ask, tuple(_text(parts, seq, title) for seq, title in zip(entries, ("Request", "Answer"), strict=False)))


def proof(parts: Parts, ask: Ask) -> Page:
    """Show the bundle that proves the exchange's entries, and whether the verifier is satisfied with it."""
    row = _row(parts, ask)
    bundle = prove(parts.ledger, [seq for seq in (row.seq, row.completed_seq) if seq is not None])
    return Page(template="proof.html", title="Proof", body=bundle, extra={"exchange": row.id})


def _page(parts: Parts, ask: Ask, revealed: tuple[Text, ...]) -> Page:
    row = _row(parts, ask)
    query = kept(ask.query)
    with parts.projections.read() as connection:
        beside = projection.neighbours(connection, chosen(ask), row.seq)
    admitted = _fact(parts, row.seq)
    completed = _fact(parts, row.completed_seq) if row.completed_seq is not None else None
    first = admitted.body if admitted is not None and isinstance(admitted.body, ExchangeAdmitted) else None
    last = completed.body if completed is not None and isinstance(completed.body, ExchangeCompleted) else None
    body = Exchange(
        exchange=row,
        facts="erased" if first is None else "readable",
        admitted=first,
        completed=last,
        verdicts=last.verdicts if last is not None else (),
        timeline=_timeline(row),
        older=filters.link(f"/exchanges/{beside.older}.json", query) if beside.older else "",
        newer=filters.link(f"/exchanges/{beside.newer}.json", query) if beside.newer else "",
        proof=f"/exchanges/{row.id}/proof.json",
    )
    extra = {
        "filters": query,
        "back": filters.link("/exchanges", query),
        "revealed": revealed,
        "may_read": allowed(parts, ask, "content.read", Resource(type="Record", id="record")),
        "may_prove": allowed(parts, ask, "ledger.verify", Resource(type="Record", id="record")),
    }
    return Page(template="exchange.html", title="Exchange", body=body, extra=extra)


def _row(parts: Parts, ask: Ask) -> projection.ExchangeRow:
    with parts.projections.read() as connection:
        row = projection.exchange(connection, ask.path["id"], tenant=ask.who.tenant)
    if row is None:
        raise missing("exchange", ask.path["id"])
    return row


def _fact(parts: Parts, seq: int) -> Envelope | None:
    found = next(iter(parts.ledger.events(after=seq - 1, limit=1)), None)
    return found[1] if found is not None and found[0] == seq else None


def _timeline(row: projection.ExchangeRow) -> tuple[Step, ...]:
    longest = max(row.done_ms, row.first_release_ms, row.judged_ms, 0.001)
    steps = ((getattr(row, name), what) for name, what in _STEPS)
    return tuple(Step(ms=ms, what=what, share=round(100 * ms / longest, 1)) for ms, what in steps if ms > 0)


def _text(parts: Parts, seq: int, title: str) -> Text:
    content = parts.ledger.content(seq)
    if content is None:
        return Text(title=title, state="erased" if parts.ledger.header(seq).content_key else "none")
    state = "cut" if len(content) > _MAX_SHOWN else "shown" if content else "empty"
    return Text(title=title, state=state, text=content[:_MAX_SHOWN].decode(errors="replace"), size=len(content))
