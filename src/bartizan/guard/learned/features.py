"""One text, or window of a text, as the numbers that the linear heads weigh."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import re2
from numpy.typing import NDArray

from bartizan.guard.learned.cues import shipped
from bartizan.guard.learned.ngrams import Grams, grams
from bartizan.guard.learned.shape import NAMES, shape
from bartizan.guard.reading import HAS_OTHER_READINGS, read

CUE_WEIGHT: Final = np.float32(0.3)
"""What a cue counts before training weighs it: about as much as a tenth of all n-grams of a sentence."""
LONGEST: Final = 3000
"""Characters of a text that are judged as one; what is longer is judged by its windows as well."""

_VIEWS: Final = 6
_other_readings: Final = re2.compile(HAS_OTHER_READINGS)


class Features(NamedTuple):
    """Hashed columns, and the dense numbers: shape first, cues after it."""

    grams: Grams
    dense: NDArray[np.float32]


def dense_names() -> tuple[str, ...]:
    """Return what each dense number is, in order."""
    return (*(f"shape/{name}" for name in NAMES), *shipped().names)


def features(text: str) -> Features:
    """Return the features of a text; linear in its length, pure."""
    text = text[:LONGEST]
    cues = shipped()
    dense = np.zeros(len(NAMES) + len(cues.names), dtype=np.float32)
    dense[: len(NAMES)] = shape(text)
    dense[[len(NAMES) + number for number in cues(text)]] = CUE_WEIGHT
    return Features(grams(text), dense)


def readings(text: str) -> tuple[str, ...]:
    """Return the text as written and the readings past disguises that differ from it, six at most."""
    if not _other_readings.search(text.encode("utf-8", "replace")):
        return (text,)
    views = read(text).views
    return tuple(dict.fromkeys(view.text for view in (*views[:1], *reversed(views[1:]))))[:_VIEWS]
