"""Writing answers and errors to an ASGI ``send``: one place for status lines and headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from math import ceil
from typing import Any, Final

import msgspec

from bartizan.errors import BartizanError, RefusedError, StoreError, UpstreamError
from bartizan.gateway.dialect import Wire
from bartizan.monitor import appeal_path

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON: Final[Header] = (b"content-type", b"application/json")
STREAM: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def ids(exchange_id: str) -> list[Header]:
    """Return the headers by which the two SDKs know a request's id."""
    value = exchange_id.encode()
    return [(b"x-request-id", value), (b"request-id", value)]


async def whole(send: Send, status: int, body: bytes, headers: list[Header]) -> None:
    """Send an answer in one piece."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def begin_stream(send: Send, exchange_id: str, more: Sequence[Header] = ()) -> None:
    """Send the status line of a stream."""
    await send({"type": "http.response.start", "status": 200, "headers": [*STREAM, *ids(exchange_id), *more]})


def told(*, rerouted: str, notices: Sequence[str], more: Sequence[Header] = ()) -> list[Header]:
    """Return the headers that tell a caller what was done beside answering."""
    headers: list[Header] = list(more)
    if rerouted:
        headers.append((b"x-bartizan-rerouted", rerouted.encode("ascii", "replace")))
    if notices:
        headers.append((b"x-bartizan-notice", ", ".join(notices).encode("ascii", "replace")))
    return headers


async def part(send: Send, body: bytes, *, more: bool) -> None:
    """Send a part of a stream."""
    await send({"type": "http.response.body", "body": body, "more_body": more})


def refusal(error: BartizanError) -> RefusedError:
    """Turn any error of ours into what a client may be told: details of servers and stores stay here."""
    match error:
        case RefusedError():
            return error
        case UpstreamError():
            message = "the model server is slow" if error.code == "upstream_timeout" else "the model server failed"
            return RefusedError(message, code=error.code, status=error.status)
        case StoreError():
            return RefusedError(
                "nothing can be recorded now, so nothing is served", code="store_unavailable", status=503, retry_after_s=5.0
            )
        case _:
            return RefusedError("the gateway failed", code="internal_error", status=500)


def error_headers(error: RefusedError, exchange_id: str, *, decision: str = "") -> list[Header]:
    """Return the headers of an error."""
    headers = [JSON, *ids(exchange_id)]
    if decision:
        headers.append((b"x-bartizan-decision", decision.encode()))
        headers.append((b"x-should-retry", b"false"))  # both SDKs heed it
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, ceil(error.retry_after_s))))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


def error_body(wire: Wire, error: RefusedError, exchange_id: str) -> bytes:
    """Encode an error for who is at the other end; the hint is for the person who reads it."""
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    body = wire.error(status=error.status, code=error.code, message=message, param=error.param, exchange=exchange_id)
    return with_case(body, exchange_id, error.case)


def with_case(body: bytes, exchange_id: str, case: str) -> bytes:
    """Return an error, of whatever dialect, with the case it belongs to and the way to appeal beside its request id."""
    if not case:
        return body
    known = b'"request_id":"%s"' % exchange_id.encode()
    more = msgspec.json.encode({"id": case, "url": f"/v1/safety/cases/{case}", "appeal": appeal_path(case)})
    return body.replace(known, known + b',"case":' + more, 1)
