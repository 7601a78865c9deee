"""What the monitor saw over many exchanges. A signal is an opinion with its evidence; it punishes nobody by itself."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import RetentionClass

SignalKind = Literal["account", "conversation", "probing", "evasion", "decomposition", "campaign", "linkage", "insider", "operator"]
"""What sort of pattern it is. ``linkage`` alone (accounts that look like one person's) never justifies a step against anyone;
``operator`` is a rule that the operator wrote."""

SignalLevel = Literal["low", "medium", "high"]
"""How far over its threshold: ``low`` is for review only, ``high`` is beyond a tenth of the rule's false-positive budget."""


class Contribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """What one exchange added to a signal: which accumulator took it in, the score that went in and what came out."""

    exchange: str
    accumulator: str
    score: float
    total: float = 0.0


class SignalRaised(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="signal_raised.v1"):
    """A pattern over several exchanges crossed a calibrated threshold. At most one for each (rule, subject, window).

    The subject is the account, or the campaign where there are ``members``. Holds pseudonyms and numbers only, never text.
    """

    retention: ClassVar[RetentionClass] = "casework"

    signal: str
    """Id, derived from (rule, subject, window), so that raising it twice is seen."""
    account: str
    """The account it is about; empty for a campaign, whose accounts are ``members``."""
    rule: str
    rule_version: str
    kind: SignalKind
    level: SignalLevel
    category: str = ""
    """Category of misuse, where the evidence has one."""
    score: float
    """The accumulator's value; comparable within one rule and version only."""
    threshold: float
    confidence: float
    """1 minus the share of benign accounts (conversations, campaigns) of the calibration that score as high."""
    since: float
    """UTC seconds of the oldest evidence."""
    until: float
    """UTC seconds of the newest evidence."""
    window: str
    """The period that it counts in, such as ``2026-11`` for a budget a month; a rule raises once in it."""
    evidence: tuple[str, ...] = ()
    """Exchange ids, most telling first."""
    contributions: tuple[Contribution, ...] = ()
    """How the score came about, in the order of ``evidence``."""
    conversation: str = ""
    campaign: str = ""
    members: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """What ties members together: ``goal``, ``network``, ``timing``, ``device``, ``key``, ``style``."""
