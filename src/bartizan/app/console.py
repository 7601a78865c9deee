"""The console over a composed app, and the tables it reads."""

from __future__ import annotations

from starlette.types import ASGIApp

from bartizan.app.compose import App
from bartizan.app.respond import Response
from bartizan.app.tables import tables
from bartizan.console import Console
from bartizan.workbench.intel.shelf import Shelf


def console_app(app: App) -> ASGIApp:
    """Return the console; it follows the ledger by itself once it is served."""
    return Console(
        ledger=app.ledger,
        directory=app.directory,
        casebook=app.casebook,
        policy=app.policy,
        registry=app.registry,
        projections=tables(app),
        monitor=app.monitor,
        settings=app.settings,
        shelf=Shelf(app.ledger, app.data / "intel.db", unmarked=app.settings.intel.unmarked_tlp),
        pins=app.pins,
        responding=Response(app).responding,
    )
