"""How much of a rule pack is read: rules are files that somebody downloaded."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on rule files; what is beyond one is reported as not evaluated, never cut short.

    The largest file of SigmaHQ at the time of writing has 30 KB, 700 values and conditions of 400 characters.
    """

    files: int = 50_000
    file_bytes: int = 512_000
    pack_bytes: int = 512_000_000
    documents: int = 200
    nodes: int = 20_000
    depth: int = 24
    aliases: int = 64
    multiplied: int = 500
    """Values of items that a modifier multiplies (``windash`` up to 125 times); SigmaHQ's largest has 20."""
    condition_characters: int = 4_000
    condition_depth: int = 16
    atoms: int = 20_000
    literal_characters: int = 8_000
    pattern_characters: int = 4_000
    pattern_bytes: int = 8_000_000
