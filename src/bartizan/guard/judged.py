"""Scores of the trained heads, shared by the controls that read them: each text is scored once, however many controls and requests ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bartizan.control import Opinion, Segment
from bartizan.event import Origin, Span, Tier
from bartizan.guard.decision import Limits, Scores
from bartizan.guard.learned import Heads, Stage, origin_class
from bartizan.guard.learned import Scores as Scored

_KEPT: Final = 2 << 20
"""Characters whose scores are remembered: chats send their whole past along with every turn."""
_CHANNELS: Final = frozenset({"text", "tool_schema", "metadata", "unknown"})
_LEAST: Final = 12
"""Characters below which a text says too little to be judged."""


class Judged:
    """Scores of texts by the linear heads. Loading is put off until the first text, or ``warm``; raises ControlError when it fails."""

    def __init__(self, load: Callable[[], Heads] = Heads.load) -> None:
        self.heads = load()
        self._known: OrderedDict[tuple[str, str], Scored] = OrderedDict()
        self._characters = 0

    def scored(self, text: str, origin: Origin) -> Scored:
        """Return a text's scores, calibrated."""
        key = (origin_class(origin), text)
        known = self._known.get(key)
        if known is None:
            known = self.heads.linear(text, origin=origin)
            self._known[key] = known
            self._characters += len(text)
            while self._characters > _KEPT and len(self._known) > 1:
                (_, old), _scores = self._known.popitem(last=False)
                self._characters -= len(old)
        return known

    def each(self, segments: Sequence[Segment], origins: frozenset[Origin]) -> Iterator[tuple[Segment, Scored]]:
        """Yield every text of these origins with its scores; of views that join parts, the first of each place."""
        joined: set[str] = set()
        for segment in segments:
            if segment.origin not in origins or segment.channel not in _CHANNELS or len(segment.text) < _LEAST:
                continue
            if segment.joined and segment.channel == "text":
                if segment.path in joined:
                    continue
                joined.add(segment.path)
            yield segment, self.scored(segment.text, segment.origin)


def limits_of(heads: Heads, *, share: float = 1.0, stage: Stage = "linear") -> Limits:
    """Return from which probabilities on verdicts count, by the false-positive budgets that come with the weights.

    ``share`` is the part of each budget that this stage may use up. A prohibited use must score where no more than a tenth of a per cent
    of benign traffic does, at any tier; low-risk dual use is what five per cent do.
    """
    budgets = heads.weights.manifest.budgets

    def table(head: str, origin: Origin, most: Mapping[str, float]) -> dict[Tier, float]:
        return {tier: heads.threshold(head, origin, most[tier.value] * share, stage=stage) for tier in Tier}

    strict = {tier.value: min(_PROHIBITED, budgets["misuse"][tier.value]) / share for tier in Tier}
    return Limits(
        injection_user=table("injection", "user", budgets["injection/user"]),
        injection_data=table("injection", "tool", budgets["injection/data"]),
        low=table("misuse", "user", {tier.value: _LOW / share for tier in Tier}),
        high=table("misuse", "user", budgets["misuse"]),
        prohibited=table("prohibited", "user", budgets["prohibited"]) if "prohibited" in budgets else table("misuse", "user", strict),
    )


_PROHIBITED: Final = 0.0005
_LOW: Final = 0.05


def as_scores(scored: Scored, origin: Origin) -> Scores:
    """Return what the heads say in the form that decisions are made of."""
    return Scores(injection=scored.injection, misuse=scored.misuse, prohibited=scored.prohibited, topic=scored.topic, origin=origin)


def opinion_of(category: str, score: float, segment: Segment, scored: Scored) -> Opinion:
    """Return an opinion with the stretch of the text that drove the score."""
    length = len(segment.text)
    spans = tuple(
        Span(path=segment.path, start=min(reason.start, length), end=min(reason.end, length))
        for reason in scored.reasons
        if not segment.joined
    )
    cues = ", ".join(cue for reason in scored.reasons for cue in reason.cues)
    return Opinion(category=category, rule=scored.stage, score=round(score, 4), spans=spans, detail=cues[:200])
