"""Recall by kind of account and by source of conversation, at the shipped operating point and at exactly 1 % of harmless ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from bartizan.bench.monitor.decomposition import interval
from bartizan.monitor.calibration import load as load_calibration
from bartizan.monitor.calibration import threshold
from bartizan.monitor.rows import read_rows
from bartizan.monitor.score import found, score
from bartizan.monitor.text import load

_BUDGET = 0.01
_MEMBERS = 3


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One group: how many were flagged at the shipped threshold, and at the one that flags 1 % of the harmless ones here."""

    group: str
    count: int
    flagged: float
    flagged_from: float
    flagged_to: float
    at_one_percent: float


def recall(folder: Path) -> list[Share]:
    """Score a labelled folder; groups are kinds of account, campaigns, and sources of conversations."""
    lines = list(score(folder, load(), load_calibration()))
    return [*_accounts(folder, lines), *_talks(folder, lines)]


def _accounts(folder: Path, lines: list[dict[str, object]]) -> list[Share]:
    path = found(folder, "account_streams")
    if path is None:
        return []
    rows = {str(row["account"]): row for row in read_rows(path)}
    scored = [(str(line["account"]), float(str(line["score"])), bool(line["flagged"])) for line in lines if "account" in line]
    limit = threshold([value for account, value, _ in scored if rows[account]["account_label"] == 0], _BUDGET)
    groups: dict[str, list[tuple[bool, bool]]] = {}
    members: dict[str, Counter[str]] = {}
    for account, value, flagged in scored:
        row = rows[account]
        groups.setdefault(f"account {row['kind']}", []).append((flagged, value > limit))
        if row.get("campaign"):
            members.setdefault(str(row["campaign"]), Counter()).update(shipped=int(flagged), exact=int(value > limit))
    if members:
        groups["campaign, three or more members"] = [
            (count["shipped"] >= _MEMBERS, count["exact"] >= _MEMBERS) for count in members.values()
        ]
    return [_share(name, flags) for name, flags in sorted(groups.items())]


def _talks(folder: Path, lines: list[dict[str, object]]) -> list[Share]:
    path = found(folder, "conversations")
    if path is None:
        return []
    rows = list(read_rows(path))
    scored = [(float(str(line["score"])), bool(line["flagged"])) for line in lines if "id" in line]
    limit = threshold([value for row, (value, _) in zip(rows, scored, strict=True) if row["label"] == 0], _BUDGET)
    groups: dict[str, list[tuple[bool, bool]]] = {}
    for row, (value, flagged) in zip(rows, scored, strict=True):
        groups.setdefault(f"conversation {row['source']}", []).append((flagged, value > limit))
    return [_share(name, flags) for name, flags in sorted(groups.items())]


def _share(name: str, flags: list[tuple[bool, bool]]) -> Share:
    hits = sum(flagged for flagged, _ in flags)
    low, high = interval(hits, len(flags))
    return Share(
        group=name,
        count=len(flags),
        flagged=round(hits / len(flags), 4),
        flagged_from=round(low, 3),
        flagged_to=round(high, 3),
        at_one_percent=round(sum(exact for _, exact in flags) / len(flags), 4),
    )
