"""RSS and Atom: each entry is a report of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.parse.build import Builder
from bartizan.workbench.intel.parse.markup import visible
from bartizan.workbench.intel.parse.xml import local, tree


def read(data: bytes, name: str, caps: Caps) -> Iterator[Document]:
    """Yield the entries of a feed; raises DocumentError for XML that is none."""
    root = tree(data, name)
    if local(root) not in {"rss", "feed", "RDF"}:
        raise DocumentError(f"{name}: this XML is neither RSS nor Atom", code="unknown_format")
    entries = [node for node in root.iter() if local(node) in {"item", "entry"}]
    if len(entries) > caps.members:
        raise DocumentError(f"{name}: {len(entries)} entries in one feed, {caps.members} are allowed", code="too_many_files")
    for number, entry in enumerate(entries, 1):
        yield _entry(entry, f"{name}#{number}", caps)


def _entry(entry: Any, name: str, caps: Caps) -> Document:  # noqa: ANN401 - lxml has no stubs
    made = Builder(name, "application/feed+xml", etree.tostring(entry), caps)
    parts = {local(child): child for child in reversed(entry) if local(child)}
    made.title = "".join(parts["title"].itertext()) if "title" in parts else ""
    stamp = next((parts[kind].text for kind in ("published", "updated", "date") if kind in parts and parts[kind].text), "")
    made.published = stamp[:10] if stamp[:4].isdigit() else ""
    body = next((parts[kind] for kind in ("encoded", "content", "description", "summary") if kind in parts), None)
    text = made.title
    if body is not None:
        inner = "".join(body.itertext()) if len(body) == 0 else etree.tostring(body, encoding="unicode")
        if "<" in inner:
            seen, hidden, _, _ = visible(f"<html><body>{inner}</body></html>", name)
            for why, words in hidden.items():
                made.flag("hidden_text", detail=why, text="\n".join(words))
            inner = seen
        text = f"{text}\n\n{inner}"
    made.page(text)
    return made.document()
