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
from bartizan.workbench.triage.sigma.correlate import CorrelationMatch, Correlator, names_of
from bartizan.workbench.triage.sigma.engine import Engine
from bartizan.workbench.triage.sigma.flat import flat, is_flat
from bartizan.workbench.triage.sigma.logsource import shipped_names

_LONGEST: Final = 16 << 20


class Tally(msgspec.Struct, kw_only=True):
    """What came of a file: rows read, rows that are no JSON object, rows that match, and matches by rule id.

    For correlations: matching rows without a time, later than the lateness allows, and beyond the bound of what windows hold.
    """

    rows: int = 0
    malformed: int = 0
    matched: int = 0
    untimed: int = 0
    late: int = 0
    over_limit: int = 0
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


def score(engine: Engine, source: Path, out: BinaryIO, *, lateness_s: float = 300.0) -> Tally:
    """Judge every row of a file and write ``{"i", "rules"}`` for those that match, in their order.

    A row is an event, or an object with a list ``events`` (as in SigmaHQ's regression data): then the rules that match any of them.
    A row that is no JSON object is counted and matches nothing. A correlation stands at the newest row of the window in which it
    began to hold; with correlations in the pack, lines are written when the file has ended.
    """
    tally = Tally()
    joined = _Joined(engine, lateness_s) if engine.correlations else None
    encode = msgspec.json.Encoder().encode
    for number, line in enumerate(lines(source)):
        tally.rows += 1
        found = _row(engine, line, tally, joined)
        if not found:
            continue
        if joined is not None:
            joined.rows.setdefault(number, []).extend(found)
        else:
            _count(tally, found)
            out.write(encode(_Line(number, found)) + b"\n")
    for number, rules in joined.ended(tally) if joined is not None else ():
        _count(tally, rules)
        out.write(encode(_Line(number, rules)) + b"\n")
    return tally


def _count(tally: Tally, found: tuple[str, ...]) -> None:
    tally.matched += 1
    for rule in found:
        tally.rules[rule] = tally.rules.get(rule, 0) + 1


class _Joined:
    """Rows that matched, and what correlations make of them."""

    def __init__(self, engine: Engine, lateness_s: float) -> None:
        self.rows: dict[int, list[str]] = {}
        self._engine = engine
        self._names = shipped_names()
        abouts = [*engine.rules, *(one.about for one in engine.correlations)]
        self._correlator = Correlator(engine.correlations, lateness_s=lateness_s, names=names_of(abouts))
        self._silent = engine.silent_correlations

    def feed(self, number: int, event: dict[str, object], hits: tuple[int, ...], tally: Tally) -> None:
        at = self._names.at(event)
        if at is None:
            tally.untimed += 1
            return
        self._put(self._correlator.feed(at, f"{number:012}", [self._engine.rules[one].id for one in hits], event))

    def ended(self, tally: Tally) -> list[tuple[int, tuple[str, ...]]]:
        self._put(self._correlator.finish())
        tally.late, tally.over_limit = self._correlator.dropped.late, self._correlator.dropped.over_limit
        return [(number, tuple(dict.fromkeys(rules))) for number, rules in sorted(self.rows.items())]

    def _put(self, matches: list[CorrelationMatch]) -> None:
        for match in matches:
            if match.rule not in self._silent:
                self.rows.setdefault(max(int(record) for record in match.records), []).append(match.rule)


def _row(engine: Engine, line: bytes, tally: Tally, joined: _Joined | None) -> tuple[str, ...]:
    try:
        event = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        event = None
    if not isinstance(event, dict):
        tally.malformed += 1
        return ()
    if "events" in event and isinstance(event["events"], list) and all(isinstance(one, dict) for one in event["events"]):
        found = [engine.match(one) for one in event["events"]]
        return tuple(dict.fromkeys(rule for one in found for rule in one))
    if not is_flat(event):
        event, line = flat(event), b""
    hits = engine.hits(event, None, line)
    if joined is not None and hits:
        joined.feed(tally.rows - 1, event, hits, tally)
    return engine.reported(hits)
