"""The gateway over a composed app."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Mapping

from bartizan.app.compose import App
from bartizan.config import GatewaySettings
from bartizan.errors import ConfigError
from bartizan.event import Action, Tier
from bartizan.gateway import Gateway, Safety
from bartizan.model import Upstreams
from bartizan.monitor import UpstreamNotices


def gateway_app(app: App, upstreams: Upstreams, *, observe: bool = False) -> Gateway:
    """Return the gateway; ``app.begin`` comes after, since the gateway folds the ledger too."""
    settings = app.settings
    notices = UpstreamNotices(app.ledger, lambda name: _webhook_secret(app, name))
    gateway = Gateway(
        app.ledger,
        app.directory,
        app.policy,
        app.runner,
        upstreams,
        settings.gateway,
        limits=settings.limits,
        observe=observe,
        mcp=settings.mcp,
        casebook=app.casebook,
    )
    gateway.safety = Safety(app.ledger, app.monitor.docket, app.monitor.appeals, app.directory, app.policy, notices, app.monitor.notices)
    return gateway


def check_actions(actions: Mapping[Tier, Mapping[str, Action]], settings: GatewaySettings) -> None:
    """Refuse to start where policy says what this gateway can't do; raises ConfigError. A later change of policy is refused by request."""
    names = sorted({name for row in actions.values() for name, action in row.items() if action == "reroute"})
    if names and not settings.safer_model:
        raise ConfigError(
            f"policy reroutes {', '.join(names[:5])}, and there is no model to reroute to",
            hint="set [gateway] safer_model, or change the rows: bartizan policy show",
        )


def _webhook_secret(app: App, name: str) -> str | None:
    upstream = app.settings.upstreams.get(name)
    return upstream.webhook_secret.reveal() if upstream is not None and upstream.webhook_secret is not None else None


def settle_memory() -> None:
    """Tell the collector that what exists now stays; full collections of it took 3 % of a request (bench/gateway.py).

    What loading the controls left free in the heap, 13 MB of compiled patterns for the most part, goes back to the system (glibc only).
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
