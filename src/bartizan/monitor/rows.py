"""Rows of JSON from files as they come: plain, gzip, zstandard, or CSV under xz; with limits, since they come from outside."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec
import zstandard

from bartizan.errors import ConfigError

MAX_LINE: Final = 8 << 20
"""Bytes of one row at most."""
MAX_ROWS: Final = 20_000_000

_DECODE: Final = msgspec.json.Decoder(dict[str, Any]).decode


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file in order; raises ConfigError that names file and line when one is not an object or too long."""
    try:
        with _opened(path) as stream:
            yield from _csv(path, stream) if path.name.endswith(".csv.xz") else _json(path, stream)
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ConfigError(f"cannot read: {error}", source=str(path), hint="give a .jsonl, .jsonl.gz, .jsonl.zst or .csv.xz file") from error


def _opened(path: Path) -> IO[bytes]:
    name = path.name
    if name.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if name.endswith(".zst"):
        return io.BufferedReader(zstandard.open(path, "rb"))
    if name.endswith(".xz"):
        return lzma.open(path, "rb")
    return path.open("rb")


def _json(path: Path, stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    for number in range(1, MAX_ROWS):
        line = stream.readline(MAX_LINE + 1)
        if not line:
            return
        if len(line) > MAX_LINE:
            raise ConfigError(f"a row is longer than {MAX_LINE} bytes", source=str(path), line=number)
        if not line.strip():
            continue
        try:
            yield _object(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ConfigError(f"not a JSON object: {error}", source=str(path), line=number) from error


def _object(line: bytes) -> dict[str, Any]:
    try:
        return _DECODE(line)
    except msgspec.MsgspecError:
        # Halves of surrogate pairs are no text and yet common in scraped rows; the standard library reads them.
        value = json.loads(line, parse_constant=_no_number)
        if not isinstance(value, dict):
            raise
        return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _csv(path: Path, stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
    try:
        yield from csv.DictReader(text)
    except csv.Error as error:
        raise ConfigError(f"not CSV: {error}", source=str(path)) from error
