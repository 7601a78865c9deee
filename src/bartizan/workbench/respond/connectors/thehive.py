"""``thehive``: open a case; found again by a tag with the action's key; undone by closing it as ``Other``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from bartizan.workbench.respond.connectors.web import Web, segment
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_SEVERITY: Final[Mapping[str, int]] = {"informational": 1, "low": 1, "medium": 2, "high": 3, "critical": 4}
_CLOSED: Final = "Other"


class TheHive(Web):
    """TheHive 5, version 1 of its interface."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "open": Verb(
            name="open",
            effect="reversible",
            doc="open a case",
            arguments=(
                Argument(name="title", kind="line"),
                Argument(name="text", kind="text", default=""),
                Argument(name="severity", kind="word", default="medium"),
            ),
            compensation="close the case as Other",
        ),
    }

    def look(self, call: Call) -> State:
        """Find the case that carries the key."""
        query = [{"_name": "listCase"}, {"_name": "filter", "_field": "tags", "_value": self._tag(call)}]
        found = self.read("/api/v1/query", body={"query": query}).value
        one = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
        return {"case": one.get("_id", ""), "closed": one.get("status") == _CLOSED}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Open one if there is none."""
        if now["case"]:
            return ()
        body = {
            "title": call.arguments["title"],
            "description": call.arguments["text"] or call.arguments["title"],
            "severity": _SEVERITY.get(call.arguments["severity"], 2),
            "tags": ["bartizan", self._tag(call)],
        }
        return (self.change("POST", "/api/v1/case", body),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - the protocol's
        """Close what this opened."""
        if not now["case"] or now["closed"] or before.get("case"):
            return ()
        body = {"status": _CLOSED, "summary": "bartizan took this response back."}
        return (self.change("PATCH", f"/api/v1/case/{segment(now['case'])}", body),)

    def _tag(self, call: Call) -> str:
        return f"bartizan:{call.key}"
