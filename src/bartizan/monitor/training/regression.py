"""The fit itself: logistic regression over the features that the heads read. Needs scikit-learn, which is no dependency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bartizan.errors import ConfigError
from bartizan.monitor.text.features import BUCKETS, features

_PENALTY: Final = 1.0
_EPOCHS: Final = 12


def regression(texts: Sequence[str], harmful: Sequence[bool], weights: Any, *, known: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - numpy in, a scikit-learn model out
    """Return a fitted model; the same rows in the same order give the same weights. ``known`` keeps features between fits."""
    try:
        from sklearn.linear_model import SGDClassifier  # noqa: PLC0415 - only where heads are trained
    except ImportError as error:
        raise ConfigError("training needs scikit-learn", hint="pip install scikit-learn") from error
    rows = matrix(texts, {} if known is None else known)
    # Averaged steps: a few CPU seconds a head. A batch method that was stopped early lost a third of the recall on unseen sources.
    model = SGDClassifier(loss="log_loss", alpha=_PENALTY / len(texts), max_iter=_EPOCHS, tol=None, average=True, random_state=1)
    return model.fit(rows, np.array(harmful, np.int8), sample_weight=weights / np.mean(weights))


def matrix(texts: Sequence[str], known: dict[str, Any]) -> Any:  # noqa: ANN401 - a scipy matrix
    """Return the features of texts as a sparse matrix."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - only where heads are trained

    known.update((text, features(text)) for text in set(texts) - known.keys())
    found = [known[text] for text in texts]
    ends = np.cumsum([0, *(len(buckets) for buckets, _ in found)])
    return csr_matrix(
        (np.concatenate([weights for _, weights in found]), np.concatenate([buckets for buckets, _ in found]), ends),
        shape=(len(texts), BUCKETS),
    )
