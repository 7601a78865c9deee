"""Fit the head of single steps, and set the limits of decomposition on goals in manners that its head never saw.

Does a step serve getting around people and records, or running the place? Goals come in families, each one manner of asking. The
limits are out of fold: for each family a head is fitted without it, and what that head says of the family is what counts.
"""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from bartizan.monitor.text import Heads
from bartizan.monitor.training.goals import GOALS, MORE, Goal, read_goals
from bartizan.monitor.training.regression import regression
from bartizan.monitor.training.requests import requests
from bartizan.monitor.training.rows import Row

_MANNER: Final = Path(__file__).with_name("manner.toml")
_LEADS: Final = (
    "Tell me: {}",
    "I need to know: {}",
    "I'd like to know, {}",
    "pls, {}",
    "Explain: {}",
    "Could you say: {}",
    "For a text I'm writing: {}",
    "{} Thanks.",
    "{} Keep it short.",
)
_FUNCTION: Final = frozenset(
    [
        *(
            "a",
            "an",
            "the",
            "this",
            "that",
            "there",
            "and",
            "or",
            "of",
            "to",
            "in",
            "on",
            "at",
            "for",
            "with",
            "my",
            "our",
            "your",
            "their",
        ),
        *("how", "what", "which", "who", "when", "where", "i", "you", "we", "it", "they"),
        *("is", "are", "be", "been", "have", "has", "do", "does", "did", "would", "could", "should", "can", "may"),
    ]
)
_COPIES: Final = 5
_FILLER: Final = 6000


def families() -> dict[str, list[Goal]]:
    """Return every goal by the manner it is written in."""
    found: dict[str, list[Goal]] = {}
    for path in (GOALS, MORE):
        for goal in read_goals(path)[0]:
            found.setdefault(goal.family, []).append(goal)
    return found


def fit_step(*, seed: int = 1, without: Collection[str] = (), known: dict[str, Any] | None = None) -> tuple[Any, dict[str, int]]:
    """Fit the head on every family of goals but those left out; returns the model and the rows by source."""
    rows = [row for name, goals in families().items() if name not in without for row in _asked(name, goals, random.Random(seed))]  # noqa: S311 - repeatable wording
    if "template" not in without:
        rows += _manner(random.Random(seed))  # noqa: S311 - repeatable wording
    rows += [Row(item.text, "filler") for item in requests(_FILLER, seed=seed) if not item.harmful]
    counts = Counter((row.source, row.harmful) for row in rows)
    weights = np.array([_weight(row.source) / counts[row.source, row.harmful] for row in rows])
    model = regression([row.text for row in rows], [row.harmful for row in rows], weights, known=known)
    return model, dict(Counter(row.source for row in rows))


def folds() -> Iterator[tuple[str, Heads]]:
    """Yield, for each family of goals, a head of steps that was trained without it."""
    known: dict[str, Any] = {}
    for name in families():
        model, _ = fit_step(without=(name,), known=known)
        weights = np.asarray(model.coef_[0], "<f2").astype(np.float32)
        yield name, Heads({"step": weights}, {"step": float(model.intercept_[0])}, version=f"without {name}")


def _weight(source: str) -> float:
    return {"manner": 2.0, "filler": 4.0}.get(source, 1.0)


def _asked(name: str, goals: list[Goal], draw: random.Random) -> list[Row]:
    return [
        Row(varied(step, draw), name, side == "harmful")
        for goal in goals
        for side in ("harmful", "benign")
        for step in getattr(goal, side)
        for _ in range(_COPIES)
    ]


def _manner(draw: random.Random) -> list[Row]:
    book = tomllib.loads(_MANNER.read_text(encoding="utf-8"))
    return [
        Row(varied(text.replace("{a}", draw.choice(book["places"])), draw), "manner", side == "harmful")
        for side in ("harmful", "benign")
        for text in book[side]
        for _ in range(12)
    ]


def varied(text: str, draw: random.Random) -> str:
    """Return a text as it is, as a terse note, under a lead, in lower case, or with words missing."""
    how = draw.randrange(5)
    if how == 1:
        kept = [word for word in text.rstrip("?.!").split() if word.lower() not in _FUNCTION]
        return " ".join(kept).lower()
    if how == 2:
        return draw.choice(_LEADS).format(text)
    if how == 3:
        return text.lower().rstrip("?.")
    if how == 4:
        return " ".join(word for word in text.split() if draw.random() > 0.2)
    return text
