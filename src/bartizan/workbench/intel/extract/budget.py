"""How many candidates one text may have, so that no text costs more than its length should; what stopped, and where, is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from bartizan.workbench.intel.extract.found import Indicator

_T = TypeVar("_T")
INDICATORS: Final = 50_000
NAMES: Final = 16_000
TECHNIQUES: Final = 20_000
"""Units for each million characters, and for any shorter text. They are apart so that a text full of one thing hides no other."""
_MILLION: Final = 1_000_000


class Budget:
    """Units that the scans of one text share, each scan taking what its candidates cost."""

    def __init__(self, length: int, units: int) -> None:
        self._left = units * max(_MILLION, length) // _MILLION
        self._stopped: dict[str, int] = {}

    def take(self, candidates: Iterable[_T], what: str, cost: int = 1) -> Iterator[_T]:
        """Yield candidates while there are units left; otherwise note that this scan stopped, after how many."""
        for count, candidate in enumerate(candidates):
            if self._left < cost:
                self._stopped[what] = count
                return
            self._left -= cost
            yield candidate

    def stops(self, length: int) -> tuple[Indicator, ...]:
        """Return an entry for each scan that did not get through the text."""
        return tuple(
            Indicator(
                kind="limit",
                value=what,
                start=length,
                end=length,
                quote="",
                tier="not an indicator",
                reason=f"too many candidates in one text: the search for {what} stopped after {count:,}",
            )
            for what, count in self._stopped.items()
        )
