"""From opinions to verdicts: what policy would do about each, and what a failure counts as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bartizan.control.contract import Context, Opinion, Phase
from bartizan.control.judgement import action_of
from bartizan.control.registry import Planned
from bartizan.event import Action, OnError, Verdict

_ON_ERROR: Final[dict[OnError, Action]] = {"block": "block", "flag": "flag", "pass": "allow"}


def verdicts_of(item: Planned, phase: Phase, opinions: Sequence[Opinion], context: Context, cpu_us: int) -> list[Verdict]:
    """Return one verdict an opinion, or one that says nothing was seen; the first carries the CPU time of all."""
    if not opinions:
        return [clean(item, cpu_us)]
    return [
        Verdict(
            control=item.loaded.descriptor.id,
            version=item.loaded.descriptor.version,
            layer=item.layer,
            mode=item.mode,
            category=opinion.category,
            rule=opinion.rule,
            score=opinion.score,
            would=action_of(context.actions, opinion.category, phase),
            spans=opinion.spans,
            views=opinion.views,
            cpu_us=cpu_us if number == 0 else 0,
        )
        for number, opinion in enumerate(opinions)
    ]


def clean(item: Planned, cpu_us: int) -> Verdict:
    """Return the verdict of a control that ran and saw nothing; without it, silence and absence would look alike."""
    descriptor = item.loaded.descriptor
    return Verdict(control=descriptor.id, version=descriptor.version, layer=item.layer, mode=item.mode, cpu_us=cpu_us)


def failed(item: Planned, error: str, cpu_us: int) -> list[Verdict]:
    """Return the verdict of a control that erred or ran out of time: category ``control_failure``, and what its ``on_error`` says."""
    descriptor = item.loaded.descriptor
    return [
        Verdict(
            control=descriptor.id,
            version=descriptor.version,
            layer=item.layer,
            mode=item.mode,
            category="control_failure",
            rule=descriptor.on_error,
            score=1.0,
            would=_ON_ERROR[descriptor.on_error],
            cpu_us=cpu_us,
            error=error,
        )
    ]
