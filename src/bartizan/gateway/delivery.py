"""The model's answer on its way back: judged whole or while it streams, and turned into the client's dialect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from bartizan.config import GatewaySettings
from bartizan.control import Runner, Segment, alters, cuts
from bartizan.errors import RefusedError, UpstreamError
from bartizan.event import Outcome, Verdict
from bartizan.gateway.actions import acts_of
from bartizan.gateway.admission import Admission
from bartizan.gateway.body import read_object
from bartizan.gateway.dialect import Dialect, call_segments
from bartizan.gateway.exchange import Exchange
from bartizan.gateway.mapper import strings
from bartizan.gateway.records import Ending
from bartizan.gateway.redaction import NotRedactableError, holes_of, redacted
from bartizan.gateway.stream import Stop, StreamController
from bartizan.gateway.translation import translation
from bartizan.model import Response

_MAX_ERROR: Final = 64 << 10
_ANSWER_DEPTH: Final = 256
Release = Callable[[bytes], Awaitable[None]]


class Ended(Exception):  # noqa: N818 - how an exchange ends, not always an error
    """The exchange ends here with an error for the client, and the verdict that decided if one did."""

    def __init__(self, outcome: Outcome, error: RefusedError, verdict: Verdict | None = None) -> None:
        super().__init__(error.message)
        self.outcome: Outcome = outcome
        self.error = error
        self.verdict = verdict


async def deliver(
    exchange: Exchange,
    ending: Ending,
    response: Response,
    *,
    server: Dialect,
    runner: Runner,
    admission: Admission,
    settings: GatewaySettings,
    release: Release,
) -> bytes:
    """Release an answer as controls let it through; returns its last bytes, to be sent once it is on record.

    Raises Ended when a control, or the server with an error status, ends it; UpstreamError when the server breaks its protocol.
    """
    if response.status != 200:
        raise await _server_error(exchange, response, runner)
    media_type = response.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if exchange.request.stream:
        if media_type != b"text/event-stream":
            raise UpstreamError("the model server was asked for a stream and sent something else", code="upstream_protocol")
        return await _stream(exchange, ending, response, server, runner, admission, settings, release)
    if media_type != b"application/json":
        raise UpstreamError("the model server was asked for JSON and sent something else", code="upstream_protocol")
    return await _json(exchange, ending, response, server, runner, admission)


async def _json(exchange: Exchange, ending: Ending, response: Response, server: Dialect, runner: Runner, admission: Admission) -> bytes:
    data = await response.body()
    ending.answer.append(data)
    try:
        fields = read_object(data, max_depth=_ANSWER_DEPTH)
    except RefusedError as error:
        raise UpstreamError(f"the model's answer: {error.message}", code="upstream_protocol") from error
    answer = server.read_answer(fields, exchange.request.tools)
    ending.tokens, ending.finish = answer.tokens, answer.finish
    ending.used = answer.tokens.input + answer.tokens.output or ending.used + len(data) // 4
    exchange.verdicts += [model_verdict(mark) for mark in answer.marks]
    verdicts: list[Verdict] = []
    if answer.unknown:
        verdicts.append(admission.unknown(answer.unknown, exchange.context.actions, layer="output"))
    verdicts += (await runner.judge("output", answer.segments, (), exchange.context)).verdicts
    if answer.calls:
        segments = tuple(segment for call in answer.calls for segment in call_segments(call))
        verdicts += (await runner.judge("tool", segments, answer.calls, exchange.context)).verdicts
    exchange.verdicts += verdicts
    acts = acts_of(verdicts)
    exchange.notices += [name for name in acts.notices if name not in exchange.notices]
    if (decisive := acts.block or acts.hold or acts.safe_completion or acts.reroute) is not None:
        ending.held = len(data)
        raise Ended("blocked", blocked(decisive), decisive)
    if acts.redact:
        await _redact(exchange, fields, acts.redact, server, runner)
        data = msgspec.json.encode(fields)
    across = translation(exchange.wire.speaks, server.speaks)
    if across is None:
        return data
    try:
        return across.answer(fields)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise UpstreamError("the model's answer is not what its dialect says", code="upstream_protocol") from error


async def _redact(exchange: Exchange, fields: dict[str, Any], verdicts: Sequence[Verdict], server: Dialect, runner: Runner) -> None:
    """Take what was seen out of a whole answer, and judge what is left."""
    try:
        exchange.redactions += redacted(fields, holes_of(verdicts))
    except NotRedactableError as error:
        raise Ended("blocked", not_redactable(), verdicts[0]) from error
    again = await runner.judge("output", server.read_answer(fields, exchange.request.tools).segments, (), exchange.context)
    if alters(again.action):
        raise Ended("blocked", not_redactable(), verdicts[0])


async def _stream(
    exchange: Exchange,
    ending: Ending,
    response: Response,
    server: Dialect,
    runner: Runner,
    admission: Admission,
    settings: GatewaySettings,
    release: Release,
) -> bytes:
    reader = server.reader(exchange.request.tools)
    across = translation(exchange.wire.speaks, server.speaks)
    controller = StreamController(
        runner=runner,
        context=exchange.context,
        reader=reader,
        unknown=partial(admission.unknown, actions=exchange.context.actions, layer="output"),
        max_held_bytes=settings.max_held_bytes,
        translate=None if across is None else across.stream(exchange.request, exchange.id),
    )
    before = ending.used
    try:
        while True:
            data = await response.read()
            if data:
                ending.answer.append(data)
                step = await controller.feed(data)
            else:
                step = await controller.close()
            if step.stop is not None:
                response.close()  # first the model stops writing, then the client hears why
                if step.out:
                    await release(step.out)
                raise _ended(step.stop)
            if step.done:
                response.leave()
                return _noticed(exchange, controller) + step.out
            if step.out:
                await release(step.out)
    finally:
        exchange.verdicts += controller.verdicts
        exchange.verdicts += [model_verdict(mark) for mark in reader.marks]
        exchange.redactions += controller.redactions
        ending.held = controller.held_bytes
        ending.tokens, ending.finish = reader.tokens, reader.finish
        ending.used = reader.tokens.input + reader.tokens.output or before + controller.characters // 4


def _noticed(exchange: Exchange, controller: StreamController) -> bytes:
    """Tell of notices: in the header while that is still to be sent, else in a comment, which clients of event streams pass over."""
    fresh = [name for name in acts_of(controller.verdicts).notices if name not in exchange.notices]
    exchange.notices += fresh
    return b": x-bartizan-notice: %s\n\n" % ", ".join(fresh).encode("ascii", "replace") if fresh and exchange.started else b""


async def _server_error(exchange: Exchange, response: Response, runner: Runner) -> Ended:
    """Turn a server's error into ours. Its words reach the client only for a mistake of the client's, and judged like any answer."""
    status = response.status
    if status == 429:
        wait = response.headers.get(b"retry-after", b"1")
        after = float(wait) if wait.isdigit() else 1.0
        return Ended(
            "failed", RefusedError("the model server is over its limit", code="upstream_rate_limit", status=429, retry_after_s=after)
        )
    if status not in {400, 404, 413, 422}:
        message = "the model server refused the gateway's key" if status in {401, 403} else "the model server failed"
        return Ended("failed", RefusedError(message, code="upstream_error", status=503 if status == 503 else 502))
    message = "the model server did not accept the request"
    if int(response.headers.get(b"content-length", b"0")) <= _MAX_ERROR:
        message = _words(await response.body()) or message
    segment = Segment(path="$.error", origin="model", channel="text", text=message)
    judgement = await runner.judge("output", (segment,), (), exchange.context)
    exchange.verdicts += judgement.verdicts
    if judgement.decisive is not None and cuts(judgement.action):
        return Ended("blocked", blocked(judgement.decisive), judgement.decisive)
    if judgement.action == "redact":
        message = "the model server did not accept the request"
    return Ended("failed", RefusedError(message, code="upstream_refused", status=status))


def _words(data: bytes) -> str:
    try:
        error = read_object(data[:_MAX_ERROR], max_depth=16).get("error")
    except RefusedError:
        return ""
    words = error.get("message") if type(error) is dict else None
    return words[:1000] if type(words) is str else "\n".join(strings(error))[:1000]


def model_verdict(mark: str) -> Verdict:
    """Return the verdict that stands for the model's own refusal, or its server's own filter: layer ``model``, decided there."""
    return Verdict(control="model", version="1", layer="model", mode="shadow", category=mark, score=1.0, would="block")


def _ended(stop: Stop) -> Ended:
    if stop.kind == "failed":
        return Ended("failed", RefusedError(stop.message, code=stop.code, status=502))
    return Ended("blocked", RefusedError(stop.message, code=stop.code, status=403), stop.verdict)


def blocked(verdict: Verdict) -> RefusedError:
    """Return what a client is told when a control stops its request or its answer."""
    layer = "request" if verdict.layer == "input" else "answer"
    return RefusedError(f"the {layer} was stopped by a control", code="blocked_by_policy", status=403)


def not_redactable() -> RefusedError:
    """Return what a client is told when something can't be taken out of its text."""
    return RefusedError("a control saw something that can't be taken out", code="not_redactable", status=403)
