"""What the runner answers: every verdict, the strictest action that is in force, and the verdict that decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from bartizan.event import ACTIONS, Action, Verdict

_CUTS: Final[frozenset[Action]] = frozenset({"reroute", "safe_completion", "hold", "block"})
_ALTERS: Final = _CUTS | {"redact"}


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """All verdicts on one phase of an exchange. ``action`` counts enforced verdicts only; ``decisive`` is None when it is ``allow``."""

    verdicts: tuple[Verdict, ...] = ()
    action: Action = "allow"
    decisive: Verdict | None = None


class StreamRelease(msgspec.Struct, frozen=True, kw_only=True):
    """How far a channel may go: characters ``[0, upto)`` of all text fed so far.

    ``verdicts`` are those that are new since the last call. ``action`` covers the whole channel so far. Once it is ``redact`` nothing more
    is released until the end, when whoever acts takes the spans of all verdicts out.
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
    """Say whether an action ends an answer: nothing of the model's goes out after it."""
    return action in _CUTS


def alters(action: Action) -> bool:
    """Say whether an action changes what goes out, so that what it may be about must be held back."""
    return action in _ALTERS


def action_of(actions: Mapping[str, Action], category: str, phase: str) -> Action:
    """Return what policy does about a category in a phase (row ``secret.tool``, else ``secret``); what no row names is blocked."""
    return actions.get(f"{category}.{phase}") or actions.get(category, "block")
