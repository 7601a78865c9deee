"""Rules and what analysts say of their matches: labels, filters proposed, watched, in force, taken back."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import RetentionClass


class _Tuning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class MatchLabelled(_Tuning, frozen=True, kw_only=True, omit_defaults=True, tag="match_labelled.v1"):
    """An analyst said whether a rule was right about a record. Content: the record, as JSON."""

    rule: str
    record: str
    """The record's id; a later word about the same rule and record replaces an earlier one."""
    label: Literal["true_positive", "false_positive"]
    reason: str = ""


class FilterProposed(_Tuning, frozen=True, kw_only=True, omit_defaults=True, tag="filter_proposed.v1"):
    """A filter for one rule was found that keeps every true positive firing. Content: the filter, as Sigma's YAML."""

    filter: str
    rule: str
    sha256: str
    """Of the YAML."""
    fields: tuple[str, ...]
    false_positives: int
    """Labelled ones that it silences; it silences all that it was proposed for."""
    true_positives: int
    """Labelled ones that it was proven to leave firing."""
    machine_s: float = 0.0


class FilterWatched(_Tuning, frozen=True, kw_only=True, omit_defaults=True, tag="filter_watched.v1"):
    """A filter ran in shadow beside its rule: what it would have silenced, while everything still fired."""

    filter: str
    records: int
    matches: int
    silenced: int
    true_positives_lost: int
    machine_s: float = 0.0


class FilterDeployed(_Tuning, frozen=True, kw_only=True, omit_defaults=True, tag="filter_deployed.v1"):
    """A filter is in force from here on. Content: the filter, as Sigma's YAML."""

    filter: str
    rule: str
    sha256: str
    reason: str = ""
    since_label_s: float = 0.0
    """From the newest label that it rests on."""


class FilterWithdrawn(_Tuning, frozen=True, kw_only=True, omit_defaults=True, tag="filter_withdrawn.v1"):
    """A filter is no longer in force, or will not come into force."""

    filter: str
    reason: str
