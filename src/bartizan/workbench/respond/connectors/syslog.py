"""``syslog``: write one RFC 5424 message over UDP or TCP (RFC 6587, counted). Nothing answers, so a message cut off is in doubt."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlsplit

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError, RefusedError, UpstreamError
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_FACILITY: Final = 13  # log audit
_SEVERITY: Final[Mapping[str, int]] = {"critical": 2, "high": 3, "medium": 4, "low": 5, "informational": 6}
_TIMEOUT_S: Final = 5.0
_MAX_BYTES: Final = 2048


class Syslog:
    """A collector at ``udp://host:port`` or ``tcp://host:port``."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "write": Verb(
            name="write",
            effect="reversible",
            doc="write a message to the log collector",
            arguments=(Argument(name="text", kind="line"), Argument(name="severity", kind="word", default="high")),
            doubt="ask",
            compensation="write that it is withdrawn",
        ),
    }

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        try:
            parts = urlsplit(settings.url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(f"reading the address of {name}: {error}") from error
        if parts.scheme not in {"udp", "tcp"} or not host or not port:
            raise ConfigError(f"the connector {name} needs udp://host:port or tcp://host:port", hint=f"[respond.connectors.{name}] url")
        self.name = name
        self._scheme, self._host, self._port = parts.scheme, host, port

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        return self.VERBS

    def look(self, call: Call) -> State:  # noqa: ARG002 - a collector can't be asked
        """Return nothing: it can't be asked."""
        return {}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Write it."""
        return (self._message(call, call.arguments["text"]),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - as above
        """Write that it is withdrawn."""
        return (self._message(call, "withdrawn: " + call.arguments["text"]),)

    def perform(self, call: Call, change: Change) -> State:  # noqa: ARG002 - the change says it all
        """Send the message."""
        if change.target != self._target:
            raise RefusedError(f"{change.target} is not the address of {self.name}", code="egress_denied", status=403)
        data = change.detail.encode()
        kind = socket.SOCK_DGRAM if self._scheme == "udp" else socket.SOCK_STREAM
        try:
            found = socket.getaddrinfo(self._host, self._port, type=kind)[0]
            with socket.socket(found[0], kind) as channel:
                channel.settimeout(_TIMEOUT_S)
                channel.connect(found[4])
                channel.sendall(data if kind == socket.SOCK_DGRAM else f"{len(data)} ".encode() + data)
        except OSError as error:
            raise UpstreamError(f"writing to {self._target}: {error}", code="upstream_unreachable") from error
        return {"bytes": len(data)}

    @property
    def _target(self) -> str:
        return f"{self._scheme}://{self._host}:{self._port}"

    def _message(self, call: Call, text: str) -> Change:
        """Write the header without a time: the collector knows when it came, and the message is the same whenever it is tried."""
        priority = _FACILITY * 8 + _SEVERITY.get(call.arguments["severity"], 5)
        line = f'<{priority}>1 - - bartizan - response [bartizan@32473 key="{call.key}"] {text}'
        return Change(deed="send", target=self._target, detail=line.encode()[:_MAX_BYTES].decode(errors="ignore"))
