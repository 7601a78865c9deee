"""Fetching a report by its address, without letting an address reach what is not public.

Each hop's name is looked up once, every address it has must be public, and the connection goes to the address that was checked: a name
that changes its mind in between changes nothing (DNS rebinding). Redirects are hops.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

from bartizan.errors import ConfigError, RefusedError, UpstreamError
from bartizan.model import Client, Origin, Timeouts

_HOPS: Final = 5
_MOST: Final = 100 << 20
_AGENT: Final = "bartizan intel"
_TIMEOUTS: Final = Timeouts(connect_s=10.0, first_byte_s=30.0, chunk_s=30.0, total_s=180.0)


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What came, and from where in the end."""

    url: str
    data: bytes


async def fetch(url: str, *, private: Collection[str] = ()) -> Fetched:
    """Return what an address gives; ``private`` names hosts that may have private addresses. Raises RefusedError or UpstreamError."""
    for _ in range(_HOPS):
        try:
            origin = Origin.of(url)
        except ConfigError as error:
            raise RefusedError(error.message, code="bad_url", hint=error.hint) from error
        address = await _checked(origin, private)
        client = Client([origin], timeouts=_TIMEOUTS, max_response_bytes=_MOST, retries=0, addresses={origin: address})
        try:
            response = await client.request(origin, _request(origin, url))
            if response.status in {301, 302, 303, 307, 308}:
                where = response.headers.get(b"location", b"").decode("latin-1")
                response.close()
                if not where:
                    raise UpstreamError(f"{url} redirects to nowhere")
                url = urljoin(url, where)
                continue
            data = await response.body()
            if response.status != 200:
                raise UpstreamError(f"{url} answered {response.status}")
            return Fetched(url=url, data=data)
        finally:
            client.close()
    raise RefusedError(f"{url}: more than {_HOPS} redirects", code="too_many_redirects")


async def _checked(origin: Origin, private: Collection[str]) -> str:
    """Return one address of a host; raises RefusedError when any of them is not public."""
    try:
        async with asyncio.timeout(10):
            rows = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise UpstreamError(f"{origin.host}: its name can't be looked up", code="upstream_unreachable") from error
    addresses = [str(row[4][0]).partition("%")[0] for row in rows]
    if origin.host not in private:
        for each in addresses:
            if not _is_public(each):
                raise RefusedError(
                    f"{origin.host} has the address {each}, which is not public",
                    code="egress_denied",
                    status=403,
                    hint="name the host in [intel] private_hosts if it is meant",
                )
    return addresses[0]


def _is_public(address: str) -> bool:
    known = ipaddress.ip_address(address)
    if isinstance(known, ipaddress.IPv6Address):
        inner = known.ipv4_mapped or known.sixtofour or (known.teredo[1] if known.teredo else None)
        if inner is not None and not _is_public(str(inner)):
            return False
        if known in ipaddress.ip_network("64:ff9b::/96") or known in ipaddress.ip_network("::/96"):
            return False
    return known.is_global and not known.is_multicast


def _request(origin: Origin, url: str) -> bytes:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(character <= " " or character == "\x7f" for character in path):
        raise RefusedError(f"{url[:200]!r} has characters that no address may have", code="bad_url", hint="percent-encode them")
    head = f"GET {path} HTTP/1.1\r\nhost: {origin.authority}\r\nuser-agent: {_AGENT}\r\n"
    return f"{head}accept: */*\r\naccept-encoding: identity\r\nconnection: close\r\n\r\n".encode()
