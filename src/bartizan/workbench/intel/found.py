"""What is known of one report: each thing once, with every place where it is said (at most twenty are kept, all are counted)."""

from __future__ import annotations

import msgspec

from bartizan.workbench.intel.document import Document, Quote


class IndicatorSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator. ``tier`` and ``reason`` say why to believe in it; ``shown`` is how the text spells it."""

    kind: str
    value: str
    tier: str
    reason: str
    shown: str
    evidence: tuple[Quote, ...]
    count: int
    notes: tuple[str, ...] = ()


class TechniqueSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An ATT&CK technique with the statements that show it; ``p`` is the highest of theirs."""

    id: str
    name: str
    p: float
    how: str
    tactics: tuple[str, ...]
    evidence: tuple[Quote, ...]
    count: int


class EntitySeen(msgspec.Struct, frozen=True, kw_only=True):
    """An actor, malware, tool, CVE, sector or country; ``id`` is a catalogue's, empty where none has it."""

    name: str
    kind: str
    id: str
    aliases: tuple[str, ...]
    evidence: tuple[Quote, ...]
    count: int
    exploited: bool = False
    ransomware: bool = False

    @property
    def key(self) -> str:
        """What makes two mentions the same thing."""
        return f"{self.kind}:{self.id or self.name.casefold()}"


class RelationSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A statement about two named things, and the sentence that says it."""

    subject: str
    subject_kind: str
    verb: str
    object: str
    object_kind: str
    evidence: tuple[Quote, ...]


class Candidate(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A sentence that a brief could quote: how much it says, what it is about (hashes of its words), and what is named in it."""

    start: int
    end: int
    page: int
    score: float
    words: tuple[int, ...]
    names: tuple[str, ...] = ()
    fact: float = 0.0
    """How much it says that is said once: numbers, names and acts, wherever the rest of the document is about."""


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found in one document. ``aside`` looks like an indicator and is none, or stands in masked text; never lost, never used."""

    indicators: tuple[IndicatorSeen, ...] = ()
    aside: tuple[IndicatorSeen, ...] = ()
    techniques: tuple[TechniqueSeen, ...] = ()
    entities: tuple[EntitySeen, ...] = ()
    relations: tuple[RelationSeen, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    sketch: tuple[int, ...] = ()
    """MinHash over runs of words: the share of equal places estimates how much of two texts is the same."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A document and what was found in it."""

    document: Document
    analysis: Analysis
