"""What the runner answers: every verdict, the strictest action that is in force, and the verdict that decided."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bartizan.event import ACTIONS, Action, Verdict

_CUTS: frozenset[Action] = frozenset({"redact", "reroute", "hold", "block"})


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """All verdicts on one phase of an exchange. ``action`` counts enforced verdicts only; ``decisive`` is None when it is ``allow``."""

    verdicts: tuple[Verdict, ...] = ()
    action: Action = "allow"
    decisive: Verdict | None = None


class StreamRelease(msgspec.Struct, frozen=True, kw_only=True):
    """How far a channel may go: characters ``[0, upto)`` of all text fed so far.

    ``verdicts`` are those that are new since the last call. ``action`` covers the whole channel so far and is ``block`` for
    anything that can't be done to a stream that has begun (redact, reroute, hold).
    """

    upto: int
    verdicts: tuple[Verdict, ...] = ()
    action: Action = "allow"
    decisive: Verdict | None = None


def settle(verdicts: Iterable[Verdict]) -> Judgement:
    """Fold verdicts into a judgement: the strictest ``would`` of the enforced ones, the first verdict that reached it."""
    everything = tuple(verdicts)
    decisive: Verdict | None = None
    for verdict in everything:
        if (
            verdict.would != "allow"
            and verdict.mode == "enforce"
            and ACTIONS.index(verdict.would) > (ACTIONS.index(decisive.would) if decisive else 0)
        ):
            decisive = verdict
    return Judgement(verdicts=everything, action=decisive.would if decisive else "allow", decisive=decisive)


def cuts(action: Action) -> bool:
    """Say whether an action ends a stream that has begun."""
    return action in _CUTS
