"""The text that is judged: what is masked and what pages repeat is taken out, wrapped lines are joined; every offset leads back.

What is planted may be taken out without a trace only if the rest then reads as it would have without it, wherever its lines and pages
break. So extraction never sees the place of a planted sentence, of a page break or of a wrapped line's end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.extract import Entity, Extraction, Indicator, Relation, Technique
from bartizan.workbench.intel.extract.plain import as_bytes

Span = tuple[int, int]
_WRAPPED: Final = frozenset({"application/pdf", "text/plain", "text/markdown", "message/rfc822"})
_LINE: Final = 40
"""Characters of the shortest line that was wrapped; shorter ones end a paragraph, or are items of a list."""
_WORD: Final = 18
"""Prose has a space among so many characters; hashes and addresses that a page broke have none."""
_HEAD: Final = 120
"""Characters of the longest running head."""
_NUMBER: Final = 5
"""Digits that no page number has."""
_T = TypeVar("_T", Indicator, Technique, Entity, Relation)


class Evidence(msgspec.Struct, frozen=True):
    """``text`` and where its pieces come from: the piece from ``begins[i]`` stands ``shifts[i]`` characters further on in the document."""

    text: str
    begins: list[int]
    shifts: list[int]
    masked: tuple[Span, ...]
    heads: tuple[Span, ...]
    """Running heads and feet that were taken out, each once."""

    def place(self, start: int, end: int) -> Span:
        """Return where a span of ``text`` stands in the document; what lies around something masked is cut to its longer side."""
        first = start + self.shifts[bisect_right(self.begins, start) - 1]
        last = end + self.shifts[bisect_right(self.begins, max(start, end - 1)) - 1]
        for begin, finish in self.masked[bisect_left(self.masked, (first, 0)) :]:
            if begin >= last:
                break
            first, last = (first, begin) if begin - first >= last - finish else (finish, last)
        return first, last

    def placed(self, found: Extraction) -> Extraction:
        """Return what was found in ``text`` with the offsets of the document."""
        if self.shifts == [0]:
            return found
        return Extraction(
            indicators=self._moved(found.indicators),
            set_aside=self._moved(found.set_aside),
            techniques=self._moved(found.techniques),
            entities=self._moved(found.entities),
            relations=self._moved(found.relations),
        )

    def _moved(self, items: Iterable[_T]) -> tuple[_T, ...]:
        moved = []
        for item in items:
            start, end = self.place(item.start, item.end)
            moved.append(item if (start, end) == (item.start, item.end) else msgspec.structs.replace(item, start=start, end=end))
        return tuple(moved)


def evidence(document: Document) -> Evidence:
    """Return the text of a document that may be judged."""
    text = _unwrapped(document.text) if document.media in _WRAPPED else document.text
    heads = list(_heads(document))
    once = {_folded(document.text[start:end]): (start, end) for start, end in reversed(heads)}
    pieces, begins, shifts, at, length = [], [], [], 0, 0
    for start, end in sorted([*document.masked, *heads]):
        if start > at:
            pieces.append(text[at:start])
            begins.append(length)
            shifts.append(at - length)
            length += start - at
        at = max(at, end)
    pieces.append(text[at:])
    begins.append(length)
    shifts.append(at - length)
    return Evidence("".join(pieces), begins, shifts, document.masked, tuple(sorted(once.values())))


def _heads(document: Document) -> Iterator[Span]:
    """Yield the first and last lines of pages that stand on most other pages too, numbers apart, with their line end."""
    if len(document.pages) < 2:
        return
    ends = (*document.pages[1:], len(document.text))
    lines = [line for begin, end in zip(document.pages, ends, strict=True) for line in _edges(document.text, begin, end)]
    folded = [_folded(document.text[start:end]) for start, end in lines]
    times = Counter(folded)
    most = max(2, len(document.pages) // 2)
    yield from (line for line, key in zip(lines, folded, strict=True) if key and times[key] >= most)


def _edges(text: str, begin: int, end: int) -> Iterator[Span]:
    first = text.find("\n", begin, min(end, begin + _HEAD))
    if first < 0:
        return
    yield begin, first + 1
    stop = end - (text[end - 1] == "\n")
    last = text.rfind("\n", max(first + 1, stop - _HEAD), stop)
    if last > first:
        yield last + 1, end


def _folded(line: str) -> str:
    return " ".join("0" if word.isdigit() and len(word) < _NUMBER else word for word in line.split())


_BEGINS: Final = np.zeros(256, dtype=bool)
_BEGINS[[*range(65, 91), *range(97, 123), *b"('\"\xff\x01"]] = True


def _unwrapped(text: str) -> str:
    """Return the text, as long as it was, with a space for each line end that only wraps a line of prose."""
    data = np.frombuffer(as_bytes(text), dtype=np.uint8)
    ends = np.flatnonzero(data == 10)
    if not len(ends):
        return text
    spaces = np.concatenate([[0], np.cumsum((data == 32) | (data == 10))])
    lengths = np.diff(ends, prepend=-1) - 1
    after = np.minimum(ends + 1, len(data) - 1)
    joins = (lengths >= _LINE) & _BEGINS[data[after]] & _parted(spaces, ends - _WORD, ends) & _parted(spaces, after, after + _WORD)
    places = ends[joins]
    if not len(places):
        return text
    pieces, at = [], 0
    for place in places.tolist():
        pieces.append(text[at:place])
        at = place + 1
    return " ".join([*pieces, text[at:]])


def _parted(spaces: npt.NDArray[np.int64], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    most = len(spaces) - 1
    parted: npt.NDArray[np.bool_] = spaces[np.clip(end, 0, most)] > spaces[np.clip(start, 0, most)]
    return parted
