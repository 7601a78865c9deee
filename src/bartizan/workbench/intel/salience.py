"""How much a sentence says: what the document is about, where it stands, what it names, and how its author marks it."""

from __future__ import annotations

import tomllib
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from math import log
from typing import Final

import msgspec

from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.found import Candidate
from bartizan.workbench.intel.sentences import Span, sentences

_FEWEST: Final = 60
_PER_PAGE: Final = 2
_MOST_SPANS: Final = 150_000
"""More sentences than any report has; what stands after them is in the text and in no brief."""
_SHORTEST: Final = 40
_LONGEST: Final = 600
_STRIP: Final = ".,;:!?\"'()[]{}<>“”\u2018\u2019«»*#|`~-\u2013—_/\\•…"
_LETTERS: Final = 0.25
_LIST: Final = 4.0
_SKETCH: Final = 64


class Words(msgspec.Struct, frozen=True):
    """The word lists of ``data/salience.toml``."""

    stop: frozenset[str]
    acts: tuple[str, ...]
    cues: tuple[str, ...]
    gist: frozenset[str]
    furniture: tuple[str, ...]


class Named(msgspec.Struct, frozen=True):
    """Something that extraction found: where, what (``kind:value``), and how much it adds to a sentence."""

    start: int
    name: str
    weight: float


@cache
def words() -> Words:
    """Return the word lists."""
    table = tomllib.loads((files("bartizan.workbench.intel") / "data" / "salience.toml").read_text(encoding="utf-8"))
    return Words(
        stop=frozenset(table["stop"].split()),
        acts=tuple(table["acts"].split()),
        cues=tuple(table["cues"]),
        gist=frozenset(table["gist"]),
        furniture=tuple(table["furniture"]),
    )


def terms(text: str) -> list[str]:
    """Return the words of a text that say something, in lower case."""
    stop = words().stop
    stripped = (word.strip(_STRIP) for word in text.lower().split())
    return [word for word in stripped if len(word) > 2 and word not in stop]


def word_hash(word: str) -> int:
    """Return the 32-bit hash by which a word is remembered; a plain plural counts as its singular."""
    return zlib.crc32((word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word).encode())


def candidates(document: Document, spans: Sequence[Span], named: Sequence[Named]) -> tuple[Candidate, ...]:
    """Return the sentences worth quoting, best first."""
    text = document.evidence_text()
    split = [terms(text[a:b]) for a, b in spans]
    frequency = Counter(word for each in split for word in set(each))
    named = sorted(named, key=lambda item: item.start)
    starts = [item.start for item in named]
    made = []
    gist = 0
    seen: set[int] = set()
    for place, ((a, b), bag) in enumerate(zip(spans, split, strict=True)):
        gist = 8 if _is_gist(text[a:b]) else max(gist - 1, 0)
        if not _is_prose(text[a:b], bag):
            continue
        hashes = tuple(sorted({word_hash(word) for word in bag}))
        mark = hash(hashes)
        if mark in seen:
            continue
        seen.add(mark)
        inside = named[bisect_left(starts, a) : bisect_left(starts, b)]
        score = _score(text[a:b], bag, frequency, len(spans), place) + (1.2 if gist else 0.0) + _density(inside)
        fact = _fact(text[a:b], bag, frequency) + _density(inside)
        if not _is_flowing(text[a:b], bag):
            score, fact = score - _LIST, fact - _LIST
        made.append(
            Candidate(
                start=a,
                end=b,
                page=document.page_of(a),
                score=round(score, 4),
                words=hashes,
                names=tuple({item.name: 0 for item in inside}),
                fact=round(fact, 4),
            )
        )
    most = _FEWEST + _PER_PAGE * len(document.pages)
    made.sort(key=lambda item: -item.score)
    factual = sorted(made[most:], key=lambda item: -item.fact)[: 2 * most]
    return (*made[:most], *factual)


def spans_of(document: Document) -> list[Span]:
    """Return the sentences of a document's evidence; none crosses from one page to the next."""
    text = document.evidence_text()
    return list(islice((span for begin, end in _pages(document) for span in sentences(text, begin, end)), _MOST_SPANS))


def sketch(document: Document, spans: Sequence[Span]) -> tuple[int, ...]:
    """Return a MinHash of the document's sentences of five words and more, by one hash and 64 bins; -1 for an empty bin."""
    bins = [-1] * _SKETCH
    text = document.evidence_text()
    for a, b in spans:
        split = text[a:b].lower().split()
        if len(split) >= 5:
            value, part = divmod(zlib.crc32(" ".join(split).encode()), _SKETCH)
            if bins[part] < 0 or value < bins[part]:
                bins[part] = value
    return tuple(bins)


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the estimated share of runs of words that two texts have in common; 0 where either is too short to say."""
    both = [(a, b) for a, b in zip(one, other, strict=False) if a >= 0 or b >= 0]
    return sum(a == b for a, b in both) / len(both) if len(both) >= _SKETCH // 4 else 0.0


def _pages(document: Document) -> Iterable[Span]:
    ends = (*document.pages[1:], len(document.text))
    return zip(document.pages, ends, strict=True)


def _is_gist(sentence: str) -> bool:
    return len(sentence) < 60 and sentence.strip("#*: 0123456789.\t").casefold() in words().gist


def _is_prose(sentence: str, bag: Sequence[str]) -> bool:
    if not _SHORTEST <= len(sentence) <= _LONGEST or len(bag) < 4 or "...." in sentence or "\ufffd" in sentence:
        return False
    if sum(len(word) for word in bag if not word[0].isdigit()) < _LETTERS * len(sentence):
        return False
    low = sentence.casefold()
    return not any(phrase in low for phrase in words().furniture)


def _fact(sentence: str, bag: Sequence[str], frequency: Counter[str]) -> float:
    rare = sum(word[0].isupper() and frequency[word.strip(_STRIP).lower()] <= 2 for word in sentence.split()[1:])
    numbers = sum(word[0].isdigit() and frequency[word] <= 3 for word in bag)
    acts = sum(word.startswith(words().acts) for word in bag)
    once = sum(frequency[word] == 1 for word in bag) / max(len(bag), 4)
    return 0.6 * min(rare, 4) + 0.5 * min(numbers, 3) + 0.25 * min(acts, 3) + 1.6 * once


def _is_flowing(sentence: str, bag: Sequence[str]) -> bool:
    """Say whether this reads as a sentence: the small words that lists and tables do without."""
    count = len(sentence.split())
    return count - len(bag) >= 0.16 * count


def _density(inside: Sequence[Named]) -> float:
    return min(sum({item.name: item.weight for item in inside}.values()), 3.0)


def _score(sentence: str, bag: Sequence[str], frequency: Counter[str], count: int, place: int) -> float:
    central = sum(log(1 + frequency[word]) for word in set(bag)) / (len(set(bag)) + 4) / log(2 + count)
    position = 1.0 / (1.0 + place / 6.0)
    low = sentence.lower()
    acts = sum(word.startswith(words().acts) for word in bag)
    cue = any(phrase in low for phrase in words().cues)
    ended = sentence[-1] in '.!?"”)'
    numbers = sum(word[0].isdigit() for word in bag)
    proper = sum(word[0].isupper() for word in sentence.split()[1:])
    length = -0.5 if len(sentence) > 400 else 0.0
    return (
        3.0 * central
        + 0.9 * position
        + min(acts, 4) * 0.25
        + 0.6 * cue
        + 0.5 * ended
        + min(numbers, 3) * 0.15
        + min(proper, 6) * 0.12
        + length
    )
