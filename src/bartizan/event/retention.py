"""What was looked through after an erasure."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import RetentionClass


class StoreChecked(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One store: its files and bytes, and how many of the sought pieces of text were found in it."""

    store: str
    files: int
    bytes: int
    found: int


class ErasureChecked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="erasure_checked.v1"):
    """After an erasure every store was searched for pieces of what was erased; names each store, also where nothing was found."""

    retention: ClassVar[RetentionClass] = "ledger"

    account: str
    receipts: tuple[int, ...]
    needles: int
    """How many pieces of the erased texts were sought."""
    keys_left: int
    stores: tuple[StoreChecked, ...]
