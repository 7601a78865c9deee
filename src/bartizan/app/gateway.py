"""The gateway over a composed app."""

from __future__ import annotations

import gc

from bartizan.app.compose import App
from bartizan.gateway import Gateway
from bartizan.model import Upstreams


def gateway_app(app: App, upstreams: Upstreams, *, observe: bool = False) -> Gateway:
    """Return the gateway; ``app.begin`` comes after, since the gateway folds the ledger too."""
    settings = app.settings
    return Gateway(
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


def settle_memory() -> None:
    """Tell the collector that what exists now stays; full collections of it took 3 % of a request (bench/gateway.py)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
