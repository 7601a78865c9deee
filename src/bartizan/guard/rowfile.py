"""Files of labelled texts, read strictly: ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst`` and ``.csv.xz``."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
import zstandard

from bartizan.errors import ConfigError

_MOST_LINE: Final = 16 << 20


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One text with its label. ``context`` is the operator's prompt where the row has one."""

    text: str
    label: str = ""
    source: str = ""
    origin: str = "user"
    category: str | None = ""
    context: str | None = ""
    pair: str = ""
    """Rows of one pair say the same about the same thing, with another intent."""


def read_rows(path: Path) -> Iterator[Row]:
    """Read rows from ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst`` or ``.csv.xz``; raises ConfigError with the line that is wrong."""
    number = 0
    try:
        with _open(path) as stream:
            for record in _records(path, stream):
                number += 1
                if record is not None:
                    yield record
    except (msgspec.MsgspecError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"this is no row: {error}", source=str(path), line=number + 1, hint="rows have a field text") from error
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ConfigError(f"reading rows: {error}", source=str(path)) from error


def _records(path: Path, stream: BinaryIO) -> Iterator[Row | None]:
    if path.name.endswith((".csv.xz", ".csv")):
        for record in csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline="")):
            yield msgspec.convert({name: value for name, value in record.items() if name and value is not None}, Row)
        return
    for line in iter(lambda: stream.readline(_MOST_LINE), b""):
        if len(line) == _MOST_LINE:
            raise csv.Error("the line is too long")
        yield msgspec.json.decode(line, type=Row) if line.strip() else None


def read_directory(directory: Path) -> list[Row]:
    """Read every file of rows in a directory, in the order of names."""
    paths = [path for path in sorted(directory.iterdir()) if path.name.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv.xz"))]
    if not paths:
        raise ConfigError("there are no files of rows", source=str(directory), hint="files end in .jsonl, .jsonl.gz, .jsonl.zst or .csv.xz")
    return [row for path in paths for row in read_rows(path)]


def _open(path: Path) -> BinaryIO:
    name = path.name
    if name.endswith(".gz"):
        return cast("BinaryIO", gzip.open(path, "rb"))
    if name.endswith(".xz"):
        return cast("BinaryIO", lzma.open(path, "rb"))
    if name.endswith(".zst"):
        return cast("BinaryIO", io.BufferedReader(zstandard.open(path, "rb")))
    return path.open("rb")
