"""What enforced verdicts ask for, taken together: one exchange may be rerouted, redacted and noticed at once."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bartizan.event import Verdict

NOTICE: str = (
    "A safety control of this organisation has judged the request that follows as possibly unsafe. Help only as far as is safe: "
    "explain, warn, and offer defensive or lawful help. Give no working attack, no operational step-by-step harm, and no target. "
    "If nothing safe is left, say so briefly and offer what you can do instead."
)
"""What a model is told where policy says ``safe_completion``; it stands beside the operator's prompt, never in it."""

REFUSAL: str = (
    "I can't help with that as asked: a safety control of this organisation stopped the answer. I can help with defending against it, "
    "with understanding the risk, or with who to ask for wider access."
)
"""What stands in place of an answer that policy replaces."""


class Acts(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, each with the first verdict that asks for it."""

    block: Verdict | None = None
    hold: Verdict | None = None
    safe_completion: Verdict | None = None
    reroute: Verdict | None = None
    redact: tuple[Verdict, ...] = ()
    notices: tuple[str, ...] = ()


def acts_of(verdicts: Iterable[Verdict]) -> Acts:
    """Gather what enforced verdicts ask for; shadow ones ask for nothing."""
    first: dict[str, Verdict] = {}
    redact: list[Verdict] = []
    notices: list[str] = []
    for verdict in verdicts:
        if verdict.mode != "enforce":
            continue
        first.setdefault(verdict.would, verdict)
        if verdict.would == "redact":
            redact.append(verdict)
        elif verdict.would == "notice" and verdict.category not in notices:
            notices.append(verdict.category)
    return Acts(
        block=first.get("block"),
        hold=first.get("hold"),
        safe_completion=first.get("safe_completion"),
        reroute=first.get("reroute"),
        redact=tuple(redact),
        notices=tuple(notices),
    )
