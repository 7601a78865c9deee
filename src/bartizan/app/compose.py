"""The one place where rooms are put together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from bartizan.app.supervise import MODEL_KEY
from bartizan.casework import Casebook, Desk
from bartizan.config import Secret, Settings, UpstreamSettings
from bartizan.control import Registry, Runner
from bartizan.guard import builtin
from bartizan.guard.pins import Pins
from bartizan.identity import Access, Directory, Registrar
from bartizan.ledger import Ledger, ceiling, check_retention
from bartizan.model import Timeouts, Upstreams
from bartizan.monitor import Monitor
from bartizan.policy import Policy


class Rooms:
    """The rooms that know who may do what, on one ledger: all that a command about access, policy or the record needs.

    Whoever else folds the ledger subscribes before ``begin``, which replays it. Close it when done.
    """

    def __init__(self, data: Path, settings: Settings, *, role: str) -> None:
        check_retention(settings.retention)
        self.data = data
        self.settings = settings
        self.ledger = Ledger.open(data, role=role, settings=settings.ledger)
        self.casebook = Casebook(self.ledger)
        self.desk = Desk(self.ledger, self.casebook)
        self.directory = Directory(self.ledger, profile=settings.profile, consent=self.casebook, ceiling=ceiling(settings.retention))
        self.registrar = Registrar(self.ledger, self.directory)
        self.access = Access(self.directory, self.registrar, self.desk)
        self.policy = Policy(self.ledger)
        self.monitor = Monitor(self.ledger, self.directory, self.casebook, self.desk)
        self.pins = Pins(self.ledger, self.casebook)

    def begin(self) -> Self:
        """Replay the record, so that every room knows what is so."""
        self.ledger.catch_up()
        return self

    def close(self) -> None:
        """Stop writing and let go of the data directory."""
        self.ledger.close()


class App(Rooms):
    """Every room of one process: who may do what, and what judges it."""

    def __init__(self, data: Path, settings: Settings, *, role: str, observe: bool = False) -> None:
        controls = registry(settings, observe=observe)
        super().__init__(data, settings, role=role)
        self.registry = controls
        self.ledger.subscribe(Registry.KINDS, self.registry.fold)
        self.runner = Runner(self.registry)

    def upstreams(self, *, model_port: int = 0) -> Upstreams:
        """Return the configured model servers and, where it listens, the local model; for use on one event loop."""
        configured = dict(self.settings.upstreams)
        if model_port:
            from bartizan.model import local  # noqa: PLC0415 - only where there is one

            key = Secret(f"env:{MODEL_KEY}") if MODEL_KEY in os.environ else None
            url = f"http://127.0.0.1:{model_port}"
            configured["local"] = UpstreamSettings(kind="openai", url=url, key=key, models=(local.MODEL_NAME,))
        gateway = self.settings.gateway
        timeouts = Timeouts(
            connect_s=gateway.connect_timeout_s,
            first_byte_s=gateway.first_byte_timeout_s,
            chunk_s=gateway.chunk_timeout_s,
            total_s=gateway.total_timeout_s,
        )
        return Upstreams.of(
            configured,
            timeouts=timeouts,
            max_connections=gateway.max_concurrency,
            max_response_bytes=gateway.max_response_bytes,
            retries=gateway.retries,
        )


def registry(settings: Settings, *, observe: bool = False) -> Registry:
    """Load every control; raises ControlError when one that is to run can't (fail closed)."""
    guard = settings.guard
    return Registry.load(builtin(guard, settings.upstreams), controls=guard.controls, plugins=guard.plugins, observe=observe)


@contextmanager
def open_rooms(data: Path, settings: Settings, *, role: str = "cli") -> Iterator[Rooms]:
    """Compose the rooms of access for the length of one command."""
    rooms = Rooms(data, settings, role=role)
    try:
        yield rooms.begin()
    finally:
        rooms.close()


@contextmanager
def open_app(data: Path, settings: Settings, *, role: str = "cli") -> Iterator[App]:
    """Compose the whole app for the length of one command."""
    app = App(data, settings, role=role)
    try:
        yield app.begin()
    finally:
        app.close()
