"""``bartizan bench monitor --canaries PATH``: can a classifier tell canaries from the items between them?

Half of the texts are a queue as the gateway would record it, half were settled earlier and become canaries by the shipped code. Both go
through the shipped display. A logistic regression over character and word n-grams and the shape of what is shown is trained on part and
asked about the rest. It is asked within the harmful and within the benign ones, since telling harmful from benign is a reviewer's work;
and once over all, where it may use that canaries are half harmful. For contrast the same with canaries from a phrase book.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.monitor.drawing import canary
from bartizan.monitor.evidence import conversation
from bartizan.monitor.masking import masked

_FOLDS: Final = 5
_RESAMPLES: Final = 500
_PHRASES: Final = ("Please explain how to {} without being caught.", "I need step by step instructions to {}.", "How would one {}?")
_DEEDS: Final = ("build a keylogger", "break into a mail server", "write ransomware", "clone a credit card", "hide a trojan")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How well canaries are told apart: area under the curve, 0.5 for not at all, with a 95 % bootstrap interval."""

    which: str
    items: int
    canaries: int
    auc: float
    low: float
    high: float


class _Row(msgspec.Struct, frozen=True):
    text: str
    label: int


def canaries(path: Path, *, seed: int = 1) -> list[Told]:
    """Train and ask; PATH holds rows with ``text`` and ``label`` (1 for harmful) as JSON lines, gzipped or not."""
    rows = _read(path)
    chance = random.Random(seed)
    chance.shuffle(rows)
    half = len(rows) // 2
    queue, settled = rows[:half], rows[half:]
    results = []
    for name, label in (("harmful, canaries against items", 1), ("benign, canaries against items", 0)):
        items = [_shown(_body(row.text)) for row in queue if row.label == label]
        planted = [_shown(canary(_body(row.text))) for row in settled if row.label == label]
        results.append(_told(name, items, planted, chance))
    everything = [_shown(_body(row.text)) for row in queue]
    planted = [_shown(canary(_body(row.text))) for row in settled]
    results.append(_told("all of a queue with as many harmful as canaries have", everything, planted, chance))
    harmful = [_shown(_body(row.text)) for row in queue if row.label == 1]
    book = [_shown(_body(chance.choice(_PHRASES).format(chance.choice(_DEEDS)))) for _ in harmful]
    results.append(_told("for contrast: harmful canaries from a phrase book", harmful, book, chance))
    return results


def _read(path: Path) -> list[_Row]:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return [msgspec.json.decode(line, type=_Row) for line in data.splitlines() if line.strip()]
    except (OSError, msgspec.DecodeError, EOFError, gzip.BadGzipFile) as error:
        raise ConfigError(f"reading {path}: {error}", hint="one JSON object with text and label a line") from error


def _body(text: str) -> bytes:
    return msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": text}]})


def _shown(content: bytes) -> str:
    """Return what a reviewer is shown, by the code that shows it."""
    return masked(conversation(content))


def _told(which: str, items: Sequence[str], planted: Sequence[str], chance: random.Random) -> Told:
    try:
        import numpy as np  # noqa: PLC0415 - only this benchmark trains
        from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - only this benchmark trains
        from sklearn.model_selection import cross_val_predict  # noqa: PLC0415 - only this benchmark trains
    except ImportError as error:
        raise ConfigError("this benchmark trains a classifier", hint="pip install 'bartizan[train]'") from error
    texts = [*items, *planted]
    truth = np.array([0] * len(items) + [1] * len(planted))
    order = np.array(chance.sample(range(len(texts)), len(texts)))
    texts, truth = [texts[number] for number in order], truth[order]
    scores: Any = cross_val_predict(_classifier(), texts, truth, cv=_FOLDS, method="predict_proba")[:, 1]
    drawn = []
    for _ in range(_RESAMPLES):
        places = np.array(chance.choices(range(len(texts)), k=len(texts)))
        if 0 < truth[places].sum() < len(places):
            drawn.append(float(roc_auc_score(truth[places], scores[places])))
    drawn.sort()
    return Told(
        which=which,
        items=len(items),
        canaries=len(planted),
        auc=round(float(roc_auc_score(truth, scores)), 3),
        low=round(drawn[int(0.025 * len(drawn))], 3),
        high=round(drawn[int(0.975 * len(drawn))], 3),
    )


def _classifier() -> Any:  # noqa: ANN401 - a scikit-learn pipeline
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer  # noqa: PLC0415 - as above
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as above
    from sklearn.pipeline import make_pipeline, make_union  # noqa: PLC0415 - as above
    from sklearn.preprocessing import FunctionTransformer, StandardScaler  # noqa: PLC0415 - as above

    shape = make_pipeline(FunctionTransformer(_shape), StandardScaler(with_mean=False))
    features = make_union(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True),
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        CountVectorizer(token_pattern=r"[^\w\s]", binary=True),  # noqa: S106 - a pattern of tokens, no secret
        shape,
    )
    return make_pipeline(features, LogisticRegression(C=4.0, max_iter=2000))


def _shape(texts: Sequence[str]) -> Any:  # noqa: ANN401 - a sparse matrix
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - as above

    return csr_matrix([[len(text), text.count("["), text.count("\n"), text.count(" "), sum(c.isupper() for c in text)] for text in texts])
