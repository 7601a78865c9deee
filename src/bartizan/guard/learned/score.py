"""Judge files of rows: what ``bartizan guard score`` writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from bartizan.errors import ConfigError
from bartizan.event import Origin
from bartizan.guard.learned.cascade import Cascade
from bartizan.guard.learned.decide import decisions
from bartizan.guard.rowfile import Row, read_rows

_ORIGINS = get_args(Origin)


def score_file(source: Path, target: Path, *, origin: Origin | None = None, directory: Path | None = None) -> int:
    """Write a line of scores for each row, in order; returns how many. ``origin`` overrides what rows say themselves."""
    cascade = Cascade.load(directory)
    count = 0
    try:
        with target.open("wb") as out:
            for line in _lines(cascade, source, origin):
                out.write(line)
                count += 1
    except OSError as error:
        raise ConfigError(f"writing scores: {error}", source=str(target)) from error
    return count


def _lines(cascade: Cascade, source: Path, origin: Origin | None) -> Iterator[bytes]:
    for number, row in enumerate(read_rows(source)):
        where = origin or _origin(row)
        scores = cascade.score(row.text, origin=where)
        found = {
            "i": number,
            "injection": round(scores.injection, 6),
            "misuse": round(scores.misuse, 6),
            "topic": scores.topic,
            "decision": decisions(cascade.heads, scores, origin=where),
        }
        yield msgspec.json.encode(found) + b"\n"


def _origin(row: Row) -> Origin:
    return row.origin if row.origin in _ORIGINS else "user"  # type: ignore[return-value]  # it is one of them
