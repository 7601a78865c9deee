"""From a conversation's numbers to one score: a weighted sum of limited features, with weights that stand in the calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from bartizan.monitor.calibration import TalkModel
from bartizan.monitor.conversation import Talk

_LIMIT: Final = 8.0

WEIGHTS: Final[Mapping[str, float]] = {
    "whole": 1.0,
    "worst": 0.7,
    "mean": 0.3,
    "drift": 0.1,
    "topic": 0.1,
    "refused": 0.6,
    "asked_again": 0.6,
    "back": 0.0,
    "pushed": 0.4,
}
"""Set by hand from what each feature means; nothing is fitted to a set of attacks, of which there is none that may be shipped."""


def talk_features(talk: Talk) -> dict[str, float]:
    """Return the features that are weighed, each within eight of zero."""
    plain = {
        "whole": talk.whole,
        "worst": talk.worst,
        "mean": talk.mean,
        "drift": talk.drift if talk.turns > 1 else 0.0,
        "topic": talk.topic,
        "refused": float(min(talk.refused, 3)),
        "asked_again": float(min(talk.asked_again, 3)),
        "back": talk.back,
        "pushed": talk.pushed,
    }
    return {name: min(_LIMIT, max(-_LIMIT, value)) if math.isfinite(value) else 0.0 for name, value in plain.items()}


def talk_score(talk: Talk, model: TalkModel) -> float:
    """Return a conversation's score."""
    values = talk_features(talk)
    return model.bias + math.fsum(weight * values[name] for name, weight in model.weights.items())
