"""What a rule's labels are worth: keep it, tune it, retire it, or too few to say."""

from __future__ import annotations

from math import sqrt
from typing import Final, Literal

import msgspec

Word = Literal["keep", "tune", "retire", "undecided"]
_Z: Final = 1.6449
"""One-sided 95 %."""
_TUNE: Final = 0.5
_RETIRE: Final = 0.9
_SURE: Final = 0.85
_FEWEST_TO_RETIRE: Final = 20
_FEWEST_TO_KEEP: Final = 5


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Advice on one rule, with the interval of its share of false positives that it rests on."""

    advice: Word
    reason: str
    true_positives: int
    false_positives: int
    low: float
    high: float


def advise(true: int, false: int) -> Advice:
    """Return advice for so many labelled matches: a share of false positives above one half is worth a filter.

    A rule is retired only with 20 labels or more, none of them true, and sure to be false in 85 % of all.
    """
    count = true + false
    low, high = interval(false, count)
    if not count:
        word: Word = "undecided"
        why = "nobody has judged a match yet"
    elif true == 0 and count >= _FEWEST_TO_RETIRE and low >= _SURE:
        word, why = "retire", f"{false} of {count} judged matches were false and none was true"
    elif low > _TUNE or (false >= 1 and true == 0):
        word, why = "tune", f"{false} of {count} judged matches were false"
    elif high < _RETIRE and count >= _FEWEST_TO_KEEP:
        word, why = "keep", f"{true} of {count} judged matches were true"
    else:
        word, why = "undecided", f"{count} judged matches are too few to say"
    return Advice(advice=word, reason=why, true_positives=true, false_positives=false, low=round(low, 3), high=round(high, 3))


def interval(hits: int, count: int) -> tuple[float, float]:
    """Return Wilson's interval of a share."""
    if not count:
        return 0.0, 1.0
    share, square = hits / count, _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, middle - half), min(1.0, middle + half)
