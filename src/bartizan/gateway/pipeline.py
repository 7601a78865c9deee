"""One exchange from admission to its record: judged, sent, judged, recorded, released. The record always comes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from bartizan.config import GatewaySettings
from bartizan.control import Runner
from bartizan.errors import BartizanError, RefusedError, UpstreamError
from bartizan.event import Outcome
from bartizan.gateway.admission import Admission
from bartizan.gateway.answers import (
    JSON,
    STREAM,
    Header,
    Send,
    begin_stream,
    error_body,
    error_headers,
    ids,
    part,
    refusal,
    told,
    whole,
    with_case,
)
from bartizan.gateway.delivery import Ended, deliver
from bartizan.gateway.dialect import Dialect
from bartizan.gateway.exchange import Cut, Exchange
from bartizan.gateway.forward import Forward
from bartizan.gateway.holds import Holds
from bartizan.gateway.records import Ending, Recorder
from bartizan.gateway.safe import Blocks, safe_answer, safe_end
from bartizan.gateway.screening import Screening
from bartizan.gateway.spotlight import spotlit
from bartizan.monitor import case_of_exchange

_LOG: Final = logging.getLogger("bartizan.gateway")
_GONE: Final = 499
"""The status on record when the client left; nobody is sent it."""


class _Last(msgspec.Struct, frozen=True):
    """What is sent once the exchange is on record."""

    status: int
    body: bytes
    headers: list[Header]


class Pipeline:
    """Runs admitted exchanges."""

    def __init__(
        self,
        *,
        admission: Admission,
        recorder: Recorder,
        runner: Runner,
        dialects: Mapping[str, Dialect],
        forward: Forward,
        settings: GatewaySettings,
        policy_version: Callable[[], str],
        holds: Holds,
    ) -> None:
        self._admission = admission
        self._holds = holds
        self._screening = Screening(
            admission=admission, runner=runner, holds=holds, dialects={dialect.name: dialect for dialect in dialects.values()}
        )
        self._recorder = recorder
        self._runner = runner
        self._dialects = dialects
        self._forward = forward
        self._settings = settings
        self._policy_version = policy_version

    async def run(self, exchange: Exchange, body: bytes, headers: Mapping[bytes, bytes], send: Send) -> Ending:
        """Take an exchange to its end; raises StoreError when it can't be recorded, with nothing released that is not."""
        ending = Ending()
        try:
            await self._recorder.admitted(exchange, body, self._policy_version())
            exchange.mark("admitted_ms")
            last = await self._serve_or_end(exchange, ending, body, headers, send)
            await self._recorder.completed(exchange, ending)
        except BartizanError as error:
            if not exchange.started:
                raise
            _LOG.error("exchange %s could not be recorded: %s", exchange.id, error)
            last = self._ended(exchange, ending, Ended("failed", refusal(error)), Blocks())
        finally:
            exchange.ended = True
            exchange.unwatch()
            if exchange.response is not None:
                exchange.response.close()
            exchange.reservation.settle(ending.used)
        if last is not None:
            await self._send_last(exchange, last, send)
        return ending

    async def _serve_or_end(
        self, exchange: Exchange, ending: Ending, body: bytes, headers: Mapping[bytes, bytes], send: Send
    ) -> _Last | None:
        """Serve; whatever goes wrong becomes the last thing to send. None when nobody is left to send it to."""
        blocks = Blocks()
        try:
            released = await self._serve(exchange, ending, body, headers, send, blocks)
        except Cut:
            ended = _cut(exchange)
        except asyncio.CancelledError:
            if not exchange.was_cut():
                await self._shut_down(exchange, ending)
                raise
            ended = _cut(exchange)
        except Ended as error:
            ended = await self._held(exchange, body, error)
        except (RefusedError, UpstreamError) as error:
            # Closing the upstream is how a cut works, so its error may be the cut's own doing.
            ended = _cut(exchange) if exchange.cut_by else Ended("failed", refusal(error))
        except Exception:  # noqa: BLE001 - the request edge: logged with the exchange's id, answered without details
            _LOG.exception("exchange %s failed", exchange.id)
            ended = Ended("failed", refusal(BartizanError("")))
        else:
            exchange.ended = True
            exchange.interruptible(on=False)
            return released
        exchange.interruptible(on=False)
        exchange.ended = True
        if exchange.response is not None:
            exchange.response.close()
        return self._ended(exchange, ending, ended, blocks)

    async def _held(self, exchange: Exchange, body: bytes, ended: Ended) -> Ended:
        """Open a case where it is an answer that a person is to decide about; one about a request is open already."""
        if ended.outcome != "blocked" or ended.verdict is None or ended.verdict.would != "hold":
            return ended
        exchange.interruptible(on=False)
        try:
            return Ended("held", await self._holds.open(exchange, body, ended.verdict), ended.verdict)
        except BartizanError as error:
            return Ended("failed", refusal(error))

    async def _serve(
        self, exchange: Exchange, ending: Ending, body: bytes, headers: Mapping[bytes, bytes], send: Send, blocks: Blocks
    ) -> _Last:
        exchange.interruptible(on=True)
        if exchange.delay_s:
            await asyncio.sleep(exchange.delay_s)
        body = await self._screening.screen(exchange, body)
        if self._settings.spotlight:
            body = spotlit(exchange, body, self._settings.spotlight)
        exchange.mark("judged_ms")
        exchange.response = response = await self._forward.send(exchange, body, headers)
        ending.used = len(body) // 4
        exchange.mark("first_byte_ms")

        async def release(out: bytes) -> None:
            if not exchange.started:
                exchange.started = True
                exchange.mark("first_release_ms")
                await begin_stream(send, exchange.id, _told(exchange))
            blocks.sent_out(out)
            ending.released += len(out)
            await part(send, out, more=True)

        server = self._dialects[exchange.upstream.kind]
        out = await deliver(
            exchange,
            ending,
            response,
            server=server,
            runner=self._runner,
            admission=self._admission,
            settings=self._settings,
            release=release,
        )
        exchange.mark("first_release_ms")
        ending.released += len(out)
        kind = STREAM if exchange.request.stream else (JSON,)
        return _Last(200, out, [*kind, *ids(exchange.id), *_told(exchange)])

    def _ended(self, exchange: Exchange, ending: Ending, ended: Ended, blocks: Blocks) -> _Last | None:
        ending.outcome = ended.outcome
        ending.code = ended.error.code
        ending.verdict = ended.verdict
        ending.status = 200 if exchange.started else ended.error.status
        if ended.outcome == "cancelled":
            return None
        error, wire = ended.error, exchange.wire
        if ended.outcome == "held":
            error.case = exchange.case
        elif ended.outcome == "blocked" or (ended.outcome == "revoked" and error.status == 403):
            error.case = error.case or case_of_exchange(exchange.id)
        if ended.outcome == "blocked" and ended.verdict is not None and ended.verdict.would == "safe_completion":
            return self._safe(exchange, ending, blocks)
        if exchange.started:
            body = wire.stream_error(
                code=error.code,
                message=error.message,
                exchange=exchange.id,
                model=exchange.request.model,
                kind="failed" if ended.outcome == "failed" else "blocked",
            )
            return _Last(200, with_case(body, exchange.id, error.case), [])
        return _Last(error.status, error_body(wire, error, exchange.id), error_headers(error, exchange.id, decision=_said(exchange, ended)))

    def _safe(self, exchange: Exchange, ending: Ending, blocks: Blocks) -> _Last:
        """Answer with the safe refusal in place of what the model said, or of the rest of it."""
        ending.status, stream = 200, exchange.request.stream
        speaks, model = exchange.wire.speaks, exchange.request.model
        if exchange.started:
            return _Last(200, safe_end(speaks, exchange=exchange.id, model=model, blocks=blocks), [])
        body = safe_answer(speaks, exchange=exchange.id, model=model, stream=stream)
        kind = STREAM if stream else (JSON,)
        headers = [(b"x-bartizan-decision", b"safe_completion"), (b"x-bartizan-case", case_of_exchange(exchange.id).encode())]
        return _Last(200, body, [*kind, *ids(exchange.id), *headers])

    async def _send_last(self, exchange: Exchange, last: _Last, send: Send) -> None:
        if exchange.started:
            await part(send, last.body, more=False)
        else:
            await whole(send, last.status, last.body, last.headers)

    async def _shut_down(self, exchange: Exchange, ending: Ending) -> None:
        """The server is stopping: the record is still completed."""
        exchange.ended = True
        self._ended(exchange, ending, Ended("failed", RefusedError("the gateway is stopping", code="shutting_down", status=503)), Blocks())
        await self._recorder.completed(exchange, ending)


def _cut(exchange: Exchange) -> Ended:
    outcome: Outcome = exchange.cut_by or "cancelled"
    error = exchange.cut_error or RefusedError("the client left", code="client_left", status=_GONE)
    return Ended(outcome, error)


def _told(exchange: Exchange) -> list[Header]:
    return told(rerouted=exchange.rerouted, notices=exchange.notices, more=exchange.told)


def _said(exchange: Exchange, ended: Ended) -> str:
    """Return the decision as the header tells it; nothing for a failure that nobody decided."""
    if ended.outcome == "held":
        return f"hold; case={exchange.case}"
    if ended.verdict is not None:
        return f"block; layer={ended.verdict.layer}"
    return "" if ended.outcome == "failed" else "block"
