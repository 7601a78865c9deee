"""The incidents on record: folded from the ledger, decided, merged, split and put back through it.

The evidence of an incident never changes. What is laid over it (verdicts, merges, splits) is events, so each can be undone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, Protocol

import msgspec
import zstandard

from bartizan.errors import RefusedError
from bartizan.event import (
    AlertReceived,
    Envelope,
    Event,
    Ground,
    IncidentMerged,
    IncidentPutBack,
    IncidentSplit,
    IncidentVerdict,
    SuppressedReviewed,
    SuppressedSampled,
    TriageDecided,
    TriageProposed,
    envelope,
    new_id,
)
from bartizan.identity import Principal
from bartizan.workbench.triage.incident.arrange import narrowed, raised, together
from bartizan.workbench.triage.incident.fold import GRAVITY, KINDS, Entry, Folded, Word
from bartizan.workbench.triage.incident.incident import Group, Incident
from bartizan.workbench.triage.incident.outcome import Outcome

_MOST: Final = 256 << 20
_LIST: Final = "bartizan triage incidents"
_incidents: Final = msgspec.msgpack.Decoder(Incident)
_groups: Final = msgspec.msgpack.Decoder(list[Group])


class Ledger(Protocol):
    """What the book needs of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def events(self, *, after: int = -1, kinds: Collection[str] | None = None, limit: int | None = None) -> Iterator[tuple[int, Envelope]]:
        """Yield facts past an entry."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content, None once it is erased."""
        ...


class Book(Folded):
    """Incidents of one data directory; call ``catch_up`` before reading."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._after = -1

    def catch_up(self) -> None:
        """Fold what is new."""
        for seq, entry in self._ledger.events(after=self._after, kinds=KINDS):
            self._after = seq
            self.fold(seq, entry)

    def has(self, source: str) -> bool:
        """Say whether alerts of this source were taken in before."""
        return any(run.source == source for _, run in self.runs.values())

    def listed(self) -> list[Entry]:
        """Return the incidents that stand for themselves, gravest and latest first."""
        own = [entry for entry in self.entries.values() if not entry.within]
        return sorted(own, key=lambda entry: (-GRAVITY[self.standing(entry)], -entry.first_at, entry.id))

    def standing(self, entry: Entry) -> IncidentVerdict:
        """Return the gravest verdict in force of an incident and those merged into it: a merge hides nothing."""
        return max((self.entries[each].verdict for each in (entry.id, *entry.parts)), key=GRAVITY.__getitem__)

    def entry(self, incident: str) -> Entry:
        """Return one by its id or the beginning of it; raises RefusedError 404."""
        found = [name for name in self.entries if name.startswith(incident)] if incident else []
        if incident in self.entries:
            found = [incident]
        if len(found) != 1:
            raise RefusedError(f"{len(found)} incidents are called {incident[:40]!r}", code="unknown_incident", status=404, hint=_LIST)
        return self.entries[found[0]]

    def incident(self, entry: Entry) -> Incident | None:
        """Return what was put on record of it and of those merged into it; None once it was erased."""
        own = self._own(entry)
        if own is None or not entry.parts:
            return own
        others = [other for each in entry.parts if (other := self._own(self.entries[each])) is not None]
        return together(own, others, self.standing(entry))

    def _own(self, entry: Entry) -> Incident | None:
        source = self.entries[entry.split_from] if entry.split_from else entry
        data = self._ledger.content(source.seq)
        if data is None:
            return None
        found = _incidents.decode(zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST))
        return narrowed(found, entry)

    def groups(self, run: str) -> list[Group]:
        """Return a run's suppressed groups; none once they were erased."""
        data = self._ledger.content(self.runs[run][0])
        return _groups.decode(zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST)) if data else []

    def add(self, outcome: Outcome, source: str, actor: Principal | None) -> str:
        """Put an outcome on record, all or nothing; an incident that is there already is not doubled. Returns the run's id."""
        run = new_id("run")
        pack = zstandard.ZstdCompressor(level=9).compress
        groups = outcome.groups
        since = min((*(each.start for each in outcome.incidents), *(each.start for each in groups)), default=0.0)
        until = max((*(each.end for each in outcome.incidents), *(each.end for each in groups)), default=0.0)
        received = AlertReceived(
            run=run,
            source=source,
            alerts=outcome.alerts,
            incidents=len(outcome.incidents),
            groups=len(groups),
            suppressed=sum(group.alerts for group in groups),
            since=since,
            until=until,
        )
        items: list[tuple[Envelope, bytes | None]] = [
            (self._envelope(received, actor, run), pack(msgspec.msgpack.encode(groups))),
            *(
                (self._envelope(raised(incident, run), actor, incident.id), pack(msgspec.msgpack.encode(incident)))
                for incident in outcome.incidents
                if incident.id not in self.entries
            ),
        ]
        self._ledger.append_now(*items)
        self.catch_up()
        return run

    def decide(self, incident: str, verdict: IncidentVerdict, actor: Principal, *, reason: str, cites: Sequence[str] = ()) -> Entry:
        """Take a person's word on an incident; raises RefusedError 404, 400 for a word without a reason."""
        return self._decide(incident, verdict, actor, ground="person", reason=reason, cites=cites)

    def decide_by_rule(self, incident: str, verdict: IncidentVerdict, rule: str, *, reason: str, cites: Sequence[str]) -> Entry:
        """Take a rule's word, which rests on records: ``cites`` must be alerts or records of the incident. Raises RefusedError."""
        entry = self.entry(incident)
        known = self.cited(entry)
        if not cites or not set(cites) <= known:
            raise RefusedError("a rule's verdict needs records of the incident", code="no_evidence", status=409, hint="cite the records")
        return self._decide(entry.id, verdict, None, ground="rule", reason=reason, cites=cites, rule=rule)

    def _decide(
        self,
        incident: str,
        verdict: IncidentVerdict,
        actor: Principal | None,
        *,
        ground: Ground,
        reason: str,
        cites: Sequence[str],
        rule: str = "",
    ) -> Entry:
        entry = self.entry(incident)
        if not reason.strip():
            raise RefusedError("a verdict needs a reason", code="no_reason", status=400, hint="say why")
        body = TriageDecided(incident=entry.id, verdict=verdict, ground=ground, reason=reason.strip()[:2000], rule=rule, cites=tuple(cites))
        self._put(body, actor, entry.id)
        return self.entries[entry.id]

    def cited(self, entry: Entry) -> set[str]:
        """Return the ids of every alert that an incident cites; empty once it was erased."""
        found = self.incident(entry)
        if found is None:
            return set()
        return {cite for part in found.statements for cite in part.cites} | {cite for step in found.timeline for cite in step.cites}

    def propose(self, incident: str, model: str, verdict: IncidentVerdict, text: bytes) -> Entry:
        """Put a model's word on record. It may raise the verdict in force to suspicious; it never lowers one."""
        entry = self.entry(incident)
        raises = GRAVITY[verdict] > GRAVITY[entry.verdict] and GRAVITY[entry.verdict] < GRAVITY["suspicious"]
        body = TriageProposed(incident=entry.id, model=model, verdict=verdict, raised=raises)
        self._ledger.append_now((self._envelope(body, None, entry.id), text))
        self.catch_up()
        return self.entries[entry.id]

    def said(self, word: Word) -> bytes | None:
        """Return the text of a proposal."""
        return self._ledger.content(word.seq)

    def merge(self, into: str, others: Sequence[str], actor: Principal, *, reason: str) -> str:
        """Look at incidents as one; returns the act, with which it can be put back. Raises RefusedError."""
        entry = self.entry(into)
        merged = tuple(dict.fromkeys(self.entry(each).id for each in others))
        if (
            not merged
            or entry.id in merged
            or entry.within
            or any(self.entries[each].within or self.entries[each].parts for each in merged)
        ):
            raise RefusedError("only incidents that stand for themselves can be merged", code="bad_merge", status=409, hint=_LIST)
        act = new_id("act")
        self._put(IncidentMerged(act=act, into=entry.id, merged=merged, reason=reason), actor, entry.id)
        return act

    def split(self, incident: str, steps: Sequence[int], actor: Principal, *, reason: str) -> str:
        """Make some steps of a timeline an incident of their own; returns the act. Raises RefusedError."""
        entry = self.entry(incident)
        data = self.incident(entry)
        total = len(data.timeline) if data is not None else 0
        chosen = tuple(sorted(set(steps)))
        if entry.split_from or entry.left or not chosen or chosen[0] < 0 or chosen[-1] >= total or len(chosen) >= total:
            raise RefusedError("these steps can't be split off", code="bad_split", status=409, hint=f"some, not all, of 0 to {total - 1}")
        act = new_id("act")
        made = IncidentSplit(act=act, incident=entry.id, made=new_id("part").removeprefix("part_"), steps=chosen, reason=reason)
        self._put(made, actor, entry.id)
        return act

    def put_back(self, act: str, actor: Principal, *, reason: str) -> None:
        """Undo a merge or a split; raises RefusedError 404."""
        if self.act(act) is None:
            raise RefusedError(f"there is no act {act[:60]!r} to undo", code="unknown_act", status=404, hint=_LIST)
        self._put(IncidentPutBack(act=act, reason=reason), actor, "")

    def sampled(self, sample: SuppressedSampled, actor: Principal | None = None) -> None:
        """Put a draw on record."""
        self._put(sample, actor, sample.sample)

    def reviewed(self, sample: str, item: str, actor: Principal, *, missed: bool, reason: str = "") -> None:
        """Take one look at a sampled group; raises RefusedError 404."""
        if sample not in self.samples or item not in self.samples[sample].items:
            raise RefusedError("this was not drawn for a look", code="not_sampled", status=404, hint="bartizan triage sample")
        self._put(SuppressedReviewed(sample=sample, item=item, missed=missed, reason=reason), actor, sample)

    def _put(self, body: Event, actor: Principal | None, correlation: str) -> None:
        self._ledger.append_now(self._envelope(body, actor, correlation))
        self.catch_up()

    def _envelope(self, body: Event, actor: Principal | None, correlation: str) -> Envelope:
        who = actor.id if actor is not None else "triage"
        account = actor.account if actor is not None else ""
        tenant = actor.tenant if actor is not None else "default"
        return envelope(body, tenant=tenant, actor=who, account=account, correlation=correlation, at=self._clock())
