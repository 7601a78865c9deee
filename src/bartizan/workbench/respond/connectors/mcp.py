"""``mcp``: tools of a server of the Model Context Protocol over streamable HTTP, such as one behind bartizan's own gateway.

Each operation names a tool; its arguments go as JSON. Point ``url`` to ``/mcp/NAME`` of the gateway, and the calls are judged there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError, UpstreamError
from bartizan.model import Client, Timeouts
from bartizan.workbench.respond.connectors.generic import verb_of
from bartizan.workbench.respond.connectors.web import Web
from bartizan.workbench.respond.contract import Call, Change, State, Verb

_PROTOCOL: Final = "2025-06-18"
_TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=30.0, chunk_s=30.0, total_s=60.0)
_MAX_ANSWER: Final = 1 << 20


class Mcp(Web):
    """A server of tools. Only tools that the settings write out are verbs; what they say of effect and undo is the operator's word."""

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not settings.operations:
            raise ConfigError(f"the connector {name} has no tools", hint=f"[respond.connectors.{name}.operations.VERB] tool")
        tools = {
            verb: msgspec.structs.replace(each, tool=each.tool or verb, path="", method="POST")
            for verb, each in settings.operations.items()
        }
        self._tools = tools
        self._verbs = {verb: verb_of(name, verb, each, tools) for verb, each in tools.items()}

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        return self._verbs

    def look(self, call: Call) -> State:
        """Call the reading tool, where there is one."""
        tool = self._tools[call.verb]
        if tool.effect == "read":
            return {"answer": self._call(tool.tool, call.arguments, call.key)}
        if not tool.look:
            return {}
        answer = self._call(self._tools[tool.look].tool, call.arguments, call.key)
        return {"done": isinstance(answer, dict) and answer.get(tool.done) is True}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Call the tool, unless it only reads or what it does is done."""
        tool = self._tools[call.verb]
        return () if tool.effect == "read" or now.get("done") else (self._change(tool.tool, call),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:
        """Call the tool that takes it back."""
        tool = self._tools[call.verb]
        if not tool.undo or (tool.look and (before.get("done") or not now.get("done"))):
            return ()
        return (self._change(self._tools[tool.undo].tool, call),)

    def perform(self, call: Call, change: Change) -> State:
        """Call a tool that changes something."""
        order = msgspec.json.decode(change.detail)
        return {"answer": self._call(order["name"], order["arguments"], call.key)}

    def _change(self, tool: str, call: Call) -> Change:
        detail = msgspec.json.encode({"name": tool, "arguments": dict(call.arguments)}, order="sorted").decode()
        return Change(deed="call tool", target=self.address(""), detail=detail)

    def _call(self, tool: str, arguments: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - any JSON
        return asyncio.run(self._session(tool, arguments, key))

    async def _session(self, tool: str, arguments: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - any JSON
        files = {self._origin: self.settings.ca_file} if self.settings.ca_file else {}
        client = Client({self._origin}, timeouts=_TIMEOUTS, ca_files=files, max_response_bytes=_MAX_ANSWER, retries=0)
        try:
            hello = {"protocolVersion": _PROTOCOL, "capabilities": {}, "clientInfo": {"name": "bartizan", "version": "1"}}
            _, session = await self._ask(client, {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}, "")
            await self._ask(client, {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
            meta = {"name": tool, "arguments": dict(arguments), "_meta": {"io.bartizan/key": key}}
            answer, _ = await self._ask(client, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": meta}, session)
        finally:
            client.close()
        return _result(self.name, answer)

    async def _ask(self, client: Client, message: Mapping[str, Any], session: str) -> tuple[Any, str]:
        body = msgspec.json.encode(message)
        lines = [
            f"POST {urlsplit(self.settings.url).path or '/'} HTTP/1.1",
            f"Host: {self._origin.authority}",
            "Content-Type: application/json",
            "Accept: application/json, text/event-stream",
            f"MCP-Protocol-Version: {_PROTOCOL}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in self.credentials()),
            *([f"Mcp-Session-Id: {session}"] if session else []),
        ]
        response = await client.request(self._origin, "\r\n".join((*lines, "", "")).encode("ascii") + body)
        data = await response.body()
        if response.status >= 400:
            raise UpstreamError(f"{self.name} answered {response.status}", code=f"status_{response.status}")
        held = response.headers.get(b"mcp-session-id", b"").decode("ascii", "replace")
        return _message(data, response.headers.get(b"content-type", b"")), held if held.isprintable() and held.isascii() else ""


def _message(data: bytes, media: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return the message of an answer, be it JSON or the last data of an event stream."""
    if media.startswith(b"text/event-stream"):
        events = [line[5:].strip() for line in data.splitlines() if line.startswith(b"data:")]
        data = next((each for each in reversed(events) if b'"id"' in each), b"")
    try:
        return msgspec.json.decode(data) if data.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _result(name: str, answer: Any) -> Any:  # noqa: ANN401 - any JSON
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, dict) or result.get("isError"):
        raise UpstreamError(f"a tool of {name} failed", code="tool_failed")
    if isinstance(result.get("structuredContent"), dict):
        return result["structuredContent"]
    content = result.get("content")
    texts = [each.get("text", "") for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    try:
        return msgspec.json.decode("".join(map(str, texts)))
    except (msgspec.DecodeError, RecursionError):
        return {"text": "".join(map(str, texts))[:4000]}
