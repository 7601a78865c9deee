"""The text classifiers beside every self-contained peer, in one run, on sources that our weights have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from bartizan.bench.guard_peers import Score, peers
from bartizan.errors import ConfigError
from bartizan.event import Origin
from bartizan.guard.learned import Cascade
from bartizan.guard.rowfile import Row, read_directory
from bartizan.guard.training.evaluate import Evaluation, evaluate, sample

_CUT: Final = 1000
"""Characters of a text that everybody gets, so that no peer's limit decides."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A detector's means over unseen sources."""

    detector: str
    injection: str
    misuse: str
    cpu_ms_p50: float
    cpu_ms_mean: float


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """All detectors on the same rows. ``unseen`` are the sources; ``absent`` the peers that did not run, with the reason."""

    rows: int
    unseen: str
    detectors: tuple[Line, ...]
    sources: tuple[dict[str, Any], ...]
    absent: dict[str, str]


def unseen(rows: Sequence[Row], cascade: Cascade) -> list[Row]:
    """Return the rows whose source no part of the shipped weights was trained on."""
    card = msgspec.json.decode((cascade.heads.weights.directory / "card.json").read_bytes())
    return [row for row in rows if row.source not in card["rows"] and row.label in {"benign", "injection", "cyber_misuse"}]


def measure(data: Path, *, most: int = 300) -> Compared:
    """Compare on at most so many rows of each unseen source, label and origin; raises ConfigError where there is none."""
    cascade = Cascade.load()
    rows = [
        msgspec.structs.replace(row, text=row.text[:_CUT])
        for row in sample(unseen(read_directory(data), cascade), most)
        if row.origin == "user"
    ]
    if not any(row.label == "injection" for row in rows) or not any(row.label == "benign" for row in rows):
        raise ConfigError(
            "no source with attacks, or none with benign rows, is unseen by the shipped weights",
            source=str(data),
            hint="bring other sources",
        )
    linear = cascade.heads.linear
    found = [
        evaluate("bartizan, cascade", lambda row: _ours(cascade, row), rows),
        evaluate("bartizan, linear stage", lambda row: {"injection": (s := linear(row.text)).injection, "misuse": s.misuse}, rows),
    ]
    absent: dict[str, str] = {}
    for peer in peers():
        if peer.score is None:
            absent[peer.name] = peer.reason
        else:
            found.append(_peer(peer.name, peer.score, rows))
    return Compared(
        rows=len(rows),
        unseen=", ".join(sorted({row.source for row in rows})),
        detectors=tuple(_line(one) for one in found),
        sources=tuple({"detector": one.detector, **msgspec.to_builtins(source)} for one in found[:1] for source in one.sources),
        absent=absent,
    )


def _ours(cascade: Cascade, row: Row) -> Mapping[str, float]:
    scores = cascade.score(row.text, origin=cast("Origin", row.origin))
    return {"injection": scores.injection, "misuse": scores.misuse}


def _peer(name: str, score: Score, rows: Sequence[Row]) -> Evaluation:
    return evaluate(name, lambda row: {"injection": score(row.text)}, rows)


def _line(found: Evaluation) -> Line:
    return Line(
        detector=found.detector,
        injection=found.means.get("injection", ""),
        misuse=found.means.get("misuse", ""),
        cpu_ms_p50=found.cpu_ms_p50,
        cpu_ms_mean=found.cpu_ms_mean,
    )
