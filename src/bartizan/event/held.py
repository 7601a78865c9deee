"""Requests that waited for a person; that they wait is a case and an approval (``casework``)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import RetentionClass


class HoldSpent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="hold_spent.v1"):
    """An approved request was admitted; its approval counts no second time."""

    retention: ClassVar[RetentionClass] = "exchange"

    approval: str
    exchange: str
