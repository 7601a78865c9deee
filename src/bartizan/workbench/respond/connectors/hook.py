"""``webhook``: tell another system, signed as Standard Webhooks has it; its id is made of the action's key, so a repeat is seen there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import ClassVar

from bartizan.monitor.signing import sign
from bartizan.workbench.respond.connectors.web import Web
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb


class Webhook(Web):
    """An endpoint that takes signed notices; the secret signs."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "send": Verb(
            name="send",
            effect="reversible",
            doc="send a signed notice",
            arguments=(
                Argument(name="title", kind="line"),
                Argument(name="text", kind="text", default=""),
                Argument(name="severity", kind="word", default="medium"),
            ),
            doubt="key",
            compensation="send that it is withdrawn",
        ),
    }

    def credentials(self) -> tuple[tuple[str, str], ...]:
        """Return nothing: the signature is all."""
        return ()

    def look(self, call: Call) -> State:  # noqa: ARG002 - an endpoint can't be asked
        """Return nothing: it can't be asked."""
        return {}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Send the notice."""
        return (self._notice(call, "response.notice"),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Send that it is withdrawn."""
        return (self._notice(call, "response.withdrawn"),)

    def headers_of(self, call: Call, change: Change) -> Mapping[str, str]:
        """Return id, time and signature."""
        now = int(time.time())
        made = sign(self.secret(), webhook_id=f"msg_{call.key}", timestamp=now, body=self.body_of(change))
        return {"webhook-id": f"msg_{call.key}", "webhook-timestamp": str(now), "webhook-signature": made}

    def _notice(self, call: Call, kind: str) -> Change:
        data = {name: call.arguments[name] for name in ("title", "text", "severity")}
        return self.change("POST", "", {"type": kind, "timestamp": int(call.at), "data": {"key": call.key, **data}})
