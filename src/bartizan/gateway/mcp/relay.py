"""One message of a client, from its record to the end of its answer: judged, sent, and every message that comes back judged too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from bartizan.config import McpSettings
from bartizan.control import Runner, Segment, Source
from bartizan.control.judgement import cuts
from bartizan.errors import BartizanError, RefusedError, UpstreamError
from bartizan.event import Verdict
from bartizan.gateway.admission import Admission
from bartizan.gateway.answers import JSON, STREAM, Header, Send, ids, part, refusal, whole
from bartizan.gateway.delivery import Ended
from bartizan.gateway.exchange import Cut
from bartizan.gateway.mcp import jsonrpc
from bartizan.gateway.mcp.events import EventStream, StreamEvent
from bartizan.gateway.mcp.jsonrpc import Message
from bartizan.gateway.mcp.judging import Judged, answered, said
from bartizan.gateway.mcp.visit import Visit
from bartizan.gateway.records import Ending, Recorder
from bartizan.model import Response

_LOG: Final = logging.getLogger("bartizan.gateway.mcp")
_MAX_ERROR: Final = 64 << 10
Rewrite = Callable[[Visit, Message], Awaitable[bytes]]


class Last(msgspec.Struct, frozen=True):
    """What is sent once the exchange is on record."""

    status: int
    body: bytes
    headers: list[Header]


class Relay:
    """Runs exchanges with MCP servers. ``rewrite`` may change a response (lists of tools) once it was judged."""

    def __init__(
        self, *, recorder: Recorder, runner: Runner, admission: Admission, settings: McpSettings, policy_version: Callable[[], str]
    ) -> None:
        self._recorder = recorder
        self._runner = runner
        self._admission = admission
        self._settings = settings
        self._policy_version = policy_version

    async def run(self, visit: Visit, ask: Callable[[], Awaitable[Response]], rewrite: Rewrite, send: Send) -> Ending:
        """Take an exchange to its end; raises StoreError, with nothing released, when it can't be recorded."""
        ending, exchange = Ending(), visit.exchange
        try:
            await self._recorder.admitted(exchange, visit.body, self._policy_version())
            exchange.mark("admitted_ms")
            last = await self._serve_or_end(visit, ending, ask, rewrite, send)
            await self._recorder.completed(exchange, ending)
        except BartizanError as error:
            if not exchange.started:
                raise
            _LOG.error("exchange %s could not be recorded: %s", exchange.id, error)
            last = self._ended(visit, ending, Ended("failed", refusal(error)))
        finally:
            exchange.ended = True
            exchange.unwatch()
            if exchange.response is not None:
                exchange.response.close()
            exchange.reservation.settle(ending.used)
        if last is not None:
            if exchange.started:
                await part(send, last.body, more=False)
            else:
                await whole(send, last.status, last.body, last.headers)
        return ending

    async def _serve_or_end(
        self, visit: Visit, ending: Ending, ask: Callable[[], Awaitable[Response]], rewrite: Rewrite, send: Send
    ) -> Last | None:
        exchange = visit.exchange
        try:
            exchange.interruptible(on=True)
            await self.judge(visit, visit.judged, "tool" if visit.judged.calls else "input")
            exchange.mark("judged_ms")
            exchange.response = response = await ask()
            exchange.mark("first_byte_ms")
            last = await self._deliver(visit, ending, response, rewrite, send)
        except Cut:
            ended = _cut(visit)
        except asyncio.CancelledError:
            if not exchange.was_cut():
                self._ended(visit, ending, Ended("failed", RefusedError("the gateway is stopping", code="shutting_down", status=503)))
                await self._recorder.completed(exchange, ending)
                raise
            ended = _cut(visit)
        except Ended as error:
            ended = error
        except (RefusedError, UpstreamError) as error:
            ended = _cut(visit) if exchange.cut_by else Ended("failed", _told(error))
        except Exception:  # noqa: BLE001 - the request edge: logged with the exchange's id, answered without details
            _LOG.exception("exchange %s failed", exchange.id)
            ended = Ended("failed", refusal(BartizanError("")))
        else:
            exchange.ended = True
            exchange.interruptible(on=False)
            return last
        exchange.interruptible(on=False)
        exchange.ended = True
        if exchange.response is not None:
            exchange.response.close()
        return self._ended(visit, ending, ended)

    async def judge(self, visit: Visit, judged: Judged, phase: str) -> None:
        """Have everything in a message judged; raises Ended when an enforced control stops it."""
        exchange = visit.exchange
        verdicts: list[Verdict] = []
        if judged.media:
            verdicts.append(self._admission.media(judged.media, exchange.context.actions))
        segments: tuple[Segment, ...] = judged.segments
        if segments or judged.calls:
            judgement = await self._runner.judge(phase, segments, judged.calls, visit.context())  # type: ignore[arg-type]  # a Phase
            verdicts += judgement.verdicts
            decisive = judgement.decisive if cuts(judgement.action) else None
        else:
            decisive = None
        exchange.verdicts += verdicts
        own = next((verdict for verdict in verdicts[: 1 if judged.media else 0] if verdict.mode == "enforce" and cuts(verdict.would)), None)
        if (stopped := own or decisive) is not None:
            raise Ended("blocked", stopped_by(stopped, judged), stopped)

    async def _deliver(self, visit: Visit, ending: Ending, response: Response, rewrite: Rewrite, send: Send) -> Last:
        kind = response.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        visit.learn(response)
        headers = [*ids(visit.exchange.id), *visit.session_header()]
        if response.status == 202 or (response.status == 200 and visit.message is not None and visit.message.kind != "request"):
            await response.body()
            return Last(202, b"", headers)
        if response.status == 200 and kind == b"text/event-stream":
            return await self._stream(visit, ending, response, rewrite, send)
        data = await response.body()
        ending.answer.append(data[:_MAX_ERROR] if response.status != 200 else data)
        if response.status in {200, 204} and not data:
            return Last(200, b"", headers)
        if kind != b"application/json":
            raise UpstreamError(f"the MCP server answered {response.status} with {kind[:40]!r}", code="upstream_protocol")
        out, _ = await self._message(visit, data, rewrite)
        ending.released += len(out)
        return Last(response.status, out, [JSON, *headers])

    async def _stream(self, visit: Visit, ending: Ending, response: Response, rewrite: Rewrite, send: Send) -> Last:
        """Pass events on one by one, each judged; the one that answers is the last and waits until the exchange is on record."""
        exchange, parser = visit.exchange, EventStream(max_event_bytes=self._settings.max_message_bytes)
        seen = 0
        while data := await response.read():
            for event in parser.feed(data):
                seen += 1
                if seen > self._settings.max_messages:
                    raise UpstreamError("the server's stream has too many messages", code="upstream_too_large")
                out, final = await self._event(visit, ending, event, rewrite)
                if final:
                    exchange.mark("first_release_ms")
                    return Last(200, out, [*STREAM, *ids(exchange.id), *visit.session_header()])
                if not out:
                    continue
                ending.released += len(out)
                if not exchange.started:
                    exchange.started = True
                    exchange.mark("first_release_ms")
                    headers = [*STREAM, *ids(exchange.id), *visit.session_header()]
                    await send({"type": "http.response.start", "status": 200, "headers": headers})
                await part(send, out, more=True)
        return Last(200, b"", [*STREAM, *ids(exchange.id), *visit.session_header()])

    async def _event(self, visit: Visit, ending: Ending, event: StreamEvent, rewrite: Rewrite) -> tuple[bytes, bool]:
        if not event.data:
            return event.encode(), False
        ending.answer.append(event.data + b"\n")
        out, final = await self._message(visit, event.data, rewrite)
        return (event.encode(out), final) if out else (b"", False)

    async def _message(self, visit: Visit, data: bytes, rewrite: Rewrite) -> tuple[bytes, bool]:
        """Judge one message of a server; returns what the client gets, and whether that ends the exchange."""
        try:
            message = jsonrpc.read(data)
        except RefusedError as error:
            raise UpstreamError(f"the MCP server's message: {error.message}", code="upstream_protocol") from error
        if message.kind == "request" and not await visit.may_ask(message):
            return b"", False
        judged = answered(message)
        if visit.lists_tools(message):
            return await rewrite(visit, message), True
        await self.judge(visit, judged, "input")
        visit.remember(
            Source(
                origin="tool",
                text=said(message) if message.kind == "response" else judged.text,
                tool=visit.tool.partition("/")[2],
                arguments=visit.judged.text,
                label=visit.label,
            )
        )
        out = visit.scrub(data if message.kind != "response" else await rewrite(visit, message))
        ends = message.kind in {"response", "error"} and visit.message is not None and message.id == visit.message.id
        return out, ends

    def _ended(self, visit: Visit, ending: Ending, ended: Ended) -> Last | None:
        exchange, error = visit.exchange, ended.error
        ending.outcome = ended.outcome
        ending.code = error.code
        ending.verdict = ended.verdict
        ending.status = 200 if exchange.started else error.status
        if ended.outcome == "cancelled":
            return None
        ident = visit.message.id if visit.message is not None and visit.message.kind == "request" else None
        body = jsonrpc.refused(ident, error, exchange.id, visit.told)
        if exchange.started:
            return Last(200, b"event: message\ndata: " + body + b"\n\n", [])
        # A verdict on a call is an answer to it, which clients read as JSON-RPC; only what is wrong with HTTP itself has another status.
        status = 200 if ended.outcome == "blocked" and ident is not None else error.status
        headers = [JSON, *ids(exchange.id), *visit.session_header()]
        if ended.verdict is not None:
            headers.append((b"x-bartizan-decision", f"block; layer={ended.verdict.layer}".encode()))
        return Last(status, body, headers)


def stopped_by(verdict: Verdict, judged: Judged) -> RefusedError:
    """Say in general words that a control stopped something; the record says which and why."""
    what = "call" if judged.calls else "message"
    return RefusedError(f"the {what} was stopped by a control", code="blocked_by_policy", status=403, param=verdict.category)


def _told(error: RefusedError | UpstreamError) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    return RefusedError(
        "the MCP server is slow" if error.code == "upstream_timeout" else "the MCP server failed", code=error.code, status=error.status
    )


def _cut(visit: Visit) -> Ended:
    exchange = visit.exchange
    error = exchange.cut_error or RefusedError("the client left", code="client_left", status=499)
    return Ended(exchange.cut_by or "cancelled", error)


def encode(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Encode a JSON value."""
    return msgspec.json.encode(value)
