"""The gateway over a composed app."""

from __future__ import annotations

import gc

from bartizan.app.compose import App
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


def _webhook_secret(app: App, name: str) -> str | None:
    upstream = app.settings.upstreams.get(name)
    return upstream.webhook_secret.reveal() if upstream is not None and upstream.webhook_secret is not None else None


def settle_memory() -> None:
    """Tell the collector that what exists now stays; full collections of it took 3 % of a request (bench/gateway.py)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
