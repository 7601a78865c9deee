"""Sentences of a text with their places; a line break after punctuation or an empty line ends one, and so does a table's cell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from bartizan.workbench.intel.extract.plain import pattern

_end = pattern(
    r"[.!?][\"')\]\x01]{0,3}[ \t\r\n]+[A-Z0-9\"'(\[\x01\xff*\-]|\n[ \t\r]*\n|\n[ \t]*(?:[*\-|\x01]|[0-9]{1,2}[.)])[ \t]|[ \t]\|[ \t]|\x01 ",
    case=True,
)
_short = pattern(r"(?:^|[^a-z])(?:e\.g|i\.e|etc|vs|fig|no|inc|ltd|corp|dr|mr|ms|st|al|approx)\.$")


_MARKS: Final = 60_000
"""Ends of sentences in a million characters, and in any shorter text; the rest of a text that has more is one sentence."""
_MILLION: Final = 1_000_000
FEWEST: Final = 12
"""Characters of the shortest sentence."""


class Sentence(msgspec.Struct, frozen=True, gc=False):
    """Characters ``[start, end)`` of the text, without white space around."""

    start: int
    end: int


def sentences(data: bytes) -> Iterator[Sentence]:
    """Yield the sentences of a text, in order."""
    begin = 0
    for match in islice(_end.finditer(data), _MARKS * max(_MILLION, len(data)) // _MILLION):
        mark = match.start()
        ended = data[mark : mark + 1]
        stop = mark + 1 if ended in b".!?" else mark
        if ended == b"." and _short.search(data[max(begin, stop - 8) : stop].lower()):
            continue
        yield from _trimmed(data, begin, stop)
        begin = stop
    yield from _trimmed(data, begin, len(data))


def _trimmed(data: bytes, start: int, end: int) -> Iterator[Sentence]:
    if end - start < FEWEST:
        return
    raw = data[start:end]
    kept = raw.strip(b" \t\r\n|*\x01")
    if len(kept) >= FEWEST:
        lead = raw.index(kept[:1])
        yield Sentence(start + lead, start + lead + len(kept))
