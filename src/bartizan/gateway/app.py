"""The gateway as a raw ASGI application: routes, bodies, refusals. Every path out of here is on record or says why not."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bartizan.casework import Casebook
from bartizan.config import GatewaySettings, LimitSettings, McpSettings
from bartizan.control import Runner
from bartizan.errors import BartizanError, RefusedError, StoreError
from bartizan.event import Envelope, Tier
from bartizan.gateway.admission import Admission, headers_of
from bartizan.gateway.answers import JSON, Receive, Send, error_body, error_headers, ids, refusal, whole
from bartizan.gateway.chat import Chat
from bartizan.gateway.dialect import Dialect, Wire
from bartizan.gateway.exchange import Exchange, Live
from bartizan.gateway.forward import Forward
from bartizan.gateway.holds import Holds
from bartizan.gateway.limits import Limits
from bartizan.gateway.mcp import Mcp, build
from bartizan.gateway.messages import Messages
from bartizan.gateway.metrics import Metrics
from bartizan.gateway.pipeline import Pipeline
from bartizan.gateway.records import Ledger, Recorder
from bartizan.gateway.safety import PREFIX, Safety, encoded
from bartizan.gateway.server import ON_LEFT, http_response
from bartizan.gateway.traces import Traces
from bartizan.identity import Directory, Principal
from bartizan.model import Upstreams
from bartizan.monitor import case_of_exchange
from bartizan.policy import Policy, Resource

_LOG: Final = logging.getLogger("bartizan.gateway")
_IDENTITY_KINDS: Final = (
    *("key_revoked.v1", "account_standing_changed.v1", "grant_ended.v1", "grant_given.v1", "roles_assigned.v1"),
    *("principal_registered.v1", "measure_taken.v1", "measure_ended.v1"),
)


_NOISE: Final = 10
"""Random bytes an id takes: 74 bits of them."""
_PATIENCE: Final = 8
"""How many times the limit of a body is read before the connection is closed on its sender."""


class _Ids:
    """Ids of exchanges as ``new_id`` makes them, with one draw from the kernel for hundreds: each draw gives up the interpreter's lock."""

    def __init__(self) -> None:
        self._noise = b""

    def next(self) -> str:
        if len(self._noise) < _NOISE:
            self._noise = os.urandom(_NOISE * 512)
        noise, self._noise = int.from_bytes(self._noise[:_NOISE]), self._noise[_NOISE:]
        value = ((time.time_ns() // 1_000_000) << 80) | (7 << 76) | ((noise >> 62 & 0xFFF) << 64) | (2 << 62) | (noise & ((1 << 62) - 1))
        return f"ex_{value:032x}"


class _Visit:
    """What is known of one HTTP request so far."""

    __slots__ = ("body", "client", "headers", "id", "path", "principal", "wire")

    def __init__(self, exchange_id: str, path: str, wire: Wire) -> None:
        self.id = exchange_id
        self.path = path
        self.wire = wire
        self.headers: Mapping[bytes, bytes] = {}
        self.body = b""
        self.client: Sequence[object] | None = None
        self.principal: Principal | None = None


class Gateway:
    """The ASGI application. ``observe`` turns its own two verdicts (unknown items, media) to shadow; the registry does so for controls."""

    def __init__(  # noqa: PLR0913 - the rooms of the composition root
        self,
        ledger: Ledger,
        directory: Directory,
        policy: Policy,
        runner: Runner,
        upstreams: Upstreams,
        settings: GatewaySettings = GatewaySettings(),  # noqa: B008 - frozen
        *,
        limits: Mapping[Tier, LimitSettings] | None = None,
        observe: bool = False,
        mcp: McpSettings = McpSettings(),  # noqa: B008 - frozen
        casebook: Casebook | None = None,
    ) -> None:
        self.safety: Safety | None = None
        """Serves ``/v1/safety`` where it is composed."""
        self.metrics = Metrics()
        self.live = Live(directory)
        self.limits = Limits(limits or {}, max_concurrency=settings.max_concurrency)
        self._settings = settings
        self._ids = _Ids()
        self._tasks: set[asyncio.Task[None]] = set()
        self._policy = policy
        self._upstreams = upstreams
        self._recorder = Recorder(ledger)
        self._traces = Traces(ledger.pseudonym)
        self._admission = Admission(
            directory=directory, policy=policy, upstreams=upstreams, limits=self.limits, settings=settings, observe=observe
        )
        chat, messages = Chat(), Messages()
        self._pipeline = Pipeline(
            admission=self._admission,
            recorder=self._recorder,
            runner=runner,
            dialects={chat.speaks: chat, messages.speaks: messages},
            forward=Forward(ledger.pseudonym, end_user=settings.end_user),
            settings=settings,
            policy_version=lambda: policy.version,
            holds=Holds(ledger, casebook or Casebook(ledger)),
        )
        self._default: Dialect = chat
        self._routes: dict[str, Dialect] = {chat.path: chat, messages.path: messages}
        self.mcp: Mcp | None = None
        if mcp.servers and casebook is not None:
            self.mcp = build(mcp, ledger, casebook, admission=self._admission, runner=runner, live=self.live, policy=lambda: policy.version)
        ledger.subscribe(_IDENTITY_KINDS, self._identity_changed)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        path = scope["path"]
        dialect = self._routes.get(path)
        if dialect is None and path in {"/health", "/metrics"} and scope["method"] in {"GET", "HEAD"}:
            await self._look(path, send)
            return
        visit = _Visit(self._ids.next(), path, dialect or self._dialect_of(scope))
        try:
            visit.headers = headers_of(scope["headers"])
            visit.client = scope.get("client")
            if self.mcp is not None and path.startswith("/mcp/"):
                await self._tools(self.mcp, visit, scope, receive, send)
            elif dialect is not None and scope["method"] == "POST":
                await self._exchange(visit, dialect, receive, send, scope.get(ON_LEFT))
            elif self.safety is not None and path.startswith(PREFIX):
                await self._safe(visit, self.safety, scope, receive, send)
            else:
                await self._other(visit, scope, known=dialect is not None, send=send)
        except BartizanError as error:
            await self._refuse(visit, refusal(error), send)
        except Exception:  # noqa: BLE001 - the request edge: logged with an id, answered without details
            _LOG.exception("request %s failed", visit.id)
            await self._refuse(visit, refusal(BartizanError("")), send)

    async def _exchange(
        self, visit: _Visit, dialect: Dialect, receive: Receive, send: Send, on_left: list[Callable[[], None]] | None
    ) -> None:
        visit.body = await self._read(visit.headers, receive)
        began = time.perf_counter()
        visit.principal = principal = self._admission.authenticate(visit.headers)
        request = self._admission.read(dialect, visit.body, visit.headers)
        exchange = self._admission.admit(
            dialect, request, principal, visit.headers, exchange_id=visit.id, began=began, size=len(visit.body)
        )
        exchange.trace = self._traces.of(visit.client, visit.headers, request.segments, principal.account)
        if on_left is not None:
            on_left.append(exchange.left)
        else:
            exchange.watch(receive)
        self.live.add(exchange)
        try:
            ending = await self._pipeline.run(exchange, visit.body, visit.headers, send)
        finally:
            self.live.discard(exchange)
        self.metrics.ended(dialect.name, ending, exchange.marks)

    async def _tools(self, mcp: Mcp, visit: _Visit, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        visit.wire = mcp.wire
        mcp.check(scope, visit.headers)
        visit.principal = principal = self._admission.authenticate(visit.headers)
        body = await self._read(visit.headers, receive) if scope["method"] == "POST" else b""
        visit.body = body
        on_left: list[Callable[[], None]] | None = scope.get(ON_LEFT)

        def watch(exchange: Exchange) -> None:
            if on_left is not None:
                on_left.append(exchange.left)
            else:
                exchange.watch(receive)

        ending, exchange = await mcp.serve(scope["method"], visit.path, body, visit.headers, principal, visit.id, send, watch)
        if ending is not None and exchange is not None:
            self.metrics.ended(mcp.wire.name, ending, exchange.marks)

    async def _safe(self, visit: _Visit, safety: Safety, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        method, query = scope["method"], scope.get("query_string", b"").decode("latin-1")
        body = await self._read(visit.headers, receive) if method == "POST" else b""
        if visit.path.startswith(f"{PREFIX}webhooks/") and method == "POST":
            visit.body = body
            answer: Any = await safety.notice(visit.path, visit.headers, body)
        else:
            visit.principal = principal = self._admission.identify(visit.headers)
            # A statement is nobody's to keep but in the appeal itself, so a refused one is not kept as a request's body.
            self._limits_of_safety(principal)
            answer = await safety.serve(method, visit.path, query, principal, body)
        await whole(send, 200, encoded(answer), [JSON, *ids(visit.id)])

    def _limits_of_safety(self, principal: Principal) -> None:
        self.limits.reserve(principal.account, Tier.PUBLIC, tokens=0).settle(0)

    async def _read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Read the body. One that is too large is read on for a while: most clients see no answer before they have sent it all."""
        limit = self._settings.max_body_bytes
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:19]) > limit * _PATIENCE:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        more = True
        while more and size <= limit * _PATIENCE:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RefusedError("the body ended early", code="truncated_body", status=400)
            more = message.get("more_body", False)
            part = message.get("body", b"")
            size += len(part)
            if size <= limit:
                parts.append(part)
        if size > limit:
            raise _too_large(limit)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _other(self, visit: _Visit, scope: dict[str, Any], *, known: bool, send: Send) -> None:
        method = scope["method"]
        if visit.path == "/v1/models" and method == "GET":
            await self._models(visit, send)
        elif known or visit.path in {"/v1/models", "/health", "/metrics"}:
            raise RefusedError(f"{method[:20]} is not served here", code="method_not_allowed", status=405)
        else:
            raise RefusedError("nothing is served at this path", code="not_found", status=404)

    async def _models(self, visit: _Visit, send: Send) -> None:
        visit.principal = principal = self._admission.authenticate(visit.headers)
        decision = self._policy.decide(principal, "model.list", Resource(type="Record", id="models"), {})
        if not decision.allowed:
            raise RefusedError("you may not list models", code="model_denied", status=403, hint=decision.hint)
        listing = {
            "object": "list",
            "data": [
                {"id": name, "object": "model", "type": "model", "display_name": name, "created": 0, "owned_by": upstream}
                for name, upstream in self._upstreams.models()
            ],
            "has_more": False,
        }
        await whole(send, 200, msgspec.json.encode(listing), [JSON, *ids(visit.id)])

    async def _look(self, path: str, send: Send) -> None:
        if path == "/health":
            await whole(send, 200, b'{"status":"ok","running":%d}' % len(self.live), [JSON])
        else:
            text = self.metrics.text(running=len(self.live), connections=self._upstreams.open_connections)
            await whole(send, 200, text, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")])

    async def _refuse(self, visit: _Visit, error: RefusedError, send: Send) -> None:
        """Record and answer a request that never became an exchange; one that can't be recorded is told 503."""
        self.metrics.refused(visit.wire.name, error.code)
        if error.status == 403 and visit.principal is not None:
            error.case = error.case or case_of_exchange(visit.id)
        if error.code not in {"store_unavailable", "internal_error"}:
            try:
                await self._recorder.refused(
                    error, exchange_id=visit.id, path=visit.path, dialect=visit.wire.name, body=visit.body, principal=visit.principal
                )
            except StoreError as failure:
                _LOG.error("request %s could not be recorded: %s", visit.id, failure)
                error = refusal(failure)
        await whole(send, error.status, error_body(visit.wire, error, visit.id), error_headers(error, visit.id))

    def malformed(self, reason: str) -> bytes:
        """Return the response to bytes that are not HTTP, and have it recorded; called by ``server.EdgeProtocol``."""
        visit = _Visit(self._ids.next(), "", self._default)
        error = RefusedError("this is not an HTTP request that can be read", code="malformed_http", status=400, param=reason)
        self.metrics.refused("", error.code)
        task = asyncio.get_running_loop().create_task(self._record_malformed(visit, error))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return http_response(error_body(self._default, error, visit.id), visit.id)

    async def _record_malformed(self, visit: _Visit, error: RefusedError) -> None:
        try:
            await self._recorder.refused(error, exchange_id=visit.id, path="", dialect="", body=b"", principal=None)
        except StoreError as failure:
            _LOG.error("request %s could not be recorded: %s", visit.id, failure)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.live.close()
                self._upstreams.close()
                if self.mcp is not None:
                    self.mcp.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _dialect_of(self, scope: dict[str, Any]) -> Dialect:
        """Guess whose words an error must be in when the path doesn't say: only Anthropic's clients send this header."""
        if any(name == b"anthropic-version" for name, _ in scope["headers"]):
            return next(dialect for dialect in self._routes.values() if dialect.speaks == "anthropic")
        return self._default

    def _identity_changed(self, _seq: int, _entry: Envelope) -> None:
        self.live.recheck_soon()


def _too_large(limit: int) -> RefusedError:
    return RefusedError(f"the body is larger than {limit} bytes", code="body_too_large", status=413)
