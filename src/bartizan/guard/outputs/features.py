"""An answer as hashed n-grams: names written together are taken apart first, so that ``copySelf``, ``copy_self`` and prose look alike."""

from __future__ import annotations

from typing import Final

import numpy as np
import re2
from numpy.typing import NDArray

from bartizan.guard.learned.ngrams import COLUMNS, grams

WIDTH: Final = COLUMNS
LONGEST: Final = 6000
"""Characters of a window that are looked at."""
_joint: Final = re2.compile(r"([a-z0-9])([A-Z])|[_\-./\\]+")


def columns(text: str) -> NDArray[np.int64]:
    """Return the hashed columns of a text; linear in its length."""
    found = grams(_joint.sub(r"\1 \2", text[:LONGEST]))
    return np.concatenate([found.characters, found.words])
