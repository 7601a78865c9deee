"""Score a folder of recorded traffic: account streams, conversations or both, in the form that docs/monitor.md describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bartizan.errors import ConfigError
from bartizan.event import Tier
from bartizan.monitor.calibration import Calibration, shifted
from bartizan.monitor.conversation import read_talk
from bartizan.monitor.population import Scorer, by_account, calibrated, events_of
from bartizan.monitor.rows import read_rows
from bartizan.monitor.talkmodel import talk_score
from bartizan.monitor.text import Heads

ENDINGS: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv.xz")


def found(folder: Path, name: str) -> Path | None:
    """Return the file of a name in a folder whatever its packing, None if there is none."""
    return next((path for ending in ENDINGS if (path := folder / f"{name}{ending}").exists()), None)


def score(folder: Path, heads: Heads, calibration: Calibration) -> Iterator[dict[str, Any]]:
    """Yield one object an account, a conversation and a campaign; raises ConfigError when the folder holds neither file."""
    if calibration.heads != heads.version:
        raise ConfigError(
            f"the calibration is for heads {calibration.heads}, these are {heads.version}", hint="run bartizan monitor calibrate"
        )
    streams, talks = found(folder, "account_streams"), found(folder, "conversations")
    if streams is None and talks is None:
        raise ConfigError(f"{folder} holds neither account_streams nor conversations", hint=f"as {', '.join(ENDINGS)}")
    if streams is not None:
        yield from _streams(streams, heads, calibration)
    if talks is not None:
        yield from _talks(talks, heads, calibration)


def _streams(path: Path, heads: Heads, calibration: Calibration) -> Iterator[dict[str, Any]]:
    grouped = by_account(events_of(read_rows(path), Scorer(heads)))
    accounts, campaigns = calibrated(grouped, calibration)
    factor = shifted([item.score for item in accounts], calibration)
    limit = calibration.accounts[Tier.PUBLIC.value]
    for item in accounts:
        value = item.score * factor
        yield {"account": item.account, "score": round(value, 6), "flagged": value > limit, "case": list(item.case)}
    for group in campaigns:
        value = group.score * factor
        yield {"campaign": list(group.accounts), "score": round(value, 6), "flagged": value > calibration.campaigns}


def _talks(path: Path, heads: Heads, calibration: Calibration) -> Iterator[dict[str, Any]]:
    for row in read_rows(path):
        value = talk_score(read_talk(turns_of(row), heads), calibration.talk)
        yield {"id": row.get("id"), "score": round(value, 6), "flagged": value > calibration.talk.threshold}


def turns_of(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (role, text) of a row's turns; whatever is no turn is left out."""
    turns = row.get("turns")
    if not isinstance(turns, list):
        return []
    return [(str(turn.get("role") or ""), str(turn.get("content") or "")) for turn in turns if isinstance(turn, dict)]
