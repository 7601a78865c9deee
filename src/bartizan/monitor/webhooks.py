"""Sending notices: signed, one try each, over the one egress-checked client; what came of it is a fact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bartizan.config import WebhookSettings
from bartizan.errors import BartizanError, UpstreamError
from bartizan.event import WebhookTried
from bartizan.model import Client, Origin, Timeouts
from bartizan.monitor.notices import Delivery
from bartizan.monitor.signing import sign

_TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=10.0, chunk_s=10.0, total_s=15.0)
_TOGETHER: Final = 8


async def send(
    deliveries: Sequence[Delivery], endpoints: Mapping[str, WebhookSettings], *, clock: Callable[[], float] = time.time
) -> list[WebhookTried]:
    """Try each delivery once and return what came of it, in their order; raises nothing for an endpoint that is down."""
    origins = {name: Origin.of(each.url) for name, each in endpoints.items()}
    files = {origins[name]: each.ca_file for name, each in endpoints.items() if each.ca_file}
    client = Client(set(origins.values()), timeouts=_TIMEOUTS, ca_files=files, max_response_bytes=64 << 10)
    gate = asyncio.Semaphore(_TOGETHER)

    async def one(delivery: Delivery) -> WebhookTried:
        async with gate:
            status = await _post(client, origins[delivery.endpoint], endpoints[delivery.endpoint], delivery, int(clock()))
        done = 200 <= status < 300
        return WebhookTried(
            endpoint=delivery.endpoint,
            event=delivery.event.id,
            case=delivery.event.data.id,
            attempt=delivery.attempt,
            outcome="delivered" if done else "dropped" if delivery.last else "failed",
            status=status,
        )

    try:
        return list(await asyncio.gather(*(one(delivery) for delivery in deliveries)))
    finally:
        client.close()


async def _post(client: Client, origin: Origin, settings: WebhookSettings, delivery: Delivery, now: int) -> int:
    body = msgspec.json.encode(delivery.event)
    parts = urlsplit(settings.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (
        f"POST {target} HTTP/1.1",
        f"Host: {origin.authority}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"webhook-id: {delivery.event.id}",
        f"webhook-timestamp: {now}",
        f"webhook-signature: {sign(settings.secret.reveal(), webhook_id=delivery.event.id, timestamp=now, body=body)}",
        "",
        "",
    )
    try:
        response = await client.request(origin, "\r\n".join(lines).encode("ascii", "replace") + body)
        await response.body()
    except (UpstreamError, BartizanError):
        return 0
    return response.status
