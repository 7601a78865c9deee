"""What was found out about values, kept within a budget of bytes shared by the whole engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bartizan.workbench.triage.sigma.scan import FieldScan

_OVERHEAD: Final = 150
"""Bytes of a string object, a dictionary entry and its share of growth, measured with tracemalloc on CPython 3.11."""
LONGEST: Final = 4096
"""Characters of the longest text that is remembered; longer ones are scanned each time."""


class Budget:
    """Bytes for everything that is remembered. When they are used up, all is forgotten together, between two events."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.forgotten = 0
        self._forget: list[Callable[[], None]] = []

    def register(self, forget: Callable[[], None]) -> None:
        """Have ``forget`` called when the budget is used up."""
        self._forget.append(forget)

    def settle(self) -> None:
        """Forget everything if the budget is used up; called when nobody holds a number of a set."""
        if self.used <= self.limit:
            return
        self.used = 0
        self.forgotten += 1
        for forget in self._forget:
            forget()


class Remembered:
    """Value -> number of the set of atoms that it meets; equal sets have one number. Number 0 is the empty set."""

    def __init__(self, scan: FieldScan, budget: Budget) -> None:
        self.scan = scan
        self.sets: list[frozenset[int]] = [frozenset()]
        self._numbers: dict[frozenset[int], int] = {frozenset(): 0}
        self.values: dict[object, int] = {}
        self._budget = budget
        budget.register(self._forget)

    def _forget(self) -> None:
        del self.sets[1:]
        self._numbers.clear()
        self._numbers[frozenset()] = 0
        self.values.clear()

    def learn(self, value: object) -> int:
        """Return the number for a value that is not among ``values``, and remember it unless it is too long or ambiguous."""
        met = self.scan.of(value)
        number = self._numbers.get(met)
        if number is None:
            number = self._numbers[met] = len(self.sets)
            self.sets.append(met)
            self._budget.used += 64 * len(met) + 400
        if isinstance(value, str):
            if len(value) <= LONGEST:
                self.values[value] = number
                self._budget.used += len(value) + _OVERHEAD
        elif value is None or (isinstance(value, int | float) and value not in (0, 1) and abs(value) < 1e15):
            # 0, 0.0 and False are one key to a dictionary but three texts to a rule; so are 1, 1.0 and True, and great numbers
            self.values[value] = number
            self._budget.used += _OVERHEAD
        return number
