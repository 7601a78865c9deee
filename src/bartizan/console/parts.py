"""What pages are given, and what they give back: the seam between the pages and the web."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.datastructures import URL

from bartizan import casework
from bartizan.casework import Casebook
from bartizan.config import Settings
from bartizan.console.filters import link
from bartizan.control import Registry
from bartizan.errors import RefusedError
from bartizan.guard.pins import Pins
from bartizan.identity import Directory, Principal, Registrar
from bartizan.ledger import Ledger
from bartizan.monitor import Monitor
from bartizan.policy import Policy, Resource
from bartizan.store.projection import Projections
from bartizan.workbench.intel.shelf import Shelf
from bartizan.workbench.respond.responding import Responding
from bartizan.workbench.triage.incident.book import Book


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the console reads from and writes to."""

    ledger: Ledger
    directory: Directory
    casebook: Casebook
    policy: Policy
    registry: Registry
    projections: Projections
    settings: Settings
    registrar: Registrar
    desk: casework.Desk
    monitor: Monitor
    book: Book
    """Incidents."""
    shelf: Shelf | None = None
    """Threat reports; None where there is no corpus."""
    pins: Pins | None = None
    responding: Responding | None = None
    """Incident response; None where there is none."""
    clock: Callable[[], float] = time.time


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a person who is known and may do this: ``query`` is the URL's, ``form`` a POST's, ``path`` the route's."""

    who: Principal
    at: float
    url: str
    query: Mapping[str, str]
    path: Mapping[str, str]
    form: Mapping[str, str] = {}

    def field(self, name: str, *, most: int = 500) -> str:
        """Return a form's field without surrounding white space; raises RefusedError 400 when it is empty or too long."""
        value = self.form.get(name, "").strip()
        if not value or len(value) > most:
            raise RefusedError(
                f"the field {name} needs 1 to {most} characters", code="bad_field", param=name, hint="go back and fill it in"
            )
        return value


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page: ``body`` is its JSON and, with ``template``, its HTML. ``extra`` is for the template alone."""

    template: str
    title: str
    body: msgspec.Struct
    extra: Mapping[str, Any] = {}
    status: int = 200
    unchanged: bool = False
    """The reader has seen this already: answer 204 to a poll."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """An act was done: go there (a GET), where ``notice`` is shown."""

    location: str
    notice: str


View = Callable[[Parts, Ask], Page]
Deed = Callable[[Parts, Ask], Done | Page]
Subject = Callable[[Parts, Ask], Resource]
"""What policy is asked about: the thing that a route shows or changes."""


def record(_parts: Parts, _ask: Ask) -> Resource:
    """Say that a route is about the record as a whole."""
    return Resource(type="Record", id="record")


def twin(path: str, query: Mapping[str, object]) -> str:
    """Return the address of a page's JSON."""
    return link(f"{path}.json", query)


def allowed(parts: Parts, ask: Ask, action: str, resource: Resource) -> bool:
    """Say whether policy lets this person do something; for showing or hiding a button, never instead of the route's own check."""
    return parts.policy.decide(ask.who, action, resource).allowed


def missing(what: str, name: str) -> RefusedError:
    """Return the refusal for a thing that does not exist."""
    return RefusedError(f"there is no {what} {name}", code="not_found", status=404, hint="follow a link from its list")


def host_of(address: str) -> str:
    """Return the host name of an address."""
    return URL(address).hostname or ""
