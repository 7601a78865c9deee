"""The edge around every answer: which host names are ours, which origins may post, and the headers that browsers enforce."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bartizan.config import ConsoleSettings
from bartizan.console.parts import host_of
from bartizan.errors import RefusedError

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: that makes browsers send "Origin: null" with a form, and then we could not tell our own from a stranger's.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Edge:
    """Adds the headers to every answer and refuses a foreign Host, which is how DNS rebinding arrives."""

    def __init__(self, app: ASGIApp, *, settings: ConsoleSettings) -> None:
        self._app = app
        self._hosts = _LOOPBACK | {settings.host} | {host_of(origin) for origin in settings.origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        app = self._app
        if _hostname(Headers(scope=scope).get("host", "")) not in self._hosts:
            app = PlainTextResponse("This console is not known under that name; set [console] origins.\n", status_code=421)
        await app(scope, receive, sending)


def is_ours(headers: Mapping[str, str], scheme: str, settings: ConsoleSettings) -> bool:
    """Say whether a POST comes from a page of ours: by Origin, or where a browser sends none, by Sec-Fetch-Site."""
    origin = headers.get("origin", "")
    if not origin:
        return headers.get("sec-fetch-site", "") == "same-origin"
    return origin == f"{scheme}://{headers.get('host', '')}" or origin in settings.origins


def is_secure(headers: Mapping[str, str], scheme: str, settings: ConsoleSettings) -> bool:
    """Say whether the person's browser speaks TLS, to us or to a proxy that ``origins`` names."""
    host = headers.get("host", "")
    return scheme == "https" or any(origin == f"https://{host}" for origin in settings.origins)


class Attempts:
    """At most so many failed sign-ins per address and span of time; remembers a bounded number of addresses."""

    def __init__(self, *, most: int = 10, span_s: float = 300.0, kept: int = 4096) -> None:
        self._most = most
        self._span_s = span_s
        self._kept = kept
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, address: str, at: float) -> None:
        """Raise RefusedError 429 ``too_many_attempts`` while an address has failed too often."""
        recent = [then for then in self._failed.get(_network(address), []) if at - then < self._span_s]
        if len(recent) >= self._most:
            wait = self._span_s - (at - recent[0])
            raise RefusedError(
                "too many refused keys from this address",
                code="too_many_attempts",
                status=429,
                hint=f"wait {wait:.0f} s",
                retry_after_s=wait,
            )

    def failed(self, address: str, at: float) -> None:
        """Count a failure."""
        network = _network(address)
        recent = [then for then in self._failed.pop(network, []) if at - then < self._span_s]
        self._failed[network] = [*recent[-self._most :], at]
        while len(self._failed) > self._kept:
            self._failed.popitem(last=False)


def _network(address: str) -> str:
    """Return what one attacker holds of addresses: one of IPv4, a /64 of IPv6."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else str(known)


def _hostname(host: str) -> str:
    return host_of(f"//{host}") if host else ""
