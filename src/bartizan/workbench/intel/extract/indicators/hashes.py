"""Hashes by length and label, and those that a page broke over lines, put together again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bartizan.workbench.intel.extract.budget import Budget
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.plain import pattern

_KINDS: Final = {32: "md5", 40: "sha1", 56: "sha224", 62: "jarm", 64: "sha256", 96: "sha384", 128: "sha512"}
_JOINABLE: Final = frozenset({32, 40, 64, 96, 128})
_runs = pattern(r"[0-9a-f]{32,}")
_break: Final = r"-?[ \t|]{0,16}\r?\n[ \t|]{0,32}"
_broken = pattern(
    rf"[0-9a-f]{{16,}}{_break}[0-9a-f]{{2,}}(?:{_break}[0-9a-f]{{4,}})?(?:{_break}[0-9a-f]{{4,}})?|"
    rf"[0-9a-f]{{2,15}}{_break}[0-9a-f]{{16,}}(?:{_break}[0-9a-f]{{4,}})?"
)
_pieces = pattern(r"[0-9a-f]+")
_label = pattern(
    r"(sha-?512|sha-?384|sha-?256|sha-?224|sha-?1|md-?5|imphash|import hash|ja3s|ja3|vhash|authentihash|pehash|thumbprint|serial)"
    r"[^a-z0-9\n]{0,12}(?:hash|hashes|sum)?[^a-z0-9]{0,12}$"
)
_LABELLED: Final = {
    "imphash": "imphash",
    "import hash": "imphash",
    "ja3": "ja3",
    "ja3s": "ja3s",
    "pehash": "pehash",
    "authentihash": "authentihash",
}
_NEAR: Final = 40
_WORD: Final = frozenset(b"ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ0123456789abcdefABCDEF_\xff")


def hashes(data: bytes, budget: Budget) -> Iterator[Mention]:
    """Yield whole hashes; a run of another length is none."""
    for match in budget.take(_runs.finditer(data), "hashes"):
        start, end = match.span()
        kind = _KINDS.get(end - start)
        if kind is None or not _stands_alone(data, start, end):
            continue
        raw = data[start:end]
        yield _mention(data, raw.decode().lower(), kind, start, end, ())


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    before = data[start - 1] if start else 32
    after = data[end] if end < len(data) else 32
    return before not in _WORD and after not in _WORD


def _mention(data: bytes, value: str, kind: str, start: int, end: int, notes: tuple[str, ...]) -> Mention:
    label = _label_before(data, start)
    if kind == "md5" and label in _LABELLED and label != "authentihash":
        kind = _LABELLED[label]
    elif kind == "sha256" and label == "authentihash":
        kind = label
    elif label in {"thumbprint", "serial"}:
        kind = "certificate"
    aside = "" if _is_random(value) else "the same few digits again and again"
    return Mention(kind, value, start, end, notes=notes, aside=aside)


def _is_random(value: str) -> bool:
    return len(set(value)) >= 6


def _label_before(data: bytes, start: int) -> str:
    found = _label.search(data[max(0, start - _NEAR) : start].lower())
    return str(found.group(1).decode()) if found else ""


def rejoined(data: bytes, budget: Budget) -> Iterator[Mention]:
    """Yield hashes that run on over one to three line ends."""
    for match in budget.take(_broken.finditer(data), "broken hashes", 2):
        start, end = match.span()
        pieces = [(start + found.start(), start + found.end()) for found in _pieces.finditer(data[start:end])]
        joined = _join(data, pieces)
        if joined is not None:
            yield joined


def _join(data: bytes, pieces: list[tuple[int, int]]) -> Mention | None:
    """Take the longest run of pieces that makes a hash, from the first piece on; else from the second."""
    for first in range(len(pieces) - 1):
        for last in range(len(pieces), first + 1, -1):
            part = pieces[first:last]
            start, end = part[0][0], part[-1][1]
            kind = _fits(data, part)
            if kind and _stands_alone(data, start, end):
                value = b"".join(data[begin:finish] for begin, finish in part).decode().lower()
                return _mention(data, value, kind, start, end, (f"put together from {len(part)} lines",))
    return None


def _fits(data: bytes, part: list[tuple[int, int]]) -> str:
    sizes = [end - start for start, end in part]
    total = sum(sizes)
    if total not in _JOINABLE:
        return ""
    label = _label_before(data, part[0][0]).replace("-", "")
    if all(size in _KINDS for size in sizes) and label != _KINDS[total]:
        return ""
    if sizes[0] in _KINDS and (label == _KINDS[sizes[0]] or data[part[1][0] : part[1][1]].isdigit()):
        return ""
    text = b"".join(data[start:end] for start, end in part)
    mixed = any(48 <= byte <= 57 for byte in text) and any(byte > 57 for byte in text)
    cased = not (any(97 <= byte <= 102 for byte in text) and any(65 <= byte <= 70 for byte in text))
    return _KINDS[total] if mixed and cased else ""
