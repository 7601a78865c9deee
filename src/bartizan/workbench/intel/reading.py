"""Who may read which report: policy decides by the report's TLP and the person's tier; everything that shows quotes goes through here."""

from __future__ import annotations

from collections.abc import Callable

from bartizan.errors import RefusedError
from bartizan.identity import Principal
from bartizan.policy import Decision, Policy, Resource
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.shelf import Head, Shelf

_EVERYTHING = Resource(type="Record", id="reports")


class Desk:
    """A shelf as one person may see it. ``rank`` is the rank of the person's tier."""

    def __init__(self, shelf: Shelf, policy: Policy, who: Principal, rank: int) -> None:
        self._shelf = shelf
        self._policy = policy
        self._who = who
        self._rank = rank

    def heads(self, action: str = "report.read") -> list[Head]:
        """Return the reports on which the person may act."""
        return [head for head in self._shelf.heads() if self._may(head, action)]

    def report(self, report: str, action: str = "report.read") -> Report:
        """Return a report; raises RefusedError 404 when it is not there, 403 when policy forbids it."""
        found = self._shelf.get(report)
        head = next(each for each in self._shelf.heads() if each.id == report)
        decision = self._decide(head, action)
        if not decision.allowed:
            raise RefusedError("this report is not for your tier", code="not_permitted", status=403, hint=decision.hint)
        return found

    def reports(self, action: str = "report.read") -> list[Report]:
        """Return every report on which the person may act."""
        return [self._shelf.get(head.id) for head in self.heads(action)]

    def reader(self) -> Callable[[str], Report | None]:
        """Return what gives a report or None where it may not be read."""
        allowed = {head.id for head in self.heads()}
        return lambda report: self._shelf.get(report) if report in allowed else None

    def _may(self, head: Head, action: str) -> bool:
        return self._decide(head, action).allowed

    def _decide(self, head: Head, action: str) -> Decision:
        context = {"tier": self._rank, "tlp": self._shelf.level(head), "own": head.person == self._who.id}
        return self._policy.decide(self._who, action, _EVERYTHING, context)
