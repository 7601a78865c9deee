"""``smtp``: send one mail, whose Message-ID is made of the action's key. A server can't be asked, so a mail cut off is in doubt."""

from __future__ import annotations

import email.policy
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from typing import ClassVar, Final
from urllib.parse import urlsplit

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError, RefusedError, UpstreamError
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_TIMEOUT_S: Final = 15.0
_PORTS: Final = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class Smtp:
    """A mail server: ``smtp://`` asks for STARTTLS, ``smtps://`` is TLS from the start, ``smtp+plain://`` neither.

    Options: ``from``, ``user``, ``to`` (the only recipients there may be: addresses or ``@domain``, separated by spaces).
    """

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "send": Verb(
            name="send",
            effect="reversible",
            doc="send a mail",
            arguments=(
                Argument(name="to", kind="email", default=""),
                Argument(name="subject", kind="line"),
                Argument(name="text", kind="text"),
            ),
            doubt="ask",
            compensation="send that it is withdrawn",
        ),
    }

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        try:
            parts = urlsplit(settings.url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(f"reading the address of {name}: {error}") from error
        if parts.scheme not in _PORTS or not host or not settings.options.get("from") or not settings.options.get("to"):
            raise ConfigError(f"the connector {name} needs an address and the options from and to", hint="smtp://host, smtps://host")
        self.name = name
        self._settings = settings
        self._scheme, self._host, self._port = parts.scheme, host, port or _PORTS[parts.scheme]
        self._allowed = settings.options["to"].lower().split()

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        return self.VERBS

    def look(self, call: Call) -> State:
        """Return nothing, since it can't be asked; raises RefusedError 403 ``egress_denied`` for a recipient who is not on the list."""
        self._recipient(call)
        return {}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - it can't be asked
        """Send it."""
        return (self._mail(call, call.arguments["subject"], call.arguments["text"], call.key),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Send that it is withdrawn."""
        return (self._mail(call, "Withdrawn: " + call.arguments["subject"], "bartizan took this response back.", f"{call.key}.undo"),)

    def perform(self, call: Call, change: Change) -> State:
        """Hand the mail to the server."""
        if change.target != f"mailto:{self._recipient(call)}":
            raise RefusedError(f"{change.target} is not who the mail is for", code="egress_denied", status=403)
        try:
            with self._connect() as server:
                sender = self._settings.options["from"]
                server.sendmail(sender, [change.target.removeprefix("mailto:")], change.detail.encode())
        except (OSError, smtplib.SMTPException) as error:
            raise UpstreamError(f"{self.name} did not take the mail: {type(error).__name__}", code="upstream_unreachable") from error
        return {"sent": True}

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self._settings.ca_file or None)
        server: smtplib.SMTP
        if self._scheme == "smtps":
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
        if self._scheme == "smtp":
            server.starttls(context=context)
        if self._settings.secret is not None:
            server.login(self._settings.options.get("user", self._settings.options["from"]), self._settings.secret.reveal())
        return server

    def _recipient(self, call: Call) -> str:
        given = str(call.arguments["to"]) or next((each for each in self._allowed if not each.startswith("@")), "")
        domain = "@" + given.rpartition("@")[2].lower()
        if given.lower() not in self._allowed and domain not in self._allowed:
            what = f"{self.name} may not write to {given or 'nobody'}"
            raise RefusedError(what, code="egress_denied", status=403, hint="the option to lists who may be written to")
        return given

    def _mail(self, call: Call, subject: str, text: str, key: str) -> Change:
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"] = self._settings.options["from"]
        mail["To"] = self._recipient(call)
        mail["Subject"] = subject
        mail["Date"] = formatdate(call.at)
        mail["Message-ID"] = f"<{key}@bartizan>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text, cte="quoted-printable")
        return Change(deed="mail", target=f"mailto:{self._recipient(call)}", detail=mail.as_bytes().decode("ascii"))
