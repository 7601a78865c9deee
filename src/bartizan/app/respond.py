"""Incident response put together: connectors from the settings, plans, and the engine that carries them out under durable work."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bartizan.app.compose import Rooms
from bartizan.config import Settings
from bartizan.errors import ConfigError
from bartizan.ledger.liveness import is_alive
from bartizan.workbench.respond.assets import Protected
from bartizan.workbench.respond.book import Book
from bartizan.workbench.respond.connectors.enforcement import Enforcement
from bartizan.workbench.respond.connectors.registry import OWN, connectors_of
from bartizan.workbench.respond.consent import Consents
from bartizan.workbench.respond.contract import Connector
from bartizan.workbench.respond.engine import Engine, Ledger
from bartizan.workbench.respond.library import Library
from bartizan.workbench.respond.planner import Planner
from bartizan.workbench.respond.responding import Responding


class Response:
    """Everything that responding needs, on one set of rooms; make it before the rooms ``begin``.

    ``ledger`` is what the engine writes through: the rooms' own, unless a drill puts something in between.
    """

    def __init__(self, rooms: Rooms, *, ledger: Ledger | None = None, clock: Callable[[], float] = time.time) -> None:
        settings = rooms.settings.respond
        self.rooms = rooms
        self.book = Book(rooms.ledger)
        self.library = Library(Path(settings.playbooks) if settings.playbooks else None)
        self.connectors: dict[str, Connector] = {
            **connectors_of(settings.connectors),
            OWN: Enforcement(rooms.directory, rooms.registrar, clock=clock),
        }
        self.protected = Protected(settings.protected, settings.aliases)
        self.planner = Planner(self.connectors, self.library, self.protected, settings, clock=clock)
        self.engine = Engine(
            ledger or rooms.ledger,
            self.book,
            Consents(rooms.casebook, rooms.desk, lifetime_s=settings.approval_minutes * 60.0, clock=clock),
            self.connectors,
            self.protected,
            alive=lambda writer: is_alive(rooms.data / "run", writer),
            clock=clock,
        )
        self.responding = Responding(book=self.book, engine=self.engine, planner=self.planner, library=self.library)


def open_response(data: Path, settings: Settings, *, role: str = "respond") -> Response:
    """Compose the rooms with response; close ``rooms`` when done."""
    rooms = Rooms(data, settings, role=role)
    try:
        made = Response(rooms)
        rooms.begin()
    except BaseException:
        rooms.close()
        raise
    return made


def open_work(data: Path, settings: Settings, *, database: str = "", **timing: float) -> Any:  # noqa: ANN401 - Work, whose import waits
    """Open durable work where ``database`` or the settings say: PostgreSQL, or a file in the data directory."""
    from bartizan.work import Work  # noqa: PLC0415 - only workers need it

    secret = settings.respond.database
    try:
        return Work.open(data, database=database or (secret.reveal() if secret is not None else ""), **timing)
    except OSError as error:
        raise ConfigError(f"opening durable work: {error}") from error
