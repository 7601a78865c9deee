"""Train the output heads: ``python -m bartizan.guard.outputs.train OUT --benign PATH ...``; scikit-learn is needed here and nowhere else.

Trained on the generator's samples and on the files given as benign, each file one row. Every family of programs or mails, and every path,
is a fold of its own: calibration and thresholds come from scores of rows whose family was held out. Repeatable: same rows, same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.guard.outputs.features import WIDTH, columns
from bartizan.guard.outputs.heads import FILE, HEADS, MANIFEST, Line, Manifest
from bartizan.guard.outputs.rows import Row, benign_rows
from bartizan.guard.outputs.samples import mails, programs

_SEED: Final = 20261122
_FOLDS: Final = 5
_BUDGET: Final = 0.005
"""Of benign answers; half of what is promised, since other people's benign answers are never quite like ours."""
_LEAST: Final = 0.05
_MAIL: Final = "phishing_text"
_STRENGTH: Final = {"malicious_code": 30.0, "phishing_text": 4.0}
_ROWS: Final = {"malicious_code": 3, "phishing_text": 1500}


def training_rows(head: str, benign: Sequence[Row]) -> list[Row]:
    """Return the rows of a head: its samples, the other head's benign ones, and the benign files."""
    made = list(programs(each=_ROWS["malicious_code"], seed=_SEED)) if head == "malicious_code" else []
    letters = list(mails(count=_ROWS["phishing_text"], seed=_SEED))
    rows = [Row(text=one.text, positive=one.positive, group=f"{one.family}") for one in made]
    rows += [
        Row(text=one.text, positive=one.positive and head == "phishing_text", group=f"mail/{one.family}")
        for one in letters
        if head == "phishing_text" or not one.positive
    ]
    if head == "phishing_text":
        rows += [Row(text=one.text, positive=False, group=one.family) for one in programs(each=1, seed=_SEED) if not one.positive]
    return [*rows, *benign]


def fit(head: str, benign: Sequence[Row]) -> tuple[NDArray[np.float32], float, Line, dict[str, Any]]:
    """Return a head's weights, bias, calibration and what it was made of."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - only who trains needs it
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - only who trains needs it

    rows = training_rows(head, benign)
    matrix = csr_matrix(_parts(rows), shape=(len(rows), WIDTH), dtype=np.float32)
    labels = np.array([row.positive for row in rows])
    fold = np.array([int(hashlib.sha256(row.group.encode()).hexdigest(), 16) % _FOLDS for row in rows])

    def model(kept: NDArray[np.bool_]) -> Any:  # noqa: ANN401 - scikit-learn has no types
        solver = LogisticRegression(C=_STRENGTH[head], class_weight="balanced", max_iter=400, solver="liblinear", random_state=0)
        return solver.fit(matrix[kept], labels[kept])

    held = np.zeros(len(rows))
    for number in range(_FOLDS):
        out = fold == number
        if out.any() and labels[~out].any() and not labels[~out].all():
            held[out] = model(~out).decision_function(matrix[out])
    calibrator = LogisticRegression(C=1e3).fit(held.reshape(-1, 1), labels)
    slope, offset = float(calibrator.coef_[0][0]), float(calibrator.intercept_[0])
    probabilities = 1 / (1 + np.exp(-(slope * held + offset)))
    outside = np.array([number >= len(rows) - len(benign) for number in range(len(rows))])
    threshold = max(_LEAST, *(_at_budget(probabilities[kind & ~labels]) for kind in ((outside, ~outside) if head == _MAIL else (outside,))))
    whole = model(np.ones(len(rows), dtype=bool))
    facts = {
        "rows": len(rows),
        "positive": int(labels.sum()),
        "held_out_recall_at_budget": round(float((probabilities[labels] > threshold).mean()), 3),
        "sha256": hashlib.sha256("\0".join(row.text for row in rows).encode()).hexdigest(),
    }
    line = Line(slope=round(slope, 5), offset=round(offset, 5), threshold=round(min(threshold, 0.999), 4), budget=_BUDGET)
    return whole.coef_[0].astype(np.float32), float(whole.intercept_[0]), line, facts


def _at_budget(benign: NDArray[np.float64]) -> float:
    """Return the probability that no more than the budget of benign rows exceed; 1 where there are none to tell by."""
    return float(np.quantile(benign, 1 - _BUDGET, method="higher")) if len(benign) else 1.0


def _parts(rows: Sequence[Row]) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    found = [columns(row.text[:1500]) for row in rows]
    values = [np.full(len(each), 1 / math.sqrt(max(len(each), 1)), dtype=np.float32) for each in found]
    ends = np.cumsum([0, *(len(each) for each in found)])
    return np.concatenate(values), np.concatenate(found), ends


def _sources(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        yield {"benign": path.name, "rows": len(benign_rows([path]))}


def main(argv: Sequence[str]) -> int:
    """Train both heads and write them with their manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--benign", type=Path, nargs="*", default=[], help="folders of benign scripts, or JSON lines with a text")
    given = parser.parse_args(argv)
    benign = benign_rows(given.benign)
    fitted = {head: fit(head, benign) for head in HEADS}
    weights = np.stack([fitted[head][0] for head in HEADS])
    scale = np.maximum(np.abs(weights).max(axis=1), 1e-9) / 127
    stored = io.BytesIO()
    np.savez_compressed(
        stored,
        weights=np.round(weights / scale[:, None]).astype(np.int8),
        scale=scale.astype(np.float32),
        bias=np.array([fitted[head][1] for head in HEADS], dtype=np.float32),
    )
    data = stored.getvalue()
    provenance = {head: fitted[head][3] for head in HEADS} | {"sources": list(_sources(given.benign)), "seed": _SEED}
    manifest = Manifest(
        format=1,
        version="1",
        sha256=hashlib.sha256(data).hexdigest(),
        heads={head: fitted[head][2] for head in HEADS},
        provenance={name: msgspec.Raw(msgspec.json.encode(value)) for name, value in provenance.items()},
    )
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / FILE).write_bytes(data)
    (given.out / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(manifest.heads), indent=2).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
