"""Where each filter stands, folded from the record."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from bartizan.event import Envelope, FilterDeployed, FilterProposed, FilterWatched, FilterWithdrawn

KINDS: Final = ("match_labelled.v1", "filter_proposed.v1", "filter_watched.v1", "filter_deployed.v1", "filter_withdrawn.v1")
Stage = Literal["proposed", "watched", "live", "withdrawn"]


class FilterState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a filter stands. ``seq`` is the entry whose content is its YAML."""

    id: str
    rule: str
    stage: Stage
    fields: tuple[str, ...]
    seq: int
    sha256: str
    false_positives: int
    true_positives: int
    watched: FilterWatched | None = None
    proposed_at: float = 0.0
    live_at: float = 0.0
    since_label_s: float = 0.0
    reason: str = ""


class Filters:
    """Folds what happened to filters."""

    def __init__(self) -> None:
        self.filters: dict[str, FilterState] = {}

    def fold(self, seq: int, entry: Envelope) -> None:
        """Take in one event."""
        match entry.body:
            case FilterProposed() as fact:
                self.filters[fact.filter] = FilterState(
                    id=fact.filter,
                    rule=fact.rule,
                    stage="proposed",
                    fields=fact.fields,
                    seq=seq,
                    sha256=fact.sha256,
                    false_positives=fact.false_positives,
                    true_positives=fact.true_positives,
                    proposed_at=entry.at,
                )
            case FilterWatched() as fact:
                self._change(fact.filter, stage="watched", watched=fact)
            case FilterDeployed() as fact:
                self._change(fact.filter, stage="live", live_at=entry.at, since_label_s=fact.since_label_s, reason=fact.reason)
            case FilterWithdrawn() as fact:
                self._change(fact.filter, stage="withdrawn", reason=fact.reason)
            case _:
                pass

    def _change(self, name: str, **changed: object) -> None:
        if (known := self.filters.get(name)) is not None:
            self.filters[name] = msgspec.structs.replace(known, **changed)
