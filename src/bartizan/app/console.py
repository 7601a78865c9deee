"""The console over a composed app, with the tables it reads."""

from __future__ import annotations

from starlette.types import ASGIApp

from bartizan.app.compose import App
from bartizan.console import Console
from bartizan.gateway import projection
from bartizan.store.projection import Projection, Projections


def console_app(app: App) -> ASGIApp:
    """Return the console; it follows the ledger by itself once it is served."""
    exchanges = Projection(
        name="exchanges",
        version=projection.VERSION,
        metadata=projection.METADATA,
        kinds=projection.KINDS,
        fold=projection.fold,
    )
    return Console(
        ledger=app.ledger,
        directory=app.directory,
        casebook=app.casebook,
        policy=app.policy,
        registry=app.registry,
        projections=Projections(app.data / "state.db", app.ledger, [exchanges]),
        settings=app.settings,
    )
