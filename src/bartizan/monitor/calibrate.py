"""Make a calibration from labelled material: account streams and conversations in the form that ``score`` reads.

Only rows of harmless accounts (``account_label`` 0) and conversations (``label`` 0) count; abusers are read for the report alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bartizan.errors import ConfigError
from bartizan.monitor.account import EventModel, read
from bartizan.monitor.calibration import (
    BUDGETS,
    SHARES,
    Calibration,
    TalkModel,
    digest,
    event_model,
    steady_of,
    tails_of,
    threshold,
)
from bartizan.monitor.conversation import read_talk
from bartizan.monitor.nulls import Tail
from bartizan.monitor.population import Event, Scorer, by_account, events_of, score_accounts, states
from bartizan.monitor.rows import read_rows
from bartizan.monitor.score import found, turns_of
from bartizan.monitor.talkmodel import WEIGHTS, talk_score
from bartizan.monitor.text import Heads

VERSION = "1"
TALK_BUDGET = 0.01


def calibrate(folder: Path, heads: Heads) -> Calibration:
    """Return the calibration of a folder's harmless rows; raises ConfigError when there are too few."""
    streams, talks = found(folder, "account_streams"), found(folder, "conversations")
    if streams is None or talks is None:
        raise ConfigError(f"{folder} does not hold both account_streams and conversations")
    rows = list(read_rows(streams))
    harmless = {str(row.get("account")) for row in rows if row.get("account_label") == 0}
    grouped = by_account(events_of(rows, Scorer(heads)))
    quiet = [item for account in harmless for item in grouped[account]]
    model = event_model([item.score for item in quiet if not item.topic], [item.score for item in quiet if item.topic])
    tails = _tails(grouped, harmless, model)
    scored, groups = score_accounts(grouped, model, tails, SHARES)
    scores = [item.score for item in scored if item.account in harmless]
    false = [group.score for group in groups if sum(account in harmless for account in group.accounts) * 2 > len(group.accounts)]
    talk = _talk(talks, heads)
    return Calibration(
        version=VERSION,
        heads=heads.version,
        events=model,
        tails=tails,
        shares=dict(SHARES),
        accounts={tier.value: threshold(scores, budget) for tier, budget in BUDGETS.items()},
        steady=steady_of([item.score for item in scored]),
        campaigns=max([*false, 1.0]),
        talk=talk.model,
        provenance={
            "command": "bartizan monitor calibrate --data DIR --out FILE",
            "files": digest(streams, talks),
            "harmless": {"accounts": len(harmless), "exchanges": len(quiet), "conversations": talk.count},
            "budgets": {tier.value: budget for tier, budget in BUDGETS.items()} | {"conversations": TALK_BUDGET},
        },
    )


class _Talks:
    def __init__(self, model: TalkModel, count: int) -> None:
        self.model = model
        self.count = count


def _talk(path: Path, heads: Heads) -> _Talks:
    model = TalkModel(weights=dict(WEIGHTS), bias=0.0, threshold=0.0)
    scores = [talk_score(read_talk(turns_of(row), heads), model) for row in read_rows(path) if row.get("label") == 0]
    if len(scores) < 200:
        raise ConfigError(f"cannot calibrate on {len(scores)} harmless conversations", hint="200 are needed")
    limit = threshold(scores, TALK_BUDGET)
    return _Talks(TalkModel(weights=dict(WEIGHTS), bias=0.0, threshold=limit), len(scores))


def _tails(grouped: Mapping[str, Sequence[Event]], harmless: set[str], model: EventModel) -> dict[str, Tail]:
    folded = states({account: items for account, items in grouped.items() if account in harmless}, model)
    return tails_of([read(state, model, {}) for state in folded.values()])


def report(rows: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the share flagged by kind of account."""
    kinds = {str(row.get("account")): str(row.get("kind")) for row in rows}
    found_by: dict[str, list[bool]] = {}
    for line in lines:
        if "account" in line:
            found_by.setdefault(kinds.get(str(line["account"]), ""), []).append(bool(line["flagged"]))
    return {kind: round(sum(flags) / len(flags), 4) for kind, flags in sorted(found_by.items())}
