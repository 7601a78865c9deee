"""``misp``: share indicators as an event of a UUID made from the action's key; undone by deleting the event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from bartizan.workbench.respond.connectors.web import Web
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb
from bartizan.workbench.respond.keys import uuid_of

_TYPES: Final = frozenset({"ip-dst", "ip-src", "domain", "hostname", "url", "md5", "sha1", "sha256", "email-src"})


class Misp(Web):
    """MISP's REST interface. Options: ``distribution`` (0: your organisation only)."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "share": Verb(
            name="share",
            effect="reversible",
            doc="share indicators of one type as an event",
            arguments=(
                Argument(name="title", kind="line"),
                Argument(name="type", kind="word", default="ip-dst"),
                Argument(name="values", kind="lines"),
            ),
            compensation="delete the event",
        ),
    }

    def credentials(self) -> tuple[tuple[str, str], ...]:
        """Return MISP's bare key."""
        return (("Authorization", self.secret()),) if self.settings.secret is not None else ()

    def look(self, call: Call) -> State:
        """Say whether the event is there."""
        return {"there": self.read(f"/events/view/{uuid_of(call.key)}").status != 404}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Add the event if there is none and there is anything to share."""
        kind = call.arguments["type"] if call.arguments["type"] in _TYPES else "text"
        if now["there"] or not call.arguments["values"]:
            return ()
        event = {
            "uuid": uuid_of(call.key),
            "info": call.arguments["title"],
            "distribution": self.settings.options.get("distribution", "0"),
            "threat_level_id": "2",
            "analysis": "1",
            "Attribute": [{"type": kind, "value": value, "to_ids": True} for value in call.arguments["values"]],
        }
        return (self.change("POST", "/events/add", {"Event": event}),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:
        """Delete what this added."""
        return (self.change("POST", f"/events/delete/{uuid_of(call.key)}", {}),) if now["there"] and not before.get("there") else ()
