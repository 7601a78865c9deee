"""What the record says about incidents: one fold over its facts, in memory."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.event import (
    AlertReceived,
    Envelope,
    IncidentMerged,
    IncidentPutBack,
    IncidentRaised,
    IncidentSplit,
    IncidentVerdict,
    SuppressedReviewed,
    SuppressedSampled,
    TriageDecided,
    TriageProposed,
    kind_of,
)

KINDS: Final = tuple(
    kind_of(kind)
    for kind in (
        AlertReceived,
        IncidentRaised,
        IncidentMerged,
        IncidentSplit,
        IncidentPutBack,
        TriageDecided,
        TriageProposed,
        SuppressedSampled,
        SuppressedReviewed,
    )
)
GRAVITY: Final[dict[str, int]] = {"benign": 0, "not evaluable": 1, "suspicious": 2, "malicious": 3}


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One decision about an incident, or one proposal of a model."""

    at: float
    actor: str
    verdict: IncidentVerdict
    ground: str
    reason: str
    cites: tuple[str, ...] = ()
    seq: int = -1


class Entry(msgspec.Struct, kw_only=True):
    """An incident as it stands. ``verdict`` is the one in force; ``within`` the incident it was merged into."""

    id: str
    seq: int
    at: float
    run: str
    verdict: IncidentVerdict
    p: float
    severity: str
    alerts: int
    first_at: float
    raised_at: float
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    evidence: IncidentVerdict = "suspicious"
    """The verdict that its evidence had when it was raised."""
    words: list[Word] = []
    proposals: list[Word] = []
    within: str = ""
    parts: list[str] = []
    split_from: str = ""
    steps: tuple[int, ...] | None = None
    """Of a part that was split off: which steps of the timeline it came with."""
    left: tuple[int, ...] = ()
    """Steps that were split off from it."""


class Sample(msgspec.Struct, kw_only=True):
    """Suppressed groups that were drawn for a look, and what the looks said."""

    id: str
    run: str
    at: float
    strata: tuple[tuple[str, int, int], ...]
    items: dict[str, str]
    said: dict[str, bool] = {}


class Folded:
    """Incidents, runs and samples as the events make them."""

    def __init__(self) -> None:
        self._acts: dict[str, IncidentMerged | IncidentSplit] = {}
        self.entries: dict[str, Entry] = {}
        self.runs: dict[str, tuple[int, AlertReceived]] = {}
        self.samples: dict[str, Sample] = {}

    def acts(self, incident: str) -> list[IncidentMerged | IncidentSplit]:
        """Return the merges and splits in force that concern an incident."""
        return [
            act
            for act in self._acts.values()
            if incident in ((act.into, *act.merged) if isinstance(act, IncidentMerged) else (act.incident, act.made))
        ]

    def act(self, name: str) -> IncidentMerged | IncidentSplit | None:
        """Return a merge or a split that is in force."""
        return self._acts.get(name)

    def fold(self, seq: int, entry: Envelope) -> None:
        """Take in one fact."""
        body = entry.body
        match body:
            case AlertReceived():
                self.runs[body.run] = (seq, body)
            case IncidentRaised():
                self._raise(seq, entry.at, body)
            case TriageDecided(incident=incident) if incident in self.entries:
                known = self.entries[incident]
                for each in (incident, *known.parts):
                    self.entries[each].verdict = body.verdict
                word = Word(at=entry.at, actor=entry.actor, verdict=body.verdict, ground=body.ground, reason=body.reason, cites=body.cites)
                known.words = [*known.words, word]
            case TriageProposed(incident=incident) if incident in self.entries:
                self._proposed(seq, entry, body)
            case IncidentMerged() | IncidentSplit() | IncidentPutBack():
                self._rearrange(body)
            case SuppressedSampled():
                self.samples[body.sample] = Sample(id=body.sample, run=body.run, at=entry.at, strata=body.strata, items=dict(body.items))
            case SuppressedReviewed(sample=sample) if sample in self.samples:
                self.samples[sample].said[body.item] = body.missed
            case _:
                pass

    def _raise(self, seq: int, at: float, body: IncidentRaised) -> None:
        if body.incident in self.entries:
            return
        self.entries[body.incident] = Entry(
            id=body.incident,
            seq=seq,
            at=at,
            run=body.run,
            verdict=body.verdict,
            evidence=body.verdict,
            p=body.p,
            severity=body.severity,
            alerts=body.alerts,
            first_at=body.first_at,
            raised_at=body.raised_at,
            tactics=body.tactics,
            techniques=body.techniques,
        )

    def _proposed(self, seq: int, entry: Envelope, body: TriageProposed) -> None:
        known = self.entries[body.incident]
        word = Word(at=entry.at, actor=body.model, verdict=body.verdict, ground="model", reason="", seq=seq)
        known.proposals = [*known.proposals, word]
        # Checked again here: a record that says a model lowered something would not be believed.
        if body.raised and GRAVITY[known.verdict] < GRAVITY["suspicious"] <= GRAVITY[body.verdict]:
            known.verdict = "suspicious"

    def _rearrange(self, body: IncidentMerged | IncidentSplit | IncidentPutBack) -> None:
        match body:
            case IncidentMerged():
                self._acts[body.act] = body
                into = self.entries[body.into]
                for each in body.merged:
                    self.entries[each].within = body.into
                into.parts = [*into.parts, *body.merged]
            case IncidentSplit():
                self._acts[body.act] = body
                source = self.entries[body.incident]
                self.entries[body.made] = msgspec.structs.replace(
                    source, id=body.made, split_from=source.id, steps=body.steps, words=[], proposals=[], parts=[]
                )
                source.left = body.steps
            case IncidentPutBack():
                self._undo(self._acts.pop(body.act, None))

    def _undo(self, act: IncidentMerged | IncidentSplit | None) -> None:
        match act:
            case IncidentMerged():
                for each in act.merged:
                    self.entries[each].within = ""
                into = self.entries[act.into]
                into.parts = [each for each in into.parts if each not in act.merged]
            case IncidentSplit():
                self.entries.pop(act.made, None)
                self.entries[act.incident].left = ()
            case None:
                pass
