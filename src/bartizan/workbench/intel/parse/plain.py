"""Plain text, Markdown and CSV: kept as they are, so that offsets are those of the file; what a renderer would not show is masked."""

from __future__ import annotations

import msgspec
import re2

from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import Document, Flag
from bartizan.workbench.intel.parse.build import Builder

_TITLE = re2.compile(r"(?m)^\s{0,3}#{1,2}[ \t]+(.{3,200})$")
_UNSEEN = re2.compile(
    r"(?s)<!--.*?(?:-->|\z)"
    r"|(?m:^\[(?://|comment)\]:[^\n]*$)"
    r"|(?i:<(?:span|div|p|font|b|i|em)\b[^>]{0,400}(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?:\.0\d*)?\b"
    r"|color\s*[:=]\s*[\"']?(?:#fff(?:fff)?\b|white\b))[^>]{0,400}>.*?</(?:span|div|p|font|b|i|em)>)"
)
_TEXT_SHARE = 0.85


def read(data: bytes, name: str, caps: Caps) -> Document:
    """Return the text as a document; raises DocumentError for what is no text."""
    text = decode(data, name)
    kind = name.rpartition(".")[2].lower()
    media = {"md": "text/markdown", "markdown": "text/markdown", "csv": "text/csv"}.get(kind, "text/plain")
    made = Builder(name, media, data, caps)
    made.page(text)
    title = _TITLE.search(text[:5000])
    made.title = title.group(1) if title else next((line for line in text[:2000].splitlines() if _names(line)), "")
    return masked(made.document(), _UNSEEN) if media != "text/csv" else made.document()


def _names(line: str) -> bool:
    """Say whether a line can be a title: it says something, and is no mark of the Traffic Light Protocol."""
    return bool(line.strip()) and not line.strip().upper().startswith("TLP:")


def masked(document: Document, pattern: re2._Regexp) -> Document:
    """Return a document with what the pattern finds masked and flagged as hidden."""
    spans = [(found.start(), found.end()) for found in pattern.finditer(document.text)]
    flags = tuple(
        Flag(kind="hidden_text", page=document.page_of(a), start=a, end=b, detail="not shown by a renderer", text=document.text[a:b][:2000])
        for a, b in spans
    )
    return msgspec.structs.replace(document, masked=(*document.masked, *spans), flags=(*document.flags, *flags))


def decode(data: bytes, name: str) -> str:
    """Return bytes as text: by byte order mark, as UTF-8, else as Windows-1252; raises DocumentError for what is no text."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    sample = text[:4096]
    good = sum(character.isprintable() or character in "\n\r\t" for character in sample)
    if "\0" in sample or good < _TEXT_SHARE * len(sample):
        raise DocumentError(f"{name}: this is neither text nor a format that can be read", code="unknown_format")
    return text
