"""What extraction finds: each thing with its place in the text. All offsets count characters of the text that was given."""

from __future__ import annotations

from typing import Literal

import msgspec

Tier = Literal[
    "indicator section", "defanged", "network verb", "plain", "reference link", "vendor contact", "warning list", "not an indicator"
]
"""Where an indicator stood, from the strongest reason to believe in it to the weakest."""

EntityKind = Literal["actor", "malware", "tool", "cve", "sector", "country"]
How = Literal["id", "name", "classifier"]


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """One mention. ``value`` is canonical and refanged; ``quote`` is what the text says; ``reason`` says why it has its tier."""

    kind: str
    value: str
    start: int
    end: int
    quote: str
    tier: Tier
    reason: str
    notes: tuple[str, ...] = ()
    """What a validator had to say: a checksum that holds, a hash put together from two lines, an address of documentation."""


class Technique(msgspec.Struct, frozen=True, kw_only=True):
    """One ATT&CK technique and the statement that shows it; ``p`` is calibrated for the classifier and 1 for what is written out."""

    id: str
    name: str
    p: float
    start: int
    end: int
    how: How
    tactics: tuple[str, ...] = ()
    current: str = ""
    """The id that replaced this one in later versions of ATT&CK, where one did."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One mention of a name. ``id`` is that of the MISP galaxy cluster or of ATT&CK, empty for a name that no catalogue has."""

    name: str
    kind: EntityKind
    id: str
    start: int
    end: int
    quote: str
    aliases: tuple[str, ...] = ()
    how: Literal["catalogue", "pattern", "alias in text"] = "catalogue"
    exploited: bool = False
    """For a CVE: listed in the snapshot of CISA's known exploited vulnerabilities."""
    ransomware: bool = False
    """For a CVE: the catalogue knows of its use in ransomware campaigns."""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A statement about two named things; ``[start, end)`` is the sentence that says it."""

    subject: str
    subject_kind: str
    verb: str
    object: str
    object_kind: str
    start: int
    end: int
    quote: str


class Extraction(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found in one text, each part in order of its place.

    ``set_aside`` are strings that look like indicators and are not (a file name with a suffix that is also a domain's, a version
    number of four parts); they are kept with their reason so that nobody has to wonder.
    """

    indicators: tuple[Indicator, ...]
    set_aside: tuple[Indicator, ...]
    techniques: tuple[Technique, ...]
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
