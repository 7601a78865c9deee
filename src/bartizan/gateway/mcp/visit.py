"""One HTTP request to the MCP endpoint, once it is understood and admitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from bartizan.control import Context, History, Source
from bartizan.gateway.answers import Header
from bartizan.gateway.exchange import Exchange
from bartizan.gateway.mcp.headers import STATELESS
from bartizan.gateway.mcp.jsonrpc import Message
from bartizan.gateway.mcp.judging import Judged
from bartizan.gateway.mcp.secrets import Broker
from bartizan.gateway.mcp.server import Server
from bartizan.gateway.mcp.sessions import Session
from bartizan.model import Response

Refuse = Callable[[Message], Awaitable[None]]


class Visit:
    """What belongs together while one message of a client is served; ``message`` is None for a stream that a client opens."""

    def __init__(  # noqa: PLR0913 - these belong together, and nothing else makes one
        self,
        *,
        server: Server,
        session: Session,
        message: Message | None,
        body: bytes,
        version: str,
        exchange: Exchange,
        judged: Judged,
        tool: str = "",
        tools: Mapping[str, Mapping[str, Any]],
        broker: Broker,
        refuse: Refuse,
    ) -> None:
        self.server = server
        self.session = session
        self.message = message
        self.body = body
        self.version = version
        self.exchange = exchange
        self.judged = judged
        self.tool = tool
        self.told: dict[str, object] = {}
        self._tools = tools
        self._broker = broker
        self._refuse = refuse

    @property
    def label(self) -> Literal["trusted", "untrusted", "secret"]:
        """How what the tool returns is labelled."""
        settings = self.server.settings
        return settings.labels.get(self.tool.partition("/")[2], settings.results)

    def context(self) -> Context:
        """Return the context with what the session has seen until now."""
        task = (Source(origin="user", text=self.session.task),) if self.session.task else ()
        history = History(sources=(*task, *self.session.history), tools=self._tools)
        return msgspec.structs.replace(self.exchange.context, history=history)

    def remember(self, source: Source) -> None:
        """Keep what a server said, for the judging of later calls."""
        if source.text and self.tool:
            self.session.remember(source)

    def learn(self, response: Response) -> None:
        """Take the session that the server began."""
        given = response.headers.get(b"mcp-session-id", b"")
        if given and not self.session.upstream and len(given) <= 1024 and given.isascii():
            self.session.upstream = given.decode()

    def session_header(self) -> list[Header]:
        """Return the header that names our session, where the server keeps one."""
        if self.version in STATELESS or not self.session.upstream:
            return []
        return [(b"mcp-session-id", self.session.id.encode())]

    def lists_tools(self, message: Message) -> bool:
        """Say whether a message of the server answers ``tools/list``."""
        mine = self.message
        return mine is not None and mine.method == "tools/list" and message.kind == "response" and message.id == mine.id

    async def may_ask(self, message: Message) -> bool:
        """Say whether a request of the server goes to its client; one that does not is answered by us."""
        if message.method == "ping" or self.server.settings.client_requests == "guard":
            return True
        await self._refuse(message)
        return False

    def scrub(self, data: bytes) -> bytes:
        """Take brokered secrets out of what goes back."""
        return self._broker.scrub(data)
