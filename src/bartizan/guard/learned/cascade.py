"""Both stages in one process: the linear heads, and where they are unsure the encoder, for files of rows and for measuring.

The gateway runs the encoder in a pool of its own instead; both ask the same heads in the same order.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bartizan.event import Origin
from bartizan.guard.learned.encoder import MODEL, Encoder
from bartizan.guard.learned.fusion import MISUSE
from bartizan.guard.learned.heads import Heads, Scores, origin_class


class Cascade:
    """Scores of texts by as many stages as each needs."""

    def __init__(self, heads: Heads, encoder: Encoder | None = None) -> None:
        self.heads = heads
        self._encoder = encoder

    @classmethod
    def load(cls, directory: Path | None = None) -> Cascade:
        """Load the shipped weights, or those of a directory; the encoder too where they have one. Raises ControlError."""
        heads = Heads.load(directory)
        has = MODEL in heads.weights.manifest.files
        return cls(heads, Encoder.load(weights=heads.weights) if has else None)

    def score(self, text: str, *, origin: Origin = "user") -> Scores:
        """Return a text's scores."""
        first = self.heads.linear(text, origin=origin)
        if self._encoder is None or not first.abstain:
            return first
        vectors = self._encoder.embed([reason.text for reason in first.reasons])
        return settle(self.heads, first, [self.heads.combine(first, vector, origin=origin) for vector in vectors], origin=origin)


def settle(heads: Heads, first: Scores, seconds: list[Scores], *, origin: Origin) -> Scores:
    """Return the linear scores where that stage was sure, and the highest of the second stage where it was not."""
    settled = {
        name: max(getattr(second, name) for second in seconds)
        for name, head in (("injection", f"injection/{origin_class(origin)}"), ("misuse", MISUSE))
        if heads.is_unsure(head, getattr(first, name))
    }
    if "misuse" in settled:
        settled["prohibited"] = max(second.prohibited for second in seconds)
    return msgspec.structs.replace(first, **settled, stage="encoder", abstain=False)
