"""Which parser a file goes to, by its first bytes rather than its name; files in files are opened in memory, within limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import re2

from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import TLP, Document, Failure, Flag, Parsed
from bartizan.workbench.intel.parse import archive, docx, feed, mail, markup, pdf, plain, structured

_HEADER: Final = re2.compile(r"(?i)\A(?:[\w-]{2,40}:[^\n]*\n(?:[ \t][^\n]*\n)*){3,}")
_MAIL_HEAD: Final = re2.compile(r"(?im)^(?:received|from|return-path|message-id|mime-version|delivered-to):")
_TLP: Final = re2.compile(r"(?i)\bTLP\s*[:\x{FF1A}]\s*(clear|white|green|amber\s*\+\s*strict|amber|red)\b")
_MARKUP: Final = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<div",
    b"<p>",
    b"<p ",
    b"<article",
    b"<table",
    b"<span",
    b"<h1",
    b"<meta",
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def parse(data: bytes, name: str, caps: Caps = Caps()) -> Parsed:  # noqa: B008 - frozen
    """Return every document in a file, and a failure for each part that can't be read; raises nothing of ours."""
    documents: list[Document] = []
    failures: list[Failure] = []
    budget = archive.Budget(caps, len(data))
    waiting = [(data, name, 0, False)]
    while waiting:
        body, label, depth, unsafe = waiting.pop()
        try:
            _check_depth(label, depth, caps)
            made, inner = _open(body, label, caps, budget)
            documents += [_finished(each, unsafe=unsafe) for each in made]
        except DocumentError as error:
            failures.append(Failure(name=label, code=error.code, message=error.message))
            continue
        waiting += reversed([(part, f"{label}/{inside}", depth + 1, odd) for inside, part, odd in inner])
        if len(documents) + len(waiting) > caps.members:
            failures.append(Failure(name=name, code="too_many_files", message=f"{name}: more than {caps.members} documents in one file"))
            break
    return Parsed(documents=tuple(documents), failures=tuple(failures))


_Inner = list[tuple[str, bytes, bool]]


def _open(data: bytes, name: str, caps: Caps, budget: archive.Budget) -> tuple[Iterable[Document], _Inner]:  # noqa: C901, PLR0911 - one return a format
    if not data.strip():
        raise DocumentError(f"{name}: the file is empty", code="empty")
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data[:1024].lstrip().startswith(b"%PDF"):
        return [pdf.read(data, name, caps)], []
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if archive.one(data, "word/document.xml", name, budget) is not None:
            return [docx.read(data, name, caps)], []
        inner = archive.members(data, name, caps, budget)
        return [], [(member.name, member.data, member.unsafe) for member in inner]
    if data.startswith(b"\x1f\x8b"):
        return [], [(name.rpartition("/")[2].removesuffix(".gz") or "contents", archive.gunzip(data, name, budget), False)]
    if data.startswith(_OLE):
        return _mailed(mail.read_msg(data, name, caps))
    if head.startswith((b"{", b"[")) and not name.lower().endswith((".md", ".txt")):
        document = structured.read(data, name, caps)
        return [document if document is not None else plain.read(data, name, caps)], []
    if head.startswith((b"<?xml", b"<rss", b"<feed", b"<rdf")) and b"<html" not in head:
        return feed.read(data, name, caps), []
    if name.lower().endswith(".eml") or (not head.startswith(b"<") and _is_mail(data)):
        return _mailed(mail.read(data, name, caps))
    if name.lower().endswith((".html", ".htm", ".xhtml")) or head.startswith(_MARKUP) or b"<html" in head:
        return [markup.read(data, name, caps)], []
    return [plain.read(data, name, caps)], []


def _check_depth(name: str, depth: int, caps: Caps) -> None:
    if depth > caps.depth:
        raise DocumentError(f"{name}: files in files, more than {caps.depth} deep", code="too_deep")


def _mailed(message: mail.Mail) -> tuple[Iterable[Document], _Inner]:
    return [message.document], [(inside, part, False) for inside, part in message.attached if part.strip() and _may_be_read(inside, part)]


def _may_be_read(name: str, data: bytes) -> bool:
    """Pictures, sounds and keys in a mail are no reports, and not worth an error each."""
    return not name.lower().startswith(("image/", "audio/", "video/", "application/pkcs7")) and not data.startswith(
        (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"MZ")
    )


def _is_mail(data: bytes) -> bool:
    head = data[:8192].decode("latin-1").replace("\r\n", "\n")
    found = _HEADER.match(head)
    return found is not None and len({each.lower() for each in _MAIL_HEAD.findall(found.group(0))}) >= 2


def _finished(document: Document, *, unsafe: bool) -> Document:
    """Read the TLP that the text states on its first or last page, and flag a name that would have led out of a folder."""
    flags = document.flags
    if unsafe:
        flags = (*flags, Flag(kind="unsafe_name", detail="its name in the archive leads out of a folder; nothing was written there"))
    level = document.tlp
    if not level:
        said = [*_TLP.findall(document.text[:6000]), *_TLP.findall(document.text[-2000:])]
        levels = [{"white": "clear"}.get(word, word) for word in ("".join(each.lower().split()) for each in said)]
        level = max((each for each in levels if each in TLP), key=TLP.index, default="")
    return msgspec.structs.replace(document, flags=flags, tlp=level)
