"""``jira``: open an issue; found again by a label with the action's key; undone by a comment and the label ``withdrawn``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import quote

from bartizan.workbench.respond.connectors.web import Web, first, segment
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_WITHDRAWN: Final = "withdrawn"


class Jira(Web):
    """Jira's REST interface, version 2. Options: ``project`` (key), ``type`` (``Task``)."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "open": Verb(
            name="open",
            effect="reversible",
            doc="open an issue",
            arguments=(Argument(name="title", kind="line"), Argument(name="text", kind="text", default="")),
            compensation="comment that it is withdrawn, and label it so",
        ),
    }

    def look(self, call: Call) -> State:
        """Find the issue that carries the key."""
        query = quote(f'labels = "{self._label(call)}"', safe="")
        found = first(self.read(f"/rest/api/2/search?jql={query}&fields=labels&maxResults=1").value, "issues")
        labels = found.get("fields", {}).get("labels", []) if isinstance(found.get("fields"), dict) else []
        return {"issue": found.get("key", ""), "withdrawn": _WITHDRAWN in labels}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Open one if there is none."""
        if now["issue"]:
            return ()
        fields = {
            "project": {"key": self.settings.options.get("project", "SEC")},
            "issuetype": {"name": self.settings.options.get("type", "Task")},
            "summary": call.arguments["title"][:250],
            "description": "{noformat}\n" + call.arguments["text"].replace("{noformat}", "{ noformat}") + "\n{noformat}",
            "labels": ["bartizan", self._label(call)],
        }
        return (self.change("POST", "/rest/api/2/issue", {"fields": fields}),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - the protocol's
        """Say on the issue that it is withdrawn."""
        if not now["issue"] or now["withdrawn"] or before.get("issue"):
            return ()
        update = {"labels": [{"add": _WITHDRAWN}], "comment": [{"add": {"body": "bartizan took this response back."}}]}
        return (self.change("PUT", f"/rest/api/2/issue/{segment(now['issue'])}", {"update": update}),)

    def _label(self, call: Call) -> str:
        return f"bartizan-{call.key}"
