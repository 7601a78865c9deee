"""Features of many texts as one sparse matrix, with the values that the heads use when they judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse

from bartizan.guard.learned.features import dense_names, features, readings
from bartizan.guard.learned.ngrams import COLUMNS

_PART = 2000


def matrix(texts: Sequence[str], *, jobs: int = 1) -> Any:  # noqa: ANN401 - scipy has no types
    """Return a CSR matrix: a row for each text's most readable reading, hashed columns first, dense numbers after them.

    ``jobs`` is how many processes share the work; the matrix is the same.
    """
    if jobs > 1 and len(texts) > _PART:
        parts = [texts[start : start + _PART] for start in range(0, len(texts), _PART)]
        return sparse.vstack(Parallel(n_jobs=jobs)(delayed(matrix)(part) for part in parts), format="csr")
    width = COLUMNS + len(dense_names())
    columns, values, ends = [], [], [0]
    for text in texts:
        found = features(readings(text)[:2][-1] if len(text) < 4000 else text)
        for block in found.grams:
            columns.append(block.astype(np.int32))
            values.append(np.full(len(block), 1 / np.sqrt(max(len(block), 1)), dtype=np.float32))
        present = np.flatnonzero(found.dense)
        columns.append((COLUMNS + present).astype(np.int32))
        values.append(found.dense[present])
        ends.append(ends[-1] + sum(len(block) for block in columns[-3:]))
    return sparse.csr_matrix((np.concatenate(values), np.concatenate(columns), np.array(ends)), shape=(len(texts), width))
