"""One upstream MCP server, spoken to over streamable HTTP; nothing of a client's own headers reaches it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from bartizan.config import McpServerSettings
from bartizan.errors import ConfigError, RefusedError
from bartizan.model import Response
from bartizan.model.http import Client, Origin, Timeouts

_ACCEPT: Final = "accept: application/json, text/event-stream\r\n"
_TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=120.0, chunk_s=900.0, total_s=3600.0)
"""A server that thinks is not a server that hangs: tools take their time, and event streams are silent for long."""


class Server:
    """Where one server is and how a request to it begins. ``name`` is its name in the settings."""

    def __init__(self, name: str, settings: McpServerSettings, client: Client, *, token: str = "") -> None:
        self.name = name
        self.settings = settings
        self._client = client
        self._origin = Origin.of(settings.url)
        path = urlsplit(settings.url).path or "/"
        secret = settings.key.reveal() if settings.key else token
        if not (path + secret).isascii() or any(character <= " " for character in path + secret):
            raise ConfigError(f"the MCP server {name}: its path or key has characters that can't be sent")
        self._path = path
        self._common = f"host: {self._origin.authority}\r\naccept-encoding: identity\r\nuser-agent: bartizan\r\n"
        if secret:
            self._common += f"authorization: Bearer {secret}\r\n"

    async def send(
        self, method: str, body: bytes = b"", *, session: str = "", version: str = "", extra: Iterable[tuple[str, str]] = ()
    ) -> Response:
        """Send one request and return its answer once the head is here; raises UpstreamError."""
        lines = [f"{method} {self._path} HTTP/1.1\r\n", self._common]
        lines.append("accept: text/event-stream\r\n" if method == "GET" else _ACCEPT)
        named = dict(extra)
        if session:
            named["mcp-session-id"] = session
        if version:
            named.setdefault("mcp-protocol-version", version)
        lines += [f"{name}: {value}\r\n" for name, value in named.items()]
        if method == "POST":
            lines.append(f"content-type: application/json\r\ncontent-length: {len(body)}\r\n")
        lines.append("\r\n")
        return await self._client.request(self._origin, "".join(lines).encode("ascii") + body)


class Servers:
    """All upstream MCP servers, and the one client that may call them and nobody else."""

    def __init__(
        self, settings: Mapping[str, McpServerSettings], *, max_response_bytes: int, timeouts: Timeouts = _TIMEOUTS, token: str = ""
    ) -> None:
        origins = {name: Origin.of(each.url) for name, each in settings.items()}
        for name in settings:
            if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 40 or "__" in name:
                raise ConfigError(f"{name!r} is no name for an MCP server", hint="letters, digits, - and _, at most 40, no double _")
        self._client = Client(
            origins.values(),
            timeouts=timeouts,
            max_response_bytes=max_response_bytes,
            ca_files={origins[name]: each.ca_file for name, each in settings.items() if each.ca_file},
        )
        self._all = {name: Server(name, each, self._client, token=token) for name, each in settings.items()}

    def __iter__(self) -> Iterator[Server]:
        return iter(self._all.values())

    def get(self, name: str) -> Server:
        """Return a server; raises RefusedError 404 ``unknown_server``."""
        server = self._all.get(name)
        if server is None:
            raise RefusedError("there is no such MCP server", code="unknown_server", status=404, hint="[mcp.servers.NAME]")
        return server

    def names(self) -> tuple[str, ...]:
        """Return the names of all servers."""
        return tuple(self._all)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()
