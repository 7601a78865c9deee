"""A document as everything after the parser sees it: one canonical text, where its pages begin, and what was wrong with it."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from typing import Final, Literal

import msgspec

Tlp = Literal["clear", "green", "amber", "amber+strict", "red"]
TLP: Final[tuple[Tlp, ...]] = ("clear", "green", "amber", "amber+strict", "red")
"""Traffic Light Protocol 2.0 (FIRST), mildest first."""

FlagKind = Literal[
    "hidden_text",
    "invisible_characters",
    "bidi_characters",
    "planted_instruction",
    "ocr_layer",
    "truncated",
    "active_content",
    "unreadable_part",
    "unsafe_name",
]


class Quote(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where something is said: ``text[start:end]`` of the document's canonical text, the page it is on (from 1) and its SHA-256."""

    page: int
    start: int
    end: int
    sha256: str


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the document that a reader must know. ``text`` is what was hidden or planted, at most 2,000 characters.

    ``start`` is -1 where the text is no part of the canonical text.
    """

    kind: FlagKind
    page: int = 1
    start: int = -1
    end: int = -1
    detail: str = ""
    text: str = ""


class Declared(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An indicator that the format itself declares (a STIX pattern, a MISP attribute), and where its value stands in the text."""

    kind: str
    value: str
    start: int
    end: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One report. ``id`` is the SHA-256 of its bytes; ``pages`` are the offsets at which pages begin, ascending from 0.

    ``masked`` are spans of the text that count as no evidence: hidden or planted. Nothing but a reader's eye gets to see them.
    """

    id: str
    name: str
    media: str
    title: str
    text: str
    pages: tuple[int, ...] = (0,)
    flags: tuple[Flag, ...] = ()
    masked: tuple[tuple[int, int], ...] = ()
    declared: tuple[Declared, ...] = ()
    tlp: Tlp | Literal[""] = ""
    published: str = ""
    size: int = 0

    def page_of(self, offset: int) -> int:
        """Return the page (from 1) on which an offset lies."""
        return bisect_right(self.pages, offset)

    def page_end(self, offset: int) -> int:
        """Return where the page of an offset ends."""
        after = bisect_right(self.pages, offset)
        return self.pages[after] if after < len(self.pages) else len(self.text)

    def quote(self, start: int, end: int) -> Quote:
        """Return the evidence for a span."""
        return Quote(page=self.page_of(start), start=start, end=end, sha256=sha256_of(self.text[start:end]))

    def evidence_text(self) -> str:
        """Return the text with every masked span blanked out, offsets unchanged: what may be judged."""
        if not self.masked:
            return self.text
        parts: list[str] = []
        at = 0
        for start, end in self.masked:
            parts += [self.text[at:start], "\n" * (end - start)]
            at = end
        return "".join([*parts, self.text[at:]])


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a part of one, that could not be read: ``code`` is a stable word, ``message`` says what and where."""

    name: str
    code: str
    message: str


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a file came to: the documents in it, and what in it could not be read."""

    documents: tuple[Document, ...] = ()
    failures: tuple[Failure, ...] = ()


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a quote's UTF-8 bytes; surrogates, which no parser of ours lets through, would be replaced."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def strictest(levels: tuple[Tlp | Literal[""], ...], *, unmarked: Tlp) -> Tlp:
    """Return the strictest of some levels, where an empty one counts as ``unmarked``; ``clear`` for none."""
    return max((level or unmarked for level in levels), key=TLP.index, default="clear")
