"""The endpoint ``/mcp/SERVER``: what a client sends becomes a visit, or a refusal on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import msgspec

from bartizan.config import McpSettings
from bartizan.control import Context
from bartizan.errors import RefusedError
from bartizan.gateway.admission import Admission
from bartizan.gateway.answers import Send, ids, whole
from bartizan.gateway.dialect import Request, Wire
from bartizan.gateway.exchange import Exchange, Live
from bartizan.gateway.mcp import jsonrpc, judging
from bartizan.gateway.mcp.approvals import Approvals
from bartizan.gateway.mcp.catalog import Catalog, definition_of
from bartizan.gateway.mcp.headers import (
    CAPABILITIES_META,
    HANDSHAKE,
    STATELESS,
    check_accept,
    check_caller,
    check_json,
    parameters,
    routing,
)
from bartizan.gateway.mcp.headers import revision as revision_of
from bartizan.gateway.mcp.jsonrpc import JsonRpc, Message
from bartizan.gateway.mcp.relay import Relay
from bartizan.gateway.mcp.secrets import Broker
from bartizan.gateway.mcp.server import Server, Servers
from bartizan.gateway.mcp.sessions import Session, Sessions
from bartizan.gateway.mcp.visit import Visit
from bartizan.gateway.records import Ending
from bartizan.guard.pins import Pins, Tool
from bartizan.identity import Principal
from bartizan.model import Response, Upstream

_SSE: Final = b"text/event-stream"
_METHODS: Final = frozenset(
    {
        *("initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read"),
        *("resources/subscribe", "resources/unsubscribe", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel"),
        *("server/discover", "subscriptions/listen"),
    }
)
"""Requests of clients that are understood. Tasks of the 2025-11-25 experiment are not: what runs on unseen is not judged."""
_NOTIFICATIONS: Final = frozenset(
    {"notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/roots/list_changed"}
)
_TASK: Final = "bartizan/task"


class Mcp:
    """Serves MCP's clients. Everything that a client sends is an exchange: on record before it goes on, judged both ways."""

    wire: Wire = JsonRpc()

    def __init__(
        self,
        *,
        settings: McpSettings,
        servers: Servers,
        admission: Admission,
        relay: Relay,
        catalog: Catalog,
        approvals: Approvals,
        broker: Broker,
        live: Live,
    ) -> None:
        self._settings = settings
        self._servers = servers
        self._admission = admission
        self._relay = relay
        self._catalog = catalog
        self._approvals = approvals
        self._broker = broker
        self._live = live
        self._sessions = Sessions(most=settings.max_sessions, minutes=settings.session_minutes)
        self._implied: dict[tuple[str, str], Session] = {}

    @property
    def pins(self) -> Pins:
        """What is agreed to."""
        return self._catalog.pins

    def close(self) -> None:
        """Close all connections to servers."""
        self._servers.close()

    def check(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> None:
        """Refuse what does not come from where it may, before anything of it is read."""
        check_caller(headers, hosts=self._settings.hosts, origins=self._settings.origins)
        if scope["method"] not in {"GET", "POST", "DELETE"}:
            raise RefusedError("MCP is spoken by POST, GET and DELETE", code="method_not_allowed", status=405)

    async def serve(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[bytes, bytes],
        principal: Principal,
        exchange_id: str,
        send: Send,
        watch: Callable[[Exchange], None],
    ) -> tuple[Ending | None, Exchange | None]:
        """Serve one request; raises RefusedError for one that never becomes an exchange."""
        server = self._servers.get(path.removeprefix("/mcp").strip("/"))
        message = self._read(method, body, headers)
        version = revision_of(headers, message)
        session = self._session(method, headers, message, version, principal, server)
        if method == "DELETE":
            await self._end(server, session, exchange_id, send)
            return None, None
        visit = await self._admit(server, session, message, body, version or session.version, principal, headers, exchange_id)
        watch(visit.exchange)
        self._live.add(visit.exchange)
        try:
            ending = await self._relay.run(visit, partial(self._ask, visit), self._rewrite, send)
        finally:
            self._live.discard(visit.exchange)
        self._after(visit, ending)
        return ending, visit.exchange

    def _read(self, method: str, body: bytes, headers: Mapping[bytes, bytes]) -> Message | None:
        if method != "POST":
            if method == "GET":
                check_accept(headers, _SSE)
            return None
        check_json(headers)
        check_accept(headers, b"application/json", _SSE)
        message = jsonrpc.read(body)
        if message.kind == "request" and message.method not in _METHODS:
            raise RefusedError(f"{message.method[:80]} is not a method that is passed on", code="unknown_method", status=404)
        if message.kind == "notification" and message.method not in _NOTIFICATIONS:
            raise RefusedError(f"{message.method[:80]} is not a notification that is passed on", code="unknown_method", status=400)
        return message

    def _session(
        self, method: str, headers: Mapping[bytes, bytes], message: Message | None, version: str, principal: Principal, server: Server
    ) -> Session:
        if message is not None and message.method == "initialize":
            session = self._sessions.begin(principal, server.name)
            session.task = _task(message)
            return session
        named = headers.get(b"mcp-session-id")
        if named is not None and version not in STATELESS:
            return self._sessions.find(named.decode("latin-1"), principal, server.name)
        if method != "POST":
            raise RefusedError("no session is named", code="missing_session", status=400 if version not in STATELESS else 405)
        # Without a session what was seen is remembered for the principal, or a flow would end where a request does.
        key = (principal.id, server.name)
        if key not in self._implied or not self._sessions.knows(self._implied[key].id):
            self._implied[key] = self._sessions.begin(principal, server.name)
        return self._sessions.find(self._implied[key].id, principal, server.name)

    async def _admit(
        self,
        server: Server,
        session: Session,
        message: Message | None,
        body: bytes,
        version: str,
        principal: Principal,
        headers: Mapping[bytes, bytes],
        exchange_id: str,
    ) -> Visit:
        began = time.perf_counter()
        name = _tool_name(message)
        tool = f"{server.name}/{name}"
        granted = True
        if server.settings.grants == "required" and _acts(message):
            granted = self.pins.granted({principal.id, principal.person}, tool, at=time.time())
        context, reservation = self._admission.admit_tool(
            principal, headers, tool, granted=granted, exchange_id=exchange_id, size=len(body)
        )
        exchange = Exchange(
            began=began,
            principal=principal,
            wire=self.wire,
            request=Request(model=tool, stream=False, choices=1, max_tokens=0, segments=(), tools={}),
            upstream=cast("Upstream", server),  # only its name is asked for
            context=context,
            reservation=reservation,
        )
        try:
            judged, tools = await self._understand(server, message, context)
        except BaseException:
            reservation.settle(0)
            raise
        return Visit(
            server=server,
            session=session,
            message=message,
            body=body,
            version=version,
            exchange=exchange,
            judged=judged,
            tool=tool if _acts(message) else "",
            tools=tools,
            broker=self._broker,
            refuse=partial(self._refuse_server, server, session, version),
        )

    async def _understand(
        self, server: Server, message: Message | None, context: Context
    ) -> tuple[judging.Judged, dict[str, dict[str, Any]]]:
        """Return what is to be judged, and the pinned definitions; raises RefusedError for a tool that may not be called."""
        if message is None:
            return judging.Judged(), {}
        if message.method != "tools/call":
            return judging.asked(message), {}
        name = _tool_name(message)
        await self._catalog.check(server, context)
        tool = self.pins.tool(server.name, name)
        _must_be_pinned(tool)
        definition = definition_of(tool)
        return judging.call(message, name, definition), {name: definition}

    async def _ask(self, visit: Visit) -> Response:
        """Send the message on, as it came but for what is not for the server to see or to know."""
        message, session = visit.message, visit.session
        if message is None:
            extra = [("last-event-id", visit.body.decode())] if visit.body else []
            return await visit.server.send("GET", session=session.upstream, version=session.version, extra=extra)
        body, extra = message.raw, []
        if message.method == "tools/call":
            body = await self._call(visit, message)
        elif message.method == "initialize":
            body = _introduced(message, keep=visit.server.settings.client_requests == "guard")
        if visit.version in STATELESS and message.kind == "request":
            if visit.server.settings.client_requests == "refuse":
                body = _without_capabilities(body)
            extra = routing(message, visit.version)
            definition = visit.context().history.tools.get(str(message.params.get("name", "")), {})
            extra += parameters(message, definition.get("inputSchema") or {})
        return await visit.server.send("POST", body, session=session.upstream, version=visit.version, extra=extra)

    async def _call(self, visit: Visit, message: Message) -> bytes:
        """Ask for consent where the call needs it, then put secrets in place."""
        text = visit.judged.text
        self._broker.check(text, visit.tool)
        await self._approvals.check(visit)
        if not self._broker.names(text):
            return message.raw
        fields = msgspec.json.decode(message.raw)
        fields["params"]["arguments"] = self._broker.fill(fields["params"]["arguments"])
        return msgspec.json.encode(fields)

    async def _rewrite(self, visit: Visit, message: Message) -> bytes:
        """Change a response: lists of tools keep those that are pinned and may be called by who asks, as they were pinned."""
        if visit.message is not None and visit.message.method == "initialize":
            version = message.result.get("protocolVersion")
            visit.session.version = visit.version = version if version in HANDSHAKE else HANDSHAKE[0]
            return message.raw
        if not visit.lists_tools(message):
            return message.raw
        definitions = [tool for tool in message.result.get("tools", []) if type(tool) is dict]
        context = visit.exchange.context
        tools = await self._catalog.saw(visit.server, definitions, context)
        kept = [
            each
            for each in definitions
            if tools[str(each.get("name", ""))].state == "pinned"
            and self._admission.may_call(visit.exchange.principal, context.tier, f"{visit.server.name}/{each['name']}")
        ]
        for number, each in enumerate(kept):
            await self._relay.judge(visit, judging.described(each, f"$.result.tools[{number}]"), "input")
        return msgspec.json.encode({**message.fields, "result": {**message.result, "tools": kept}})

    async def _refuse_server(self, server: Server, session: Session, version: str, message: Message) -> None:
        """Answer a server's own request in the client's place."""
        body = jsonrpc.error(message.id, jsonrpc.REFUSED, "requests to clients are not passed on")
        response = await server.send("POST", body, session=session.upstream, version=version)
        await response.body()

    async def _end(self, server: Server, session: Session, exchange_id: str, send: Send) -> None:
        self._sessions.end(session.id)
        status = 200
        if session.upstream:
            response = await server.send("DELETE", session=session.upstream, version=session.version)
            await response.body()
            status = response.status if response.status in {200, 204, 405} else 200
        await whole(send, status, b"", ids(exchange_id))

    def _after(self, visit: Visit, ending: Ending) -> None:
        if ending.status == 404 or (visit.message is not None and visit.message.method == "initialize" and ending.outcome != "answered"):
            self._sessions.end(visit.session.id)


def _must_be_pinned(tool: Tool) -> None:
    if tool.state == "pinned":
        return
    hints = {
        "changed": "its description is not what was agreed to; two persons pin it anew: bartizan mcp pin",
        "withdrawn": "it was withdrawn; two persons pin it anew: bartizan mcp pin",
        "unknown": "nobody has pinned it: bartizan mcp pin",
    }
    raise RefusedError(
        f"the tool {tool.name[:100]} is not one that may be called",
        code="tool_" + tool.state if tool.state != "unknown" else "unknown_tool",
        status=200 if tool.state == "unknown" else 403,
        hint=hints[tool.state],
        param=tool.name[:100],
    )


def _tool_name(message: Message | None) -> str:
    if message is None:
        return "stream"
    if message.method == "tools/call":
        name = message.params.get("name")
        if type(name) is not str or not 0 < len(name) <= 128 or not name.isprintable():
            raise RefusedError("a call names its tool by a short string", code="invalid_params", status=400)
        if type(message.params.get("arguments", {})) is not dict:
            raise RefusedError("the arguments of a call are an object", code="invalid_params", status=400)
        return name
    return message.method or message.kind


def _acts(message: Message | None) -> bool:
    return message is not None and message.method in {"tools/call", "resources/read", "prompts/get"}


def _task(message: Message) -> str:
    """Return the task that a client states as the session begins, when nothing from outside can have been seen."""
    meta = message.params.get("_meta")
    task = meta.get(_TASK) if type(meta) is dict else None
    return task[:20_000] if type(task) is str else ""


def _introduced(message: Message, *, keep: bool) -> bytes:
    """Rewrite ``initialize``: a revision that we speak, and no capability that lets a server ask its client."""
    fields = msgspec.json.decode(message.raw)
    params = fields.setdefault("params", {})
    if params.get("protocolVersion") not in HANDSHAKE:
        params["protocolVersion"] = HANDSHAKE[-1]
    if not keep:
        params["capabilities"] = {}
    if type(params.get("_meta")) is dict:
        params["_meta"].pop(_TASK, None)
    return msgspec.json.encode(fields)


def _without_capabilities(body: bytes) -> bytes:
    fields = msgspec.json.decode(body)
    fields["params"]["_meta"][CAPABILITIES_META] = {}
    return msgspec.json.encode(fields)
