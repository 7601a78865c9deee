"""What the heads of the second stage weigh: the sentence vector, and what the linear heads said of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MISUSE: Final = "misuse"
PROHIBITED: Final = "prohibited"
JUDGED: Final = ("injection/user", "injection/data", MISUSE, PROHIBITED)
"""The heads that judge, in the order of the fusion's rows; the others say what a text is about."""
FUSED: Final = JUDGED
"""The linear heads whose logits the second stage sees."""
_FLAT: Final = np.float32(4.0)
_VECTOR: Final = np.float32(3.0)


def fused(embedding: NDArray[np.float32], logits: Sequence[float] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the inputs of the second stage; logits are flattened so that none drowns the vector. Works on rows too."""
    flat = np.tanh(np.asarray(logits, dtype=np.float32) / _FLAT) * _FLAT
    return np.concatenate([embedding * _VECTOR, flat], axis=-1)
