"""Rows of flattened events out of files, and the lines that ``bartizan triage sigma`` writes about them."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
import zstandard

from bartizan.errors import ConfigError
from bartizan.workbench.triage.sigma.engine import Engine
from bartizan.workbench.triage.sigma.flat import flat

_LONGEST: Final = 16 << 20
_NESTED: Final = frozenset((dict, list))


class Tally(msgspec.Struct, kw_only=True):
    """What came of a file: rows read, rows that are no JSON object, rows that match, and matches by rule id."""

    rows: int = 0
    malformed: int = 0
    matched: int = 0
    rules: dict[str, int] = {}


class _Line(msgspec.Struct, frozen=True):
    i: int
    rules: tuple[str, ...]


def lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst`` or ``.jsonl.xz`` file.

    Raises:
        ConfigError: the file can't be read, or a line is longer than 16 MB; it says which.
    """
    number = 0
    try:
        with _open(path) as stream:
            for line in stream:
                number += 1
                if len(line) > _LONGEST:
                    raise ConfigError("a line of more than 16 MB", source=str(path), line=number)
                yield line
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ConfigError(f"reading events: {error}", source=str(path), line=number + 1) from error


def _open(path: Path) -> BinaryIO:
    match path.suffix:
        case ".gz":
            return cast("BinaryIO", gzip.open(path, "rb"))
        case ".xz":
            return cast("BinaryIO", lzma.open(path, "rb"))
        case ".zst":
            stream = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
            return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", stream), 1 << 20))
        case _:
            return path.open("rb")


def score(engine: Engine, source: Path, out: BinaryIO) -> Tally:
    """Judge every row of a file and write ``{"i", "rules"}`` for those that match, in their order.

    A row is an event, or an object with a list ``events`` (as in SigmaHQ's regression data): then the rules that match any of them.
    A row that is no JSON object is counted and matches nothing.
    """
    tally = Tally()
    encode = msgspec.json.Encoder().encode
    for number, line in enumerate(lines(source)):
        tally.rows += 1
        found = _row(engine, line, tally)
        if found:
            tally.matched += 1
            for rule in found:
                tally.rules[rule] = tally.rules.get(rule, 0) + 1
            out.write(encode(_Line(number, found)) + b"\n")
    return tally


def _row(engine: Engine, line: bytes, tally: Tally) -> tuple[str, ...]:
    try:
        event = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        event = None
    if not isinstance(event, dict):
        tally.malformed += 1
        return ()
    if "events" in event and isinstance(event["events"], list) and all(isinstance(one, dict) for one in event["events"]):
        found = [engine.match(flat(one)) for one in event["events"]]
        return tuple(dict.fromkeys(rule for one in found for rule in one))
    if not _NESTED.isdisjoint(map(type, event.values())):
        return engine.match(flat(event))
    return engine.reported(engine.hits(event, None, line))
