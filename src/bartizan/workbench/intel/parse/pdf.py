"""PDF pages as text, by PDFium; what is on the page but leaves no ink is taken out and flagged."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2.raw as pdfium

from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.parse.build import Builder
from bartizan.workbench.intel.parse.ink import Inks, hidden_objects

_ERRORS: Final = {
    pdfium.FPDF_ERR_FILE: ("unreadable", "the file can't be read"),
    pdfium.FPDF_ERR_FORMAT: ("malformed_pdf", "this is no PDF, or a damaged one"),
    pdfium.FPDF_ERR_PASSWORD: ("encrypted_pdf", "the file needs a password"),
    pdfium.FPDF_ERR_SECURITY: ("encrypted_pdf", "the file uses a security scheme that PDFium does not know"),
    pdfium.FPDF_ERR_PAGE: ("malformed_pdf", "a page is missing or damaged"),
}
_MOST_CHARACTERS: Final = 400_000
"""On one page; a page with more is an attempt at something."""


class _Library:
    """PDFium wants to be set up once for each process."""

    def __init__(self) -> None:
        pdfium.FPDF_InitLibrary()


def read(data: bytes, name: str, caps: Caps) -> Document:
    """Return the document; raises DocumentError."""
    _Library()
    held = ctypes.create_string_buffer(data, len(data))
    pdf = pdfium.FPDF_LoadMemDocument64(held, len(data), None)
    if not pdf:
        code, why = _ERRORS.get(pdfium.FPDF_GetLastError(), ("malformed_pdf", "PDFium can't open it"))
        raise DocumentError(f"{name}: {why}", code=code)
    try:
        return _document(pdf, data, name, caps)
    finally:
        pdfium.FPDF_CloseDocument(pdf)


def _document(pdf: Any, data: bytes, name: str, caps: Caps) -> Document:  # noqa: ANN401 - a handle of PDFium's
    made = Builder(name, "application/pdf", data, caps)
    made.title = _meta(pdf, b"Title")
    made.published = _date(_meta(pdf, b"CreationDate"))
    count = pdfium.FPDF_GetPageCount(pdf)
    if count < 1:
        raise DocumentError(f"{name}: the PDF has no pages", code="malformed_pdf")
    if count > caps.pages:
        made.flag("truncated", detail=f"{count} pages, of which the first {caps.pages} were read")
    inks = Inks(left=caps.rendered_pages)
    unread = 0
    for number in range(min(count, caps.pages)):
        page = pdfium.FPDF_LoadPage(pdf, number)
        if not page:
            unread += 1
            made.page("")
            continue
        try:
            _page(page, made, inks)
        finally:
            pdfium.FPDF_ClosePage(page)
        if made.is_full:
            break
    if unread == min(count, caps.pages):
        raise DocumentError(f"{name}: none of its {count} pages can be read", code="malformed_pdf")
    if unread:
        made.flag("unreadable_part", detail=f"{unread} of {count} pages can't be read")
    if pdfium.FPDFDoc_GetJavaScriptActionCount(pdf) > 0:
        made.flag("active_content", detail="the file carries JavaScript; it was not run")
    return made.document()


def _page(page: Any, made: Builder, inks: Inks) -> None:  # noqa: ANN401 - a handle of PDFium's
    text = pdfium.FPDFText_LoadPage(page)
    if not text:
        made.page("")
        return
    try:
        count = pdfium.FPDFText_CountChars(text)
        hidden = hidden_objects(page, inks) if count > 0 else None
        if hidden is None or not hidden.why:
            made.page(_text(text, count))
        else:
            shown, unseen = _parted(text, count, hidden.why)
            made.page(shown)
            for why, words in unseen.items():
                made.flag("hidden_text", page=made.pages, detail=why, text=words)
        if hidden is not None and hidden.is_scan:
            made.flag("ocr_layer", page=made.pages, detail="the text is an invisible layer over a picture of the page; check it there")
    finally:
        pdfium.FPDFText_ClosePage(text)


def _text(text: Any, count: int) -> str:  # noqa: ANN401 - a handle of PDFium's
    count = min(count, _MOST_CHARACTERS)
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    got = pdfium.FPDFText_GetText(text, 0, count, buffer)
    return bytes(buffer)[: 2 * max(got - 1, 0)].decode("utf-16-le", "replace")


def _parted(text: Any, count: int, why: dict[int, str]) -> tuple[str, dict[str, str]]:  # noqa: ANN401 - a handle of PDFium's
    """Return what is seen of a page, and by reason what is not."""
    shown: list[str] = []
    unseen: dict[str, list[str]] = {}
    last = ""
    for place, character, address in _characters(text, count):
        reason = why.get(address, "") if address else last
        if address:
            last = reason
        if reason:
            unseen.setdefault(reason, []).append(character)
            if place and shown and shown[-1] != "\n":
                shown.append("\n")
        else:
            shown.append(character)
    return "".join(shown), {reason: "".join(words) for reason, words in unseen.items() if "".join(words).strip()}


def _characters(text: Any, count: int) -> Iterator[tuple[int, str, int]]:  # noqa: ANN401 - a handle of PDFium's
    for place in range(min(count, _MOST_CHARACTERS)):
        point = pdfium.FPDFText_GetUnicode(text, place)
        owner = pdfium.FPDFText_GetTextObject(text, place)
        address = ctypes.cast(owner, ctypes.c_void_p).value or 0
        yield place, "" if point == 0 or 0xD800 <= point < 0xE000 or point > 0x10FFFF else chr(point), address


def _meta(pdf: Any, key: bytes) -> str:  # noqa: ANN401 - a handle of PDFium's
    size = min(pdfium.FPDF_GetMetaText(pdf, key, None, 0), 2048)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDF_GetMetaText(pdf, key, buffer, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def _date(stamp: str) -> str:
    digits = stamp.removeprefix("D:")[:8]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) == 8 and digits.isdigit() else ""
