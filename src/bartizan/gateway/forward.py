"""Sending a judged request on: translated if need be, with our end-user id in it, and nothing of the client's own headers but two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec
import re2

from bartizan.errors import RefusedError
from bartizan.gateway.body import with_field
from bartizan.gateway.exchange import Exchange
from bartizan.gateway.translation import translation
from bartizan.model import Response

_REPLACED: Final = {
    "safety_identifier": frozenset({"user"}),
    "user": frozenset({"safety_identifier"}),
    "metadata": frozenset[str](),
}
_PASSED_ON: Final = (b"anthropic-version", b"anthropic-beta")
_HEADER: Final = re2.compile(rb"[A-Za-z0-9.,_\- ]{1,500}")
_KEPT: Final = 10_000


class Forward:
    """Sends exchanges to their upstreams.

    The server learns a stable pseudonym (keyed HMAC) of who asks, so that it can tell abusers apart; never a name. A client's own
    value is replaced, since it may be a name, unless settings say ``keep``.
    """

    def __init__(self, pseudonym: Callable[[str, str], str], *, end_user: Literal["replace", "keep"]) -> None:
        self._pseudonym = pseudonym
        self._end_user = end_user
        self._known: dict[str, bytes] = {}

    async def send(self, exchange: Exchange, body: bytes, headers: Mapping[bytes, bytes]) -> Response:
        """Send the request; raises UpstreamError, or RefusedError when it can't be said in the server's dialect."""
        fields = exchange.request.fields
        model = exchange.request.model
        if fields.get("model") != model:
            fields = {**fields, "model": model}
            body = with_field(body, "model", msgspec.json.encode(model), present=True)
        across = translation(exchange.wire.speaks, exchange.upstream.kind)
        extra = None
        if across is not None:
            try:
                fields = across.request(fields)
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                # The mapper checks what it reads; a translation reads more of a body.
                raise RefusedError("the body is not what its dialect says", code="invalid_type") from error
            body = msgspec.json.encode(fields)
        elif exchange.upstream.kind == "anthropic":
            extra = _passed_on(headers)
        return await exchange.upstream.send(self._with_end_user(exchange, body, fields), extra=extra)

    def _with_end_user(self, exchange: Exchange, body: bytes, fields: Mapping[str, object]) -> bytes:
        name = exchange.upstream.safety_field
        drop = _REPLACED[name]
        present = name in fields or not drop.isdisjoint(fields)
        if present and self._end_user == "keep":
            return body
        user = self._user(exchange.principal.id)
        return with_field(body, name, b'{"user_id":"%s"}' % user if name == "metadata" else b'"%s"' % user, drop=drop, present=present)

    def _user(self, principal: str) -> bytes:
        user = self._known.get(principal)
        if user is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            user = self._known[principal] = self._pseudonym("user", principal).encode()
        return user


def _passed_on(headers: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    extra = {}
    for name in _PASSED_ON:
        value = headers.get(name)
        if value is not None:
            if not _HEADER.fullmatch(value):
                raise RefusedError(f"the header {name.decode()} is malformed", code="invalid_header", param=name.decode())
            extra[name] = value
    return extra
