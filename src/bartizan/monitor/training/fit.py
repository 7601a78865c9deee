"""Fit the monitor's heads: two linear models over the same hashed n-grams, from licensed rows and from made-up text.

``request`` separates a single request for operational harm from look-alikes; ``talk`` separates dialogues that conceal or escalate
towards harm from harmless ones. Needs scikit-learn, which is no dependency of the program.
"""

from __future__ import annotations

import hashlib
import json
import random
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from bartizan.errors import ConfigError
from bartizan.monitor.rows import read_rows
from bartizan.monitor.text.features import BUCKETS, features
from bartizan.monitor.training.goals import read_goals
from bartizan.monitor.training.requests import requests
from bartizan.monitor.training.talks import talks

_SOURCES: Final = Path(__file__).with_name("sources.toml")
_MANNER: Final = Path(__file__).with_name("manner.toml")
_CAP: Final = 1000
_MADE: Final = 10000
_MADE_SHARE: Final = 0.75
_TALKS: Final = 3000
_REST: Final = "background"
VERSION: Final = "1"


class Row(msgspec.Struct, frozen=True):
    """One text to train on."""

    text: str
    source: str
    harmful: bool = False


def guard_rows(folder: Path, *, without: Collection[str] = ()) -> list[Row]:
    """Return the allowed rows of a folder of guard data, at most a cap of each source and label, in a fixed random order."""
    allowed = set(tomllib.loads(_SOURCES.read_text(encoding="utf-8"))["allowed"]) - set(without)
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.glob("*.jsonl.gz")):
        for row in read_rows(path):
            if row["source"] in allowed and row.get("origin", "user") == "user" and row["label"] in _LABELS:
                found.setdefault((row["source"], row["label"]), []).append(row["text"])
    draw = random.Random(5)  # noqa: S311 - a repeatable sample
    rows = []
    for (source, label), texts in sorted(found.items()):
        draw.shuffle(texts)
        rows += [Row(text, source, label != "benign") for text in texts[:_CAP]]
    return rows


_LABELS: Final = frozenset({"benign", "cyber_misuse", "harm_other"})


def dialogue_rows(folder: Path) -> list[list[str]]:
    """Return the user turns of each harmless dialogue of a source whose licence allows training (MT-Bench-101, Apache-2.0)."""
    path = folder / "conversations.jsonl.gz"
    return [
        [turn["content"] for turn in row["turns"] if turn["role"] == "user"]
        for row in (read_rows(path) if path.exists() else ())
        if row["source"] == "MT-Bench-101" and row["label"] == 0
    ]


def fit_request(rows: Sequence[Row], *, extra: Iterable[str] = (), seed: int = 1) -> tuple[Any, dict[str, int]]:
    """Fit the head of single requests; returns the model and the rows by source."""
    made = [Row(item.text, "made", item.harmful) for item in requests(_MADE, seed=seed)]
    rest = [*rows, *(Row(text, "MT-Bench-101") for text in extra)]
    counts = Counter((row.source, row.harmful) for row in rest)
    weights = np.array([1 / np.sqrt(counts[row.source, row.harmful]) for row in rest])
    for side in (True, False):
        mask = np.array([row.harmful is side for row in rest])
        weights[mask] *= (1 - _MADE_SHARE) / 2 * len(rest) / weights[mask].sum()
    every = np.r_[weights, np.full(len(made), _MADE_SHARE * len(rest) / len(made))]
    model = _regression([row.text for row in [*rest, *made]], [row.harmful for row in [*rest, *made]], every)
    return model, dict(Counter(row.source for row in [*rest, *made]))


def fit_talk(rows: Sequence[Row], dialogues: Sequence[Sequence[str]], *, seed: int = 1) -> tuple[Any, dict[str, int]]:
    """Fit the head of whole dialogues (the user's turns, one after the other)."""
    made = [Row(" \n ".join(item.turns), "made", item.harmful) for item in talks(_TALKS, seed=seed)]
    harmless = [Row(" \n ".join(turns), "MT-Bench-101") for turns in dialogues]
    draw = random.Random(seed)  # noqa: S311 - repeatable pairs of texts
    quiet = [row.text for row in rows if not row.harmful and len(row.text) < 400]
    mixed = [Row(" \n ".join(draw.sample(quiet, draw.randint(2, 5))), _REST) for _ in range(_TALKS // 2)]
    loud = [row for row in rows if row.harmful and row.source in _SPOKEN and len(row.text) < 600]
    every = [*made, *harmless, *mixed, *loud]
    counts = Counter((row.source, row.harmful) for row in every)
    weights = np.array([1 / np.sqrt(counts[row.source, row.harmful]) for row in every])
    for side in (True, False):
        mask = np.array([row.harmful is side for row in every])
        weights[mask] *= len(every) / 2 / weights[mask].sum()
    model = _regression([row.text for row in every], [row.harmful for row in every], weights)
    return model, dict(Counter(row.source for row in every))


_SPOKEN: Final = frozenset({"hh-rlhf-harmless", "aegis2", "multijail", "mlc-ailuminate"})


def _regression(texts: Sequence[str], harmful: Sequence[bool], weights: Any) -> Any:  # noqa: ANN401 - numpy in, a scikit-learn model out
    try:
        from sklearn.linear_model import SGDClassifier  # noqa: PLC0415 - only where heads are trained
    except ImportError as error:
        raise ConfigError("training needs scikit-learn", hint="pip install scikit-learn") from error
    rows = matrix(texts)
    # Averaged steps reach the optimum of the logistic loss in a fiftieth of the time of a batch method, and no worse on other sources.
    model = SGDClassifier(loss="log_loss", alpha=_PENALTY / len(texts), max_iter=_EPOCHS, tol=None, average=True, random_state=1)
    return model.fit(rows, np.array(harmful, np.int8), sample_weight=weights / np.mean(weights))


_PENALTY: Final = 1.0
_EPOCHS: Final = 12


def fit_step(*, seed: int = 1, without: Collection[str] = ()) -> tuple[Any, dict[str, int]]:
    """Fit the head of single steps: does a step serve getting around people and records, or running the place?

    The words of a goal are left out (every goal but its own lends its words), so that only the manner of asking counts.
    """
    goals, frames = read_goals()
    draw = random.Random(seed)  # noqa: S311 - repeatable wording
    made = [
        Row(draw.choice(frames).replace("{step}", step), "made", side == "harmful")
        for goal in goals
        if goal.name not in without
        for side in ("harmful", "benign")
        for step in getattr(goal, side)
        for _ in range(3)
    ]
    manner = tomllib.loads(_MANNER.read_text(encoding="utf-8"))
    made += [
        Row(draw.choice(frames).replace("{step}", text.replace("{a}", draw.choice(manner["places"]))), "manner", side == "harmful")
        for side in ("harmful", "benign")
        for text in manner[side]
        for _ in range(12)
    ]
    quiet = [Row(item.text, "filler") for item in requests(2000, seed=seed) if not item.harmful]
    every = [*made, *quiet]
    weights = np.array([1.0 if row.source != "filler" else 0.5 for row in every])
    model = _regression([row.text for row in every], [row.harmful for row in every], weights)
    return model, dict(Counter(row.source for row in every))


def fit_topic(rows: Sequence[Row], *, extra: Iterable[str] = (), seed: int = 1) -> tuple[Any, dict[str, int]]:
    """Fit the head that says whether a request is on a topic that harm and defence share: security, crime, private data."""
    made = [(item.text, item.sensitive, "made") for item in requests(_MADE // 2, seed=seed)]
    rest = [(row.text, row.harmful or row.source in _SECURITY, row.source) for row in rows if row.source not in _MIXED]
    every = [*made, *rest, *((text, False, "MT-Bench-101") for text in extra)]
    counts = Counter((source, sensitive) for _, sensitive, source in every)
    weights = np.array([1 / np.sqrt(counts[source, sensitive]) for _, sensitive, source in every])
    for side in (True, False):
        mask = np.array([sensitive is side for _, sensitive, _ in every])
        weights[mask] *= len(every) / 2 / weights[mask].sum()
    model = _regression([text for text, _, _ in every], [sensitive for _, sensitive, _ in every], weights)
    return model, dict(Counter(source for _, _, source in every))


_SECURITY: Final = frozenset(
    {
        "atc-react",
        "atomic-paired-templates",
        "atomic-red-team",
        "attack-paired-templates",
        "attack-stix",
        "authored-contrastive",
        "d3fend",
        "intercode-ctf",
        "persuasion-paired-templates",
        "sigma-rules",
        "splunk-security-content",
    }
)
_MIXED: Final = frozenset({"neuralchemy/prompt-injection-core", "aegis2", "fabric-patterns", "deepteam-examples"})
"""Sources whose benign rows may be about security or not."""


def matrix(texts: Sequence[str]) -> Any:  # noqa: ANN401 - a scipy matrix
    """Return the features of texts as a sparse matrix."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - only where heads are trained

    found = [features(text) for text in texts]
    ends = np.cumsum([0, *(len(buckets) for buckets, _ in found)])
    return csr_matrix(
        (np.concatenate([weights for _, weights in found]), np.concatenate([buckets for buckets, _ in found]), ends),
        shape=(len(texts), BUCKETS),
    )


def train(guard: Path, monitor: Path, out: Path, *, without: Collection[str] = (), dialogues: bool = True) -> dict[str, Any]:
    """Fit the heads and write them with their card: hash, bias, rows by source, licences and command."""
    rows = guard_rows(guard, without=without)
    spoken = dialogue_rows(monitor) if dialogues else []
    request, first = fit_request(rows, extra=[turn for turns in spoken for turn in turns])
    talk, second = fit_talk(rows, spoken)
    out.mkdir(parents=True, exist_ok=True)
    topic, third = fit_topic(rows, extra=[turn for turns in spoken for turn in turns])
    step, fourth = fit_step()
    models = {"request": request, "talk": talk, "topic": topic, "step": step}
    heads = {name: _write(out / f"{name}.f16", model) for name, model in models.items()}
    allowed = tomllib.loads(_SOURCES.read_text(encoding="utf-8"))["allowed"]
    card = {
        "version": VERSION,
        "heads": heads,
        "rows": {"request": first, "talk": second, "topic": third, "step": fourth},
        "licences": {**allowed, "made": "project own", "MT-Bench-101": "Apache-2.0"},
        "left_out": sorted(without),
        "command": "bartizan monitor train --guard DIR --data DIR --out DIR",
    }
    (out / "heads.json").write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return card


def _write(path: Path, model: Any) -> dict[str, Any]:  # noqa: ANN401 - a scikit-learn model
    raw = model.coef_[0].astype("<f2").tobytes()
    path.write_bytes(raw)
    return {"sha256": hashlib.sha256(raw).hexdigest(), "bias": float(model.intercept_[0])}
