"""Many patterns over every view of a text: one RE2 pass for a plain text, positions in the original for what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import re2

from bartizan.control import Opinion, Segment
from bartizan.errors import ControlError
from bartizan.event import Span
from bartizan.guard.reading import HAS_OTHER_READINGS, Reading, read
from bartizan.guard.views import View

_SPANS: Final = 64
MEMORY: Final = 32 << 20
"""Upper bound for a Set's automaton; it is built as texts need it. RE2 reports a Set that ran out of memory as no match."""


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """One RE2 pattern. ``valid`` looks at what it matched (checksum, entropy); a match it refuses is none."""

    id: str
    category: str
    source: str
    max_length: int = 0
    valid: Callable[[str], bool] | None = None


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pattern was seen: characters ``[start, end)`` of the original text, and the steps of the view that showed it."""

    pattern: Pattern
    spans: tuple[tuple[int, int], ...]
    views: tuple[str, ...]


def opinion_of(hit: Hit, segment: Segment) -> Opinion:
    """Turn a hit into an opinion. A joined segment's positions are nobody's, so they are left out."""
    spans = () if segment.joined else tuple(Span(path=segment.path, start=start, end=end) for start, end in hit.spans)
    return Opinion(category=hit.pattern.category, rule=hit.pattern.id, spans=spans, views=hit.views)


class Looked:
    """A text without lone surrogates. Its readings are made when somebody asks, once for all who do."""

    __slots__ = ("_reading", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._reading: Reading | None = None

    @property
    def reading(self) -> Reading:
        """Return every reading of it."""
        reading = self._reading
        if reading is None:
            reading = self._reading = read(self.text)
        return reading


class Matcher:
    """A compiled set of patterns."""

    def __init__(self, patterns: Sequence[Pattern], *, readings: bool = True) -> None:
        self.patterns = tuple(patterns)
        self._each = [compiled(pattern) for pattern in self.patterns]
        self._set = pattern_set([*(pattern.source for pattern in self.patterns), *([HAS_OTHER_READINGS] if readings else [])])
        self._gate = len(self.patterns)
        self._readings = readings

    def find(self, text: str) -> list[Hit]:
        """Return every pattern seen in any view, with up to 64 places; the plainest view that shows a pattern names it.

        Encoded text too large to look into is a hit too, of category ``hidden_text``.
        """
        found = self._matched(text)
        return self.hits(Looked(clean(text)), found) if found else []

    def hits(self, looked: Looked, found: Sequence[int]) -> list[Hit]:
        """Return the same for a text whose patterns are known by number; ``len(patterns)`` says that it may have other readings."""
        if not self.patterns:
            return []
        hits: dict[int, Hit] = {}
        self._collect(View(looked.text), found, hits)
        unread: tuple[str, ...] = ()
        if self._readings and self._gate in found:
            unread = looked.reading.refused
            for view in looked.reading.views[1:]:
                self._collect(view, self._set.Match(view.text) or (), hits)
        return [*(hits[number] for number in sorted(hits)), *(_unread(reason, len(looked.text)) for reason in unread)]

    def _matched(self, text: str) -> Sequence[int]:
        try:
            return self._set.Match(text) or ()
        except UnicodeEncodeError:
            return self._set.Match(clean(text)) or ()

    def _collect(self, view: View, numbers: Iterable[int], hits: dict[int, Hit]) -> None:
        for number in numbers:
            if number == self._gate:
                continue
            pattern = self.patterns[number]
            spans = places(self._each[number], pattern, view)
            known = hits.get(number)
            if known:
                fresh = tuple(span for span in spans if not any(start < span[1] and span[0] < end for start, end in known.spans))
                hits[number] = Hit(pattern=pattern, spans=(known.spans + fresh)[:_SPANS], views=known.views)
            elif spans:
                hits[number] = Hit(pattern=pattern, spans=tuple(spans), views=view.names)


def _unread(reason: str, length: int) -> Hit:
    """Say that some of a text could not be looked into; that counts as hidden text, not as clean."""
    return Hit(pattern=Pattern(id=reason, category="hidden_text", source=""), spans=((0, length),), views=())


def places(regex: Any, pattern: Pattern, view: View) -> list[tuple[int, int]]:  # noqa: ANN401 - RE2 has no types
    """Return where a pattern stands in a view, in positions of the original; up to 64 places."""
    spans: list[tuple[int, int]] = []
    for found in regex.finditer(view.text):
        if pattern.valid is None or pattern.valid(found.group()):
            spans.append(view.span(*found.span()))
            if len(spans) == _SPANS:
                break
    return spans


def compiled(pattern: Pattern) -> Any:  # noqa: ANN401 - RE2 has no types
    """Compile one pattern; raises ControlError with its id."""
    try:
        return re2.compile(pattern.source)
    except re2.error as error:
        raise ControlError(f"compiling rule {pattern.id}: {error}", hint="RE2 syntax: https://github.com/google/re2/wiki/Syntax") from error


def pattern_set(sources: Iterable[str], *, memory: int = MEMORY) -> Any:  # noqa: ANN401 - RE2 has no types
    """Compile sources into one Set that says which of them a text has."""
    options = re2.Options()
    options.max_mem = memory
    which = re2.Set.SearchSet(options)
    for source in sources:
        which.Add(source)
    which.Compile()
    return which


def clean(text: str) -> str:
    """Replace lone surrogates, which UTF-8 can't carry, by U+FFFD; positions stay."""
    if text.isascii():
        return text
    return "".join(["\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text]) if _lone(text) else text


def _lone(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
