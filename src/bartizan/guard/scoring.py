"""Judge files of rows and say what each tier would do: what ``bartizan guard score`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args

import msgspec

from bartizan.errors import ConfigError
from bartizan.event import Action, Origin, Tier
from bartizan.guard.decision import Limits, decide
from bartizan.guard.judged import as_scores, limits_of
from bartizan.guard.learned import Cascade, Scores
from bartizan.guard.rowfile import Row, read_rows

Rows = Mapping[Tier, Mapping[str, Action]]
_ORIGINS = get_args(Origin)


def score_file(source: Path, target: Path, *, actions: Rows, origin: Origin | None = None, directory: Path | None = None) -> int:
    """Write a line of scores for each row, in order; returns how many. ``origin`` overrides what rows say themselves."""
    cascade = Cascade.load(directory)
    limits = limits_of(cascade.heads, stage=cascade.stage)
    count = 0
    try:
        with target.open("wb") as out:
            for row in read_rows(source):
                where = origin or _origin(row)
                scores = cascade.score(row.text, origin=where)
                out.write(msgspec.json.encode(_line(count, scores, decisions(scores, actions, limits=limits, origin=where))) + b"\n")
                count += 1
    except OSError as error:
        raise ConfigError(f"writing scores: {error}", source=str(target)) from error
    return count


def decisions(scores: Scores, actions: Rows, *, limits: Limits, origin: Origin) -> dict[str, Action]:
    """Return for each tier what the policy's rows say about scores."""
    said = as_scores(scores, origin)
    return {tier.value: decide(said, tier, actions[tier], limits=limits).action for tier in Tier}


def _line(number: int, scores: Scores, decision: dict[str, Action]) -> dict[str, object]:
    return {
        "i": number,
        "injection": round(scores.injection, 6),
        "misuse": round(scores.misuse, 6),
        "prohibited": round(scores.prohibited, 6),
        "topic": scores.topic,
        "decision": decision,
        "stage": scores.stage,
    }


def scored_rows(source: Path, cascade: Cascade, origin: Origin | None = None) -> Iterator[tuple[Row, Scores]]:
    """Yield each row of a file with its scores."""
    for row in read_rows(source):
        yield row, cascade.score(row.text, origin=origin or _origin(row))


def _origin(row: Row) -> Origin:
    return cast("Origin", row.origin) if row.origin in _ORIGINS else "user"
