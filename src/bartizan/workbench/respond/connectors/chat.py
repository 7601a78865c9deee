"""``slack`` and ``teams``: post to a channel by an incoming webhook, whose address is a secret; undone by a second message.

Such webhooks can't be asked and drop no repeats, so what a crash cut off is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError
from bartizan.workbench.respond.connectors.web import Answer, Web
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb


class _Chat(Web):
    """A channel. ``url`` is the service's origin, ``secret`` the webhook's whole address, which must begin with it."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "post": Verb(
            name="post",
            effect="reversible",
            doc="post a message",
            arguments=(Argument(name="text", kind="text"),),
            doubt="ask",
            compensation="post that it is withdrawn",
        ),
    }

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if settings.secret is None:
            raise ConfigError(f"the connector {name} has no secret", hint="point it to the webhook's address: env:NAME or file:PATH")

    def credentials(self) -> tuple[tuple[str, str], ...]:
        """Return nothing: the address is the secret."""
        return ()

    def look(self, call: Call) -> State:  # noqa: ARG002 - a webhook can't be asked
        """Return nothing: it can't be asked."""
        return {}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Post."""
        return (self.change("POST", "/", self.message(call.arguments["text"])),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Post that it is withdrawn."""
        return (self.change("POST", "/", self.message("Withdrawn: " + call.arguments["text"])),)

    def message(self, text: str) -> dict[str, Any]:
        """Return the body of a message."""
        raise NotImplementedError

    def _send(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if method != "POST" or not target.endswith("/"):
            raise ConfigError(f"{self.name} only posts")
        address = self.secret()
        if not address.startswith(self.settings.url.rstrip("/") + "/"):
            raise ConfigError(f"the secret address of {self.name} is not below its url", hint=f"[respond.connectors.{self.name}] url")
        return super()._send(method, urlsplit(address).path, body, headers)


class Slack(_Chat):
    """Slack; control sequences are escaped as its formatting asks, so that nobody is called by a log line."""

    def message(self, text: str) -> dict[str, Any]:
        """Return plain text."""
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {"text": escaped, "mrkdwn": False, "link_names": False}


class Teams(_Chat):
    """Microsoft Teams, by a workflow that takes an adaptive card."""

    def message(self, text: str) -> dict[str, Any]:
        """Return a card with a block of plain text: a text run, which knows no markup."""
        run = {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text}]}
        card = {"type": "AdaptiveCard", "version": "1.4", "body": [run]}
        return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}
