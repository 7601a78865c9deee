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

import numpy as np

from bartizan.monitor.rows import read_rows
from bartizan.monitor.training.regression import regression
from bartizan.monitor.training.requests import requests
from bartizan.monitor.training.rows import Row
from bartizan.monitor.training.steps import fit_step
from bartizan.monitor.training.talks import talks

_SOURCES: Final = Path(__file__).with_name("sources.toml")
_CAP: Final = 1000
_MADE: Final = 10000
_MADE_SHARE: Final = 0.75
_TALKS: Final = 3000
_REST: Final = "background"
VERSION: Final = "1"


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
    model = regression([row.text for row in [*rest, *made]], [row.harmful for row in [*rest, *made]], every)
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
    model = regression([row.text for row in every], [row.harmful for row in every], weights)
    return model, dict(Counter(row.source for row in every))


_SPOKEN: Final = frozenset({"hh-rlhf-harmless", "aegis2", "multijail", "mlc-ailuminate"})


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
    model = regression([text for text, _, _ in every], [sensitive for _, sensitive, _ in every], weights)
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
    options = [*(f"--without {name}" for name in sorted(without)), *(() if dialogues else ("--no-dialogues",))]
    card = {
        "version": VERSION,
        "heads": heads,
        "rows": {"request": first, "talk": second, "topic": third, "step": fourth},
        "licences": {**{name: licence for name, licence in allowed.items() if name in first}, **_OWN},
        "left_out": sorted(without),
        "dialogues": dialogues,
        "command": " ".join(["bartizan monitor train --guard DIR --data DIR --out DIR", *options]),
    }
    (out / "heads.json").write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return card


_OWN: Final = {
    "made": "project own",
    "manner": "project own",
    **dict.fromkeys(("template", "terse", "personal", "command", "office", "chat"), "project own"),
    "filler": "project own",
    "background": "rows of the sources above, put together",
    "MT-Bench-101": "Apache-2.0",
}


def _write(path: Path, model: Any) -> dict[str, Any]:  # noqa: ANN401 - a scikit-learn model
    raw = model.coef_[0].astype("<f2").tobytes()
    path.write_bytes(raw)
    return {"sha256": hashlib.sha256(raw).hexdigest(), "bias": float(model.intercept_[0])}
