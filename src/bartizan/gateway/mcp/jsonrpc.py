"""JSON-RPC 2.0 as MCP uses it: one message a body, strictly read, and errors in its own form."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from bartizan.errors import RefusedError
from bartizan.gateway.body import read_object
from bartizan.model import Speaks

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022
REFUSED: Final = -32003
"""Ours: identity, policy or a control says no."""
HELD: Final = -32004
"""Ours: the call waits for a person; ``data`` says which approval."""

_CODES: Final = {
    "invalid_json": PARSE_ERROR,
    "invalid_utf8": PARSE_ERROR,
    "duplicate_key": INVALID_REQUEST,
    "too_deep": INVALID_REQUEST,
    "invalid_message": INVALID_REQUEST,
    "header_mismatch": HEADER_MISMATCH,
    "unsupported_version": UNSUPPORTED_VERSION,
    "unknown_method": METHOD_NOT_FOUND,
    "unknown_tool": INVALID_PARAMS,
    "invalid_params": INVALID_PARAMS,
    "call_held": HELD,
}
_MEMBERS: Final = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_DEPTH: Final = 64

Kind = Literal["request", "notification", "response", "error"]
Id = str | int | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: the bytes it came in and what they say."""

    kind: Kind
    id: Id
    method: str
    fields: dict[str, Any]
    raw: bytes

    @property
    def params(self) -> dict[str, Any]:
        """The parameters; none for a message that has none."""
        value = self.fields.get("params")
        return value if type(value) is dict else {}

    @property
    def result(self) -> dict[str, Any]:
        """The result; none for a message that has none."""
        value = self.fields.get("result")
        return value if type(value) is dict else {}


def read(body: bytes) -> Message:
    """Read one message; raises RefusedError 400 for batches, unknown members, ids of another type, and what ``read_object`` refuses."""
    fields = read_object(body, max_depth=_DEPTH)
    ident = fields.get("id")
    has_id = "id" in fields
    method = fields.get("method", "")
    if fields.get("jsonrpc") != "2.0" or not _MEMBERS.issuperset(fields):
        raise _invalid("the body is not one JSON-RPC 2.0 message")
    if has_id and not _is_id(ident) and not (ident is None and "error" in fields):
        raise _invalid("the id of a message is a whole number or a string of at most 200 characters")
    if "method" in fields:
        if type(method) is not str or not 0 < len(method) <= 128 or not method.isascii() or not method.isprintable():
            raise _invalid("the method of a message is a short printable string")
        if "result" in fields or "error" in fields or type(fields.get("params", {})) is not dict:
            raise _invalid("a request has parameters by name, and no result")
        return Message(kind="request" if has_id else "notification", id=ident, method=method, fields=fields, raw=body)
    if not has_id or ("result" in fields) == ("error" in fields) or "params" in fields:
        raise _invalid("the body is neither a request nor a notification nor a response")
    if type(fields.get("result", fields.get("error"))) is not dict:
        raise _invalid("the result or error of a response is an object")
    return Message(kind="error" if "error" in fields else "response", id=ident, method="", fields=fields, raw=body)


def _is_id(value: object) -> bool:
    return (type(value) is int and abs(value) < 1 << 53) or (type(value) is str and len(value) <= 200 and value.isprintable())


def _invalid(message: str) -> RefusedError:
    return RefusedError(message, code="invalid_message", status=400)


def error(ident: Id, code: int, message: str, data: object = None) -> bytes:
    """Encode an error response."""
    body: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": ident, "error": body})


def response(ident: Id, result: object) -> bytes:
    """Encode a response."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": ident, "result": result})


def refused(ident: Id, refusal: RefusedError, exchange: str, data: dict[str, object] | None = None) -> bytes:
    """Encode a refusal of ours; the hint is for the person who reads it."""
    text = f"{refusal.message} ({refusal.hint})" if refusal.hint else refusal.message
    number = _CODES.get(refusal.code, INTERNAL_ERROR if refusal.status >= 500 else REFUSED)
    return error(ident, number, text, {"code": refusal.code, "exchange": exchange, **(data or {})})


class JsonRpc:
    """MCP as the places that record and answer refusals see it. Its messages are read by ``read``."""

    name = "mcp"
    speaks: Speaks = "openai"
    path = "/mcp"

    def error(self, *, status: int, code: str, message: str, param: str, exchange: str) -> bytes:
        """Encode an error without an id: the request it answers was not read."""
        return refused(None, RefusedError(message, code=code, status=status, param=param), exchange)

    def stream_error(self, *, code: str, message: str, exchange: str, model: str, kind: Literal["blocked", "failed"]) -> bytes:
        """Encode the end of a stream that must not go on."""
        del model, kind
        return b"event: message\ndata: %s\n\n" % refused(None, RefusedError(message, code=code, status=403), exchange)
