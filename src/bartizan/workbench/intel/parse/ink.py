"""Which text objects of a PDF page leave no ink: looked for by their properties, and where those leave doubt, by drawing the page.

Certain without drawing: render mode 3 (invisible), no opacity, no size, outside the crop box. In doubt: text in the colour of what
lies under it, pale or faint text, and text under a filled shape or a picture. The page is then drawn with and without the doubtful
objects, and what makes no difference is hidden.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pypdfium2.raw as pdfium

_TEXT, _PATH, _IMAGE, _FORM = pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM
_INVISIBLE: Final = {pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP}
_MOST_OBJECTS: Final = 20_000
_MOST_FILLS: Final = 200
_DEPTH: Final = 4
_TINY_POINTS: Final = 1.2
_FAINT: Final = 13
_PALE_ALPHA: Final = 128
_PALE: Final = 225
_CLOSE: Final = 30
_INK: Final = 24
_MOST_PIXELS: Final = 1_000

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""


class Inks:
    """How many pages may still be drawn for this document."""

    def __init__(self, *, left: int) -> None:
        self.left = left


class Hidden(msgspec.Struct):
    """Hidden text objects by address with the reason, and whether the page is a scan with a text layer."""

    why: dict[int, str]
    is_scan: bool = False


class _Piece(msgspec.Struct):
    handle: Any
    box: Box
    colour: tuple[int, int, int, int]
    order: int
    mode: int = 0


class _Found(msgspec.Struct):
    texts: list[_Piece]
    fills: list[_Piece]
    order: int = 0


def hidden_objects(page: Any, inks: Inks) -> Hidden:  # noqa: ANN401 - a handle of PDFium's
    """Return which text objects of a page can't be seen."""
    found = _Found([], [])
    _collect(_Reader(), page, pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, found, None, 0)
    crop = _crop(page)
    area = max((crop[2] - crop[0]) * (crop[3] - crop[1]), 1.0)
    scan = (
        bool(found.texts)
        and all(text.mode in _INVISIBLE for text in found.texts)
        and any(fill.colour[3] == _PICTURE and _area(fill.box) > area / 2 for fill in found.fills)
    )
    why: dict[int, str] = {}
    doubtful: list[tuple[_Piece, str]] = []
    for text in found.texts:
        certain = _certain(text, crop, is_scan=scan)
        if certain:
            why[_address(text.handle)] = certain
        elif doubt := _doubt(text, found.fills):
            doubtful.append((text, doubt))
    if doubtful:
        why |= _drawn(page, doubtful, inks)
    return Hidden(why, scan)


_PICTURE: Final = -1
"""Stands for the opacity of what is no plain fill."""


class _Reader:
    """Reads properties into the same C variables again and again; making new ones costs as much as the call."""

    def __init__(self) -> None:
        self._floats = tuple(ctypes.c_float() for _ in range(4))
        self._bytes = tuple(ctypes.c_uint() for _ in range(4))
        self._float_refs = tuple(ctypes.byref(each) for each in self._floats)
        self._byte_refs = tuple(ctypes.byref(each) for each in self._bytes)

    def box(self, handle: Any) -> Box:  # noqa: ANN401 - a handle of PDFium's
        if not pdfium.FPDFPageObj_GetBounds(handle, *self._float_refs):
            return (0.0, 0.0, 0.0, 0.0)
        left, bottom, right, top = self._floats
        return left.value, bottom.value, right.value, top.value

    def colour(self, handle: Any) -> tuple[int, int, int, int]:  # noqa: ANN401 - a handle of PDFium's
        if not pdfium.FPDFPageObj_GetFillColor(handle, *self._byte_refs):
            return (0, 0, 0, 255)
        red, green, blue, alpha = self._bytes
        return red.value, green.value, blue.value, alpha.value


def _collect(
    read: _Reader,
    holder: Any,  # noqa: ANN401 - a page or a form of PDFium's
    count: Callable[[Any], int],
    get: Callable[[Any, int], Any],
    found: _Found,
    matrix: pdfium.FS_MATRIX | None,
    depth: int,
) -> None:
    for place in range(min(count(holder), _MOST_OBJECTS)):
        handle = get(holder, place)
        kind = pdfium.FPDFPageObj_GetType(handle)
        found.order += 1
        if found.order > _MOST_OBJECTS:
            return
        if kind == _TEXT:
            mode = pdfium.FPDFTextObj_GetTextRenderMode(handle)
            found.texts.append(_Piece(handle, _placed(read.box(handle), matrix), read.colour(handle), found.order, mode))
        elif kind == _FORM and depth < _DEPTH:
            inner = pdfium.FS_MATRIX()
            pdfium.FPDFPageObj_GetMatrix(handle, ctypes.byref(inner))
            _collect(
                read,
                handle,
                pdfium.FPDFFormObj_CountObjects,
                pdfium.FPDFFormObj_GetObject,
                found,
                inner if matrix is None else None,
                depth + 1,
            )
        elif len(found.fills) < _MOST_FILLS:
            _fill(read, handle, kind, found, matrix)


def _fill(read: _Reader, handle: Any, kind: int, found: _Found, matrix: pdfium.FS_MATRIX | None) -> None:  # noqa: ANN401
    box = _placed(read.box(handle), matrix)
    if box[2] - box[0] < 8 or box[3] - box[1] < 4:
        return
    if kind == _PATH:
        mode, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(handle, ctypes.byref(mode), ctypes.byref(stroke))
        colour = read.colour(handle)
        if mode.value and colour[3] > 200:
            found.fills.append(_Piece(handle, box, colour, found.order))
    else:
        found.fills.append(_Piece(handle, box, (0, 0, 0, _PICTURE), found.order))


def _placed(box: Box, matrix: pdfium.FS_MATRIX | None) -> Box:
    if matrix is None:
        return box
    corners = [(x * matrix.a + y * matrix.c + matrix.e, x * matrix.b + y * matrix.d + matrix.f) for x in box[::2] for y in box[1::2]]
    return min(x for x, _ in corners), min(y for _, y in corners), max(x for x, _ in corners), max(y for _, y in corners)


def _certain(text: _Piece, crop: Box, *, is_scan: bool) -> str:
    left, bottom, right, top = text.box
    if right <= left and top <= bottom:
        return ""  # a lone space has no extent
    if text.mode in _INVISIBLE:
        return "" if is_scan else "invisible text"
    if text.colour[3] < _FAINT:
        return "text without opacity"
    if top - bottom < _TINY_POINTS and _letter_height(text.handle) < _TINY_POINTS:
        return "text too small to see"
    if right < crop[0] or left > crop[2] or top < crop[1] or bottom > crop[3]:
        return "text outside the page"
    return ""


def _letter_height(handle: Any) -> float:  # noqa: ANN401 - a handle of PDFium's
    """Return the size of a text object's letters in points; a row of dots is low, but its letters are not."""
    size, matrix = ctypes.c_float(), pdfium.FS_MATRIX()
    pdfium.FPDFTextObj_GetFontSize(handle, ctypes.byref(size))
    pdfium.FPDFPageObj_GetMatrix(handle, ctypes.byref(matrix))
    return float(abs(size.value) * max(abs(matrix.b), abs(matrix.d)))


def _doubt(text: _Piece, fills: list[_Piece]) -> str:
    red, green, blue, alpha = text.colour
    if alpha < _PALE_ALPHA:
        return "text almost without opacity"
    middle = (text.box[0] + text.box[2]) / 2, (text.box[1] + text.box[3]) / 2
    ground: _Piece | None = None
    for fill in reversed(fills):
        if fill.box[0] <= middle[0] <= fill.box[2] and fill.box[1] <= middle[1] <= fill.box[3]:
            if fill.order > text.order:
                return "text under a shape or picture"
            ground = fill
            break
    pale = min(red, green, blue) >= _PALE
    if ground is None:
        return "text in the colour of the page" if pale else ""
    if ground.colour[3] == _PICTURE:
        return "text in the colour of what is behind it" if pale else ""
    near = max(abs(red - ground.colour[0]), abs(green - ground.colour[1]), abs(blue - ground.colour[2])) < _CLOSE
    return "text in the colour of what is behind it" if near else ""


def _drawn(page: Any, doubtful: list[tuple[_Piece, str]], inks: Inks) -> dict[int, str]:  # noqa: ANN401
    """Return which of the doubtful objects make no difference to the page's picture."""
    if inks.left <= 0:
        return {_address(piece.handle): reason for piece, reason in doubtful if "colour of the page" in reason or "opacity" in reason}
    inks.left -= 1
    width, height = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
    scale = min(1.5, _MOST_PIXELS / max(width, height, 1.0))
    size = max(int(width * scale), 1), max(int(height * scale), 1)
    with_them = _picture(page, size)
    for piece, _ in doubtful:
        pdfium.FPDFPageObj_SetIsActive(piece.handle, 0)
    without = _picture(page, size)
    for piece, _ in doubtful:
        pdfium.FPDFPageObj_SetIsActive(piece.handle, 1)
    return {_address(piece.handle): reason for piece, reason in doubtful if not _differs(page, piece.box, size, with_them, without)}


def _picture(page: Any, size: tuple[int, int]) -> bytes:  # noqa: ANN401 - a handle of PDFium's
    width, height = size
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_Gray, None, 0)
    try:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, pdfium.FPDF_GRAYSCALE)
        stride = pdfium.FPDFBitmap_GetStride(bitmap)
        raw = ctypes.string_at(pdfium.FPDFBitmap_GetBuffer(bitmap), stride * height)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return b"".join(raw[row * stride : row * stride + width] for row in range(height))


def _differs(page: Any, box: Box, size: tuple[int, int], one: bytes, other: bytes) -> bool:  # noqa: ANN401
    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for across, up in ((box[0], box[3]), (box[2], box[1])):
        pdfium.FPDF_PageToDevice(page, 0, 0, size[0], size[1], 0, across, up, ctypes.byref(x), ctypes.byref(y))
        corners.append((x.value, y.value))
    left, right = sorted((corners[0][0], corners[1][0]))
    upper, lower = sorted((corners[0][1], corners[1][1]))
    left, right, upper, lower = max(left - 1, 0), min(right + 2, size[0]), max(upper - 1, 0), min(lower + 2, size[1])
    for row in range(upper, lower):
        a, b = one[row * size[0] + left : row * size[0] + right], other[row * size[0] + left : row * size[0] + right]
        if a != b and any(abs(p - q) >= _INK for p, q in zip(a, b, strict=True)):
            return True
    return False


def _crop(page: Any) -> Box:  # noqa: ANN401 - a handle of PDFium's
    box = pdfium.FS_RECTF()
    if pdfium.FPDF_GetPageBoundingBox(page, ctypes.byref(box)):
        return box.left, box.bottom, box.right, box.top
    return 0.0, 0.0, float(pdfium.FPDF_GetPageWidthF(page)), float(pdfium.FPDF_GetPageHeightF(page))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _address(handle: Any) -> int:  # noqa: ANN401 - a handle of PDFium's
    return int(ctypes.cast(handle, ctypes.c_void_p).value or 0)
