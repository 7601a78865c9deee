"""What the accumulators take in: one exchange as numbers and pseudonyms, without its text."""

from __future__ import annotations

import msgspec

from bartizan.event import Tier

GENERAL = 0
SENSITIVE = 1
"""Topic of an exchange: nothing special, or one that harm and defence share (security, crime, private data)."""


class Observed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One exchange of one account."""

    account: str
    at: float
    """UTC seconds."""
    exchange: str
    score: float
    """Log-odds that it asks for operational harm, of one scorer and version."""
    topic: int = GENERAL
    category: str = ""
    tier: Tier = Tier.PUBLIC
    network: str = ""
    """Pseudonym of the network it came from; empty where unknown."""
    device: str = ""
    conversation: str = ""
    sketch: int = 0
    """64-bit similarity sketch of the request, 0 where unknown; close sketches mean similar wording."""
    stopped: bool = False
    """A control blocked it or the model refused."""
    disguised: bool = False
    """It was seen only under a normalisation: an encoding, invisible characters, look-alike letters."""
