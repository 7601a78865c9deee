"""The closed sets that every room speaks in."""

from __future__ import annotations

import enum
from typing import Literal, get_args

Layer = Literal["access", "input", "model", "output", "tool", "egress", "monitor", "review"]
"""Where in an exchange a control stands; the order of this list is the order of an exchange."""

Mode = Literal["off", "shadow", "enforce"]
"""What a control's verdict does: nothing and it does not run; it is recorded only; it decides."""

Action = Literal["allow", "flag", "notice", "redact", "reroute", "safe_completion", "hold", "block"]
"""What is done about an exchange, mildest first.

``flag`` lets it pass and marks it for monitoring; ``notice`` also tells the caller; ``redact`` takes what was seen out; ``reroute`` has
a safer model answer; ``safe_completion`` asks the model for only what is safe, or replaces an unsafe answer; ``hold`` waits for a person.
"""

OnError = Literal["block", "flag", "pass"]
"""What a control that errs or runs out of time counts as."""

Origin = Literal["operator", "user", "model", "tool", "document", "memory", "tool_description", "unknown"]
"""Who wrote a segment. ``operator`` is the system or developer prompt; ``tool`` a tool's result."""

Channel = Literal["text", "reasoning", "refusal", "tool_name", "tool_arguments", "tool_schema", "media", "metadata", "unknown"]
"""What kind of leaf a segment is; ``unknown`` is an item whose type no mapper knows and goes to policy."""

PrincipalKind = Literal["person", "service", "agent"]
Standing = Literal["good", "warned", "throttled", "suspended", "revoked"]
"""An account's standing, mildest first; ``suspended`` and ``revoked`` refuse, and cut live streams."""

RetentionClass = Literal["exchange", "identity", "control", "casework", "ledger", "operations"]
"""How long facts and content of an event are kept; days per class are configuration (`[retention]`)."""

LAYERS: tuple[Layer, ...] = get_args(Layer)
ACTIONS: tuple[Action, ...] = get_args(Action)


def strictest(*actions: Action) -> Action:
    """Return the strictest of the actions, ``allow`` for none."""
    return max(actions, key=ACTIONS.index, default="allow")


class Tier(enum.Enum):
    """How far a principal is trusted; ordered ``public < verified < trusted < restricted``."""

    PUBLIC = "public"
    VERIFIED = "verified"
    TRUSTED = "trusted"
    RESTRICTED = "restricted"

    __hash__ = object.__hash__  # members are single; Enum's own hash is a Python function, 2,000 instructions for every look-up by tier

    @property
    def rank(self) -> int:
        """0 for public to 3 for restricted."""
        return _RANK[self]

    def __lt__(self, other: Tier) -> bool:
        return self.rank < other.rank

    def __le__(self, other: Tier) -> bool:
        return self.rank <= other.rank

    def __gt__(self, other: Tier) -> bool:
        return self.rank > other.rank

    def __ge__(self, other: Tier) -> bool:
        return self.rank >= other.rank


_RANK = {tier: rank for rank, tier in enumerate(Tier)}
