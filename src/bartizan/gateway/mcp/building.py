"""Putting the MCP gateway together from what the gateway has already."""

from __future__ import annotations

from collections.abc import Callable

from bartizan.casework import Casebook
from bartizan.config import McpSettings
from bartizan.control import Runner
from bartizan.gateway.admission import Admission
from bartizan.gateway.exchange import Live
from bartizan.gateway.mcp.approvals import Approvals
from bartizan.gateway.mcp.catalog import Catalog
from bartizan.gateway.mcp.door import Mcp
from bartizan.gateway.mcp.relay import Relay
from bartizan.gateway.mcp.secrets import Broker
from bartizan.gateway.mcp.server import Servers
from bartizan.gateway.records import Ledger, Recorder
from bartizan.guard.pins import Pins


def build(
    settings: McpSettings,
    ledger: Ledger,
    casebook: Casebook,
    *,
    admission: Admission,
    runner: Runner,
    live: Live,
    policy: Callable[[], str],
    pins: Pins | None = None,
) -> Mcp:
    """Return the endpoint; the ledger is replayed afterwards, since pins and grants fold it."""
    pins = pins or Pins(ledger, casebook)
    return Mcp(
        settings=settings,
        servers=Servers(settings.servers, max_response_bytes=settings.max_message_bytes * 8),
        admission=admission,
        relay=Relay(recorder=Recorder(ledger), runner=runner, admission=admission, settings=settings, policy_version=policy),
        catalog=Catalog(ledger, pins, runner, recheck_s=settings.recheck_s),
        approvals=Approvals(ledger, casebook, pins, minutes=settings.approval_minutes),
        broker=Broker(settings.secrets, settings.secret_tools),
        live=live,
    )
