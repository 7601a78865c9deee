"""Sampled review by people: what was drawn and why, who said what, and what it came to."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import RetentionClass

Label = Literal["harmful", "benign", "unsure"]
Purpose = Literal["sample", "canary"]


class _Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class StratumPlan(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """How much of one risk stratum is drawn: ``drawn`` of ``size``, with the share of harm that was assumed."""

    stratum: str
    size: int
    drawn: int
    assumed: float


class ReviewPlanned(_Review, frozen=True, kw_only=True, omit_defaults=True, tag="review_planned.v1"):
    """A period's sample was drawn: sizes and numbers by stratum, so that every weight can be recomputed."""

    plan: str
    since: float
    until: float
    strata: tuple[StratumPlan, ...]
    upto: int
    """The ledger entry before which everything that ended was counted; the next plan goes on from it."""
    version: str = "1"


class ReviewSampled(_Review, frozen=True, kw_only=True, omit_defaults=True, tag="review_sampled.v1"):
    """One item for the queue. Reviewers are shown neither this fact nor anything that depends on ``purpose``, ``stratum`` or ``flagged``.

    Content, for a canary only: the JSON body that is shown.
    """

    item: str
    plan: str
    purpose: Purpose
    stratum: str
    exchange: str = ""
    seq: int = -1
    """Ledger entry whose content is shown; -1 for a canary, whose content is this event's own."""
    flagged: bool = False
    """A control had stopped or flagged it."""
    double: bool = False
    """Two reviewers see it, whatever the first says."""
    truth: Literal["", "harmful", "benign"] = ""
    """What a canary is known to be."""
    order: int = 0


class ReviewDecided(_Review, frozen=True, kw_only=True, omit_defaults=True, tag="review_decided.v1"):
    """One reviewer's blind word on one item; the envelope's actor is the reviewer."""

    item: str
    label: Label
    category: str = ""
    seconds: float = 0.0
    unmasked: bool = False


class ReviewUnmasked(_Review, frozen=True, kw_only=True, omit_defaults=True, tag="review_unmasked.v1"):
    """A reviewer asked to see an item without masks; written before it is shown."""

    item: str
    reason: str


class LabelSettled(_Review, frozen=True, kw_only=True, omit_defaults=True, tag="label_settled.v1"):
    """What an item came to once every look at it was taken: evidence for whoever trains or adapts a control."""

    item: str
    exchange: str
    label: Literal["harmful", "benign"]
    category: str = ""
    stratum: str = ""
    flagged: bool = False
    looks: int = 1
