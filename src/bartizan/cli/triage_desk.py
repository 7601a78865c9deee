"""What the commands on incidents share: the book as the person who acts may use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast, get_args

import msgspec

from bartizan.cli.office import Office, office
from bartizan.cli.terminal import safe, settings_file
from bartizan.config import load
from bartizan.errors import ConfigError
from bartizan.event import IncidentVerdict, SuppressedSampled
from bartizan.identity import Principal
from bartizan.workbench.triage.incident.book import Book
from bartizan.workbench.triage.incident.fold import Entry
from bartizan.workbench.triage.incident.sample import draw
from bartizan.workbench.triage.incident.told import Told
from bartizan.workbench.triage.record import LogRecord


class At(msgspec.Struct, frozen=True):
    """Everything a command needs."""

    office: Office
    actor: Principal
    book: Book
    config: Path | None


@contextmanager
def desk(data: Path | None, config: Path | None, key: str, action: str) -> Iterator[At]:
    """Open the incidents of a data directory for a person who may do this."""
    with office(data, config) as rooms:
        actor = rooms.enter(key)
        rooms.permit(actor, action)
        book = Book(rooms.ledger)
        book.catch_up()
        yield At(rooms, actor, book, config)


def own_records(at: At) -> Iterator[LogRecord]:
    """Yield bartizan's own record as a log, without anybody's text."""
    from bartizan.workbench.triage.ingest.own import OwnLog

    return OwnLog().records(at.office.ledger.events())


def verdict_of(given: str) -> IncidentVerdict:
    """Return a verdict; raises ConfigError."""
    named = given.strip().lower().replace("-", " ").replace("_", " ")
    if named not in get_args(IncidentVerdict):
        raise ConfigError(f"there is no verdict {safe(given)!r}", hint=f"one of {', '.join(get_args(IncidentVerdict))}")
    return cast("IncidentVerdict", named)


def draw_sample(at: At, run: str, budget: int) -> SuppressedSampled:
    """Draw from a run's suppressed groups by lots that only this installation knows; on record."""
    runs = list(at.book.runs)
    chosen = run or (runs[-1] if runs else "")
    if chosen not in at.book.runs:
        raise ConfigError("there is no run to draw from", hint="bartizan triage run PATH")
    lots = at.office.ledger.pseudonym("lot", chosen).encode()
    made = draw(at.book, chosen, lots, budget=budget)
    at.book.sampled(made, at.actor)
    return made


def ask_model(at: At, incident: str, model: str, key: str) -> tuple[Told, Entry]:
    """Ask a model through the gateway in this process, and put its word on record."""
    from bartizan.app.triage import model_word

    entry = at.book.entry(incident)
    found = at.book.incident(entry)
    if found is None:
        raise ConfigError("this incident's evidence was erased", hint="bartizan triage incidents")
    told = model_word(at.office.ledger.data, load(settings_file(at.config)), key=key, model=model, incident=found)
    return told, at.book.propose(entry.id, model, told.verdict, msgspec.json.encode(told))
