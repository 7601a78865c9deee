"""What the scanners hand to the judge of context: a candidate that holds, or one that is set aside and why."""

from __future__ import annotations

import msgspec


class Mention(msgspec.Struct, frozen=True, gc=False):
    """A candidate in its place. ``aside`` is empty for an indicator, otherwise why it is none."""

    kind: str
    value: str
    start: int
    end: int
    defanged: bool = False
    notes: tuple[str, ...] = ()
    aside: str = ""
