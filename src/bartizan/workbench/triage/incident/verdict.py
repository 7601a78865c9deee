"""From log odds to a verdict and a probability; nothing here reads text."""

from __future__ import annotations

import math
from typing import Final

from bartizan.workbench.triage.incident.chain import RAISED
from bartizan.workbench.triage.incident.incident import Verdict

_SLOPE: Final = 0.9
_OFFSET: Final = 1.5
_MOST: Final = 0.99
BACKGROUND: Final = 0.01
"""Probability that a suppressed group is mostly an attack."""


def probability(score: float) -> float:
    """Calibrate a score.

    From ``RAISED`` on, slope and offset fit what ``bench triage --part incidents`` counted on labelled scenarios, where every such
    incident was an attack; below it there was none to count, and the odds stand as they are. Capped below certainty.
    """
    odds = _SLOPE * score + (_OFFSET if score >= RAISED else 0.0)
    return round(min(_MOST, max(1.0 - _MOST, 1.0 / (1.0 + math.exp(-odds)))), 4)


def verdict(score: float) -> Verdict:
    """Say what a score means."""
    return "malicious" if score >= RAISED else "suspicious"
