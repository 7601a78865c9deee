"""One conversation as the monitor sees it: where it started, where it went, and what was asked again after a refusal.

A harmful goal is often spread so that no turn is harmful by itself. What then shows is the drift of the scores over the turns,
a short turn that points back ("and how do I do it"), asking again after a refusal, and the wording of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import re2

from bartizan.monitor.text import Heads, refuses, words

MAX_TURNS: Final = 200

_BACK: Final = re2.compile(
    r"\b(?:it|that|this|these|those|them|one|ones|there|such|same|above|former|latter|mentioned|said|instead|again)\b"
)
_PUSH: Final = re2.compile(
    r"\b(?:detailed|in detail|exact(?:ly)?|step by step|example|sample|hypothetical(?:ly)?|fictional|imagine|pretend|plan|come on"
    r"|why not|just tell|but i|anyway|really mean|keep going|continue)\b"
)


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation's turns amount to; numbers only."""

    turns: int
    worst: float
    """Largest score of a turn of the user."""
    mean: float
    drift: float
    """Mean of the second half less that of the first."""
    last: float
    whole: float
    """Score of all of the user's turns read as one."""
    topic: float
    refused: int
    asked_again: int
    """Turns after a refusal that still ask."""
    back: float
    """Share of turns that point back and are short."""
    pushed: float
    """Share of turns that push for detail, an example or a fiction."""
    worst_turn: int


def read_talk(turns: Sequence[tuple[str, str]], heads: Heads) -> Talk:
    """Read a conversation of (role, text) pairs; roles other than ``user`` and ``assistant`` count as neither."""
    spoken = [(number, text) for number, (role, text) in enumerate(turns[:MAX_TURNS]) if role == "user"]
    refusals = [number for number, (role, text) in enumerate(turns[:MAX_TURNS]) if role == "assistant" and refuses(text)]
    scored = [heads.score(text) for _, text in spoken] or [heads.score("")]
    requests = [item["request"] for item in scored]
    whole = heads.score(" \n ".join(text for _, text in spoken))
    half = max(1, len(requests) // 2)
    first, second = requests[:half], requests[half:] or requests[-1:]
    lowered = [" ".join(words(text)) for _, text in spoken]
    count = max(1, len(spoken))
    return Talk(
        turns=len(spoken),
        worst=max(requests),
        mean=math.fsum(requests) / len(requests),
        drift=math.fsum(second) / len(second) - math.fsum(first) / len(first),
        last=requests[-1],
        whole=whole["talk"],
        topic=max(item["topic"] for item in scored),
        refused=len(refusals),
        asked_again=sum(1 for number, _ in spoken if number - 1 in refusals),
        back=sum(1 for text in lowered if _BACK.search(text) and len(words(text)) < 16) / count,
        pushed=sum(1 for text in lowered if _PUSH.search(text)) / count,
        worst_turn=spoken[max(range(len(requests)), key=requests.__getitem__)][0] if spoken else 0,
    )
