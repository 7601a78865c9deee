"""``pagerduty``: raise an incident by an Events v2 ``trigger``; its dedup key is the action's, so that a repeat is dropped there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec

from bartizan.workbench.respond.connectors.web import Web
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_SEVERITY: Final[Mapping[str, str]] = {"critical": "critical", "high": "error", "medium": "warning"}


class PagerDuty(Web):
    """PagerDuty's Events interface; the secret is the routing key, which goes into the body last of all."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "raise": Verb(
            name="raise",
            effect="reversible",
            doc="call who is on duty",
            arguments=(
                Argument(name="title", kind="line"),
                Argument(name="severity", kind="word", default="critical"),
                Argument(name="source", kind="line", default="bartizan"),
            ),
            doubt="key",
            compensation="resolve the incident",
        ),
    }

    def credentials(self) -> tuple[tuple[str, str], ...]:
        """Return nothing: the key is in the body."""
        return ()

    def look(self, call: Call) -> State:  # noqa: ARG002 - Events v2 can't be asked
        """Return nothing: it can't be asked."""
        return {}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Trigger."""
        payload = {
            "summary": call.arguments["title"],
            "source": call.arguments["source"],
            "severity": _SEVERITY.get(call.arguments["severity"], "info"),
        }
        return (self.change("POST", "/v2/enqueue", {"event_action": "trigger", "dedup_key": call.key, "payload": payload}),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Resolve."""
        return (self.change("POST", "/v2/enqueue", {"event_action": "resolve", "dedup_key": call.key}),)

    def body_of(self, change: Change) -> bytes:
        """Return the body with the routing key."""
        return msgspec.json.encode({**msgspec.json.decode(change.detail), "routing_key": self.secret()})
