"""Rows of text from a file in the forms that data sets come in, and the lines that ``bartizan intel extract`` writes about them."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import zstandard

from bartizan.errors import BartizanError
from bartizan.workbench.intel.extract.attack import Catalogue
from bartizan.workbench.intel.extract.everything import extract
from bartizan.workbench.intel.extract.found import Extraction

_LONGEST: Final = 64 << 20
_STATEMENT: Final = 1200
"""Characters of a text that can be one statement."""
_FOLDED: Final = frozenset({"host", "email", "cve", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One text. ``doc`` names the document that it is a piece of, where the file says so."""

    text: str
    doc: str = ""
    doc_title: str = ""


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of a ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst`` or ``.csv.xz`` file; each needs a column ``text``.

    Raises:
        BartizanError: The file can't be read, or a row has no text; it says which.
    """
    for number, record in enumerate(rows_of(path)):
        yield _row(path, number, record)


def _row(path: Path, number: int, record: dict[str, Any]) -> Row:
    try:
        return msgspec.convert(record, Row)
    except msgspec.ValidationError as error:
        raise BartizanError(f"{path}: row {number}: {error}", hint="each row needs a text") from error


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file as they are.

    Raises:
        BartizanError: The file can't be read, or a line of it is no row; it says which.
    """
    number = 0
    try:
        with _open(path) as lines:
            rows = csv.DictReader(lines) if ".csv" in path.suffixes else _objects(lines)
            for row in rows:
                yield {str(key): value for key, value in row.items() if value is not None}
                number += 1
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zstandard.ZstdError, csv.Error, msgspec.MsgspecError) as error:
        raise BartizanError(f"{path}: row {number}: {error}", hint="each row is a JSON object, or a line of CSV, with a text") from error


def _objects(lines: IO[str]) -> Iterator[dict[str, Any]]:
    for line in iter(lambda: lines.readline(_LONGEST), ""):
        yield msgspec.json.decode(line, type=dict[str, Any])


def _open(path: Path) -> IO[str]:
    match path.suffix:
        case ".gz":
            return gzip.open(path, "rt", encoding="utf-8")
        case ".xz":
            return lzma.open(path, "rt", encoding="utf-8", newline="")
        case ".zst":
            return io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True), encoding="utf-8")
        case _:
            return path.open(encoding="utf-8")


def results(rows: Iterator[Row], attack: Catalogue | None = None) -> Iterator[dict[str, Any]]:
    """Yield one result for each row, in order.

    A row that is no piece of a document (it names no ``doc``) and holds one statement is taken as one that somebody wants mapped.
    """
    for number, row in enumerate(rows):
        asked = not row.doc and len(row.text) <= _STATEMENT and "\n" not in row.text.strip()
        yield line(number, extract(row.text, attack=attack, asked=asked))


def write(rows: Iterator[Row], out: IO[bytes], attack: Catalogue | None = None) -> int:
    """Write results as JSON lines; return how many."""
    count = 0
    for result in results(rows, attack):
        out.write(msgspec.json.encode(result) + b"\n")
        count += 1
    return count


def line(number: int, found: Extraction) -> dict[str, Any]:
    """Return what is printed about one row. Values whose letter case says nothing are in lower case, so that they can be compared."""
    return {
        "i": number,
        "indicators": [
            {
                "kind": one.kind,
                "value": one.value.lower() if one.kind in _FOLDED else one.value,
                "start": one.start,
                "end": one.end,
                "tier": one.tier,
            }
            for one in found.indicators
        ],
        "techniques": [
            {"id": one.id, "p": round(one.p, 4), "start": one.start, "end": one.end, "how": one.how} for one in found.techniques
        ],
        "entities": [{"name": one.quote, "kind": one.kind, "id": one.id, "start": one.start, "end": one.end} for one in found.entities],
    }
