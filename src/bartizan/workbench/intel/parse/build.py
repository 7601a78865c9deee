"""Putting a document together page by page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bartizan.workbench.intel.canon import Canonical, canonical, flags_of
from bartizan.workbench.intel.caps import Caps
from bartizan.workbench.intel.document import Declared, Document, Flag, FlagKind

_FRAGMENT = 2_000
_FLAGS = 200
"""More of them tell a reader nothing new; the last one says so."""


class Builder:
    """Collects pages, flags and declared indicators; ``document`` gives out the whole."""

    def __init__(self, name: str, media: str, data: bytes, caps: Caps) -> None:
        self._name = name
        self._media = media
        self._id = hashlib.sha256(data).hexdigest()
        self._bytes = len(data)
        self._caps = caps
        self._parts: list[str] = []
        self._pages: list[int] = []
        self._length = 0
        self._flags: list[Flag] = []
        self._declared: list[Declared] = []
        self.title = ""
        self.published = ""
        self.is_full = False

    @property
    def length(self) -> int:
        """How long the text is by now: where the next page begins."""
        return self._length

    @property
    def pages(self) -> int:
        """How many pages there are by now, which is the number of the last one."""
        return len(self._pages)

    def page(self, raw: str) -> int:
        """Add a page's visible text; returns where it begins."""
        made = canonical(raw)
        begins = self._length
        number = len(self._pages) + 1
        text = made.text.rstrip() + "\n" if self._media == "application/pdf" else made.text
        if begins + len(text) > self._caps.characters:
            text = text[: self._caps.characters - begins]
            self.is_full = True
            self.flag("truncated", page=number, detail=f"only the first {self._caps.characters} characters were read")
        self._pages.append(begins)
        self._parts.append(text)
        self._length += len(text)
        self._flags += flags_of(made, page=number)
        return begins

    def flag(self, kind: FlagKind, *, page: int = 1, detail: str = "", text: str = "") -> None:
        """Note something that a reader must know."""
        if len(self._flags) < _FLAGS:
            self._flags.append(Flag(kind=kind, page=page, detail=detail, text=_shown(text)))

    def declare(self, items: Iterable[Declared]) -> None:
        """Note indicators that the format declares, at their place in the text."""
        self._declared += items

    def document(self) -> Document:
        """Return the document."""
        return Document(
            id=self._id,
            name=self._name,
            media=self._media,
            title=" ".join(canonical(self.title).text.split())[:300],
            text="".join(self._parts),
            pages=tuple(self._pages) or (0,),
            flags=tuple(self._flags),
            declared=tuple(self._declared),
            published=self.published,
            size=self._bytes,
        )


def _shown(text: str) -> str:
    made: Canonical = canonical(text)
    return made.text.strip()[:_FRAGMENT]
