"""Sentences of report text, as spans: lines that were wrapped are read together, headings, bullets and table rows stay apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_ENDS: Final = ".!?"
_CLOSERS: Final = "\"')]”\u2019»"
_BULLETS: Final = "•▪■◦‣●◆➢✓\uf0b7\uf0a7·*"
_ABBREVIATIONS: Final = frozenset(
    [
        *("e.g", "i.e", "vs", "fig", "inc", "ltd", "corp", "co", "cf", "al", "etc", "no", "dr", "mr", "mrs", "ms", "st", "jan"),
        *("feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "approx", "dept", "gov", "u.s", "u.k"),
        *(
            "ver",
            "v",
            "vol",
            "pp",
            "p",
        ),
    ]
)
_SHORT_LINE: Final = 48
_LONGEST: Final = 1_000

Span = tuple[int, int]


def sentences(text: str, start: int = 0, end: int = -1) -> Iterator[Span]:
    """Yield the spans of sentences between two offsets, without the white space around them; at most 1,000 characters each."""
    for begin, finish in _blocks(text, start, len(text) if end < 0 else end):
        at = begin
        for place in _stops(text, begin, finish):
            yield from _span(text, at, place)
            at = place
        yield from _span(text, at, finish)


def _blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield runs of lines that are one paragraph."""
    begin, place = -1, start
    before = ""
    while place < end:
        stop = text.find("\n", place, end)
        stop = end if stop < 0 else stop
        line = text[place:stop].strip()
        if begin >= 0 and (not line or _begins_anew(before, line)):
            yield begin, place
            begin = -1
        if line:
            begin = place if begin < 0 else begin
            before = line
        place = stop + 1
    if begin >= 0:
        yield begin, end


def _begins_anew(before: str, line: str) -> bool:
    first = line[0]
    if first in _BULLETS or line[:2] in {"- ", "\u2013 ", "> ", "# "} or line.startswith(("##", "|")) or before.startswith(("#", "|")):
        return True
    if first.isdigit() and line[: line.find(" ")].rstrip(".)").replace(".", "").isdigit() and line[: line.find(" ")][-1:] in ".)":
        return True
    if before[-1] in "]>}|" and (first.isupper() or first in "<[{"):
        return True  # a template's closing mark, not the middle of a sentence
    if before[-1] in ",;-\u2013(/" or first.islower():
        return False
    return before[-1] not in _ENDS and len(before) < _SHORT_LINE


def _stops(text: str, begin: int, finish: int) -> Iterator[int]:
    """Yield the offsets after which a new sentence begins."""
    place = begin
    ahead = dict.fromkeys(_ENDS, -1)
    while place < finish:
        for mark, at in ahead.items():
            if at < place:  # looked for again only once passed, or a text of one mark would be searched for the others at each
                found = text.find(mark, place, finish)
                ahead[mark] = finish if found < 0 else found
        found = min(ahead.values())
        if found >= finish:
            return
        place = found + 1
        while place < finish and text[place] in _CLOSERS:
            place += 1
        if place < finish and text[place].isspace() and _is_end(text, begin, found, place, finish):
            yield place


def _is_end(text: str, begin: int, found: int, place: int, finish: int) -> bool:
    after = place
    while after < finish and text[after].isspace():
        after += 1
    if after >= finish or text[after].islower():
        return False
    if text[found] != ".":
        return True
    word = found
    while word > begin and not text[word - 1].isspace():
        word -= 1
    token = text[word:found].strip("([\"'").lower()
    return token not in _ABBREVIATIONS and not (len(token) == 1 and token.isalpha())


def _span(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > _LONGEST:
        cut = text.rfind(" ", start, start + _LONGEST)
        cut = cut if cut > start else start + _LONGEST
        yield start, cut
        start = cut + 1
    if end > start:
        yield start, end
