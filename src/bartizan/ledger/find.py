"""Finding an exchange's entries without an index: its id says when it began, and the record is in order of time."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from bartizan.ledger.header import Header

_SLACK_US: Final = 61_000_000
"""No entry is dated further from its writing than a minute."""
_LONGEST_US: Final = 900_000_000
_MOST: Final = 200_000
_ADMITTED: Final = "exchange_admitted.v1"
_ENDS: Final = frozenset({"exchange_completed.v1", "exchange_interrupted.v1", "request_refused.v1"})


class Headers(Protocol):
    """What finding needs of a ledger."""

    def header(self, seq: int) -> Header:
        """Return the header at a place."""
        ...

    def size(self) -> int:
        """Return how many entries there are."""
        ...


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Where an exchange stands: the entry that admitted it and the one that ended it (or refused it); -1 where there is none."""

    exchange: str
    admitted: int = -1
    ended: int = -1


def find_exchange(ledger: Headers, exchange: str) -> Found:
    """Return an exchange's entries; both -1 for an id that is not on record. Reads about 20 headers and those written meanwhile."""
    stamp = _stamp_us(exchange)
    size = ledger.size()
    if stamp is None or not size:
        return Found(exchange=exchange)
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if ledger.header(middle).at_us < stamp - _SLACK_US:
            low = middle + 1
        else:
            high = middle
    admitted = -1
    for seq in range(low, min(size, low + _MOST)):
        header = ledger.header(seq)
        if header.correlation == exchange:
            if header.kind == _ADMITTED:
                admitted = seq
            elif header.kind in _ENDS:
                return Found(exchange=exchange, admitted=admitted, ended=seq)
        if header.at_us > stamp + _LONGEST_US:
            break
    return Found(exchange=exchange, admitted=admitted)


def _stamp_us(exchange: str) -> int | None:
    digits = exchange.removeprefix("ex_")
    if len(digits) != 32 or not digits.isascii() or not digits.isalnum():
        return None
    try:
        return (int(digits, 16) >> 80) * 1000
    except ValueError:
        return None
