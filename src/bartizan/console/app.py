"""The console as an ASGI app, put together from its parts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bartizan import casework
from bartizan.casework import Casebook
from bartizan.config import Settings
from bartizan.console.alerts_push import AlertsPush
from bartizan.console.assets import asset
from bartizan.console.edge import Edge
from bartizan.console.intel_files import IntelFiles
from bartizan.console.parts import Parts
from bartizan.console.routes import DEEDS, PAGES
from bartizan.console.signin import SignInOut
from bartizan.console.web import Web
from bartizan.control import Registry
from bartizan.errors import BartizanError, RefusedError
from bartizan.event import new_id
from bartizan.guard.pins import Pins
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.monitor import Monitor
from bartizan.policy import Policy
from bartizan.store.projection import Projections
from bartizan.workbench.intel.shelf import Shelf
from bartizan.workbench.respond.responding import Responding
from bartizan.workbench.triage.incident.book import Book

_log = logging.getLogger("bartizan.console")


def Console(  # noqa: N802, PLR0913 - read as a class by whoever composes it, like Gateway; as many rooms as it shows
    *,
    ledger: Ledger,
    directory: Directory,
    casebook: Casebook,
    policy: Policy,
    registry: Registry,
    projections: Projections,
    monitor: Monitor,
    settings: Settings,
    shelf: Shelf | None = None,
    pins: Pins | None = None,
    responding: Responding | None = None,
    clock: Callable[[], float] = time.time,
) -> ASGIApp:
    """Return the console. It follows the ledger by itself, on one thread; nothing else may call ``ledger.catch_up`` meanwhile."""
    parts = Parts(
        ledger=ledger,
        directory=directory,
        casebook=casebook,
        policy=policy,
        registry=registry,
        projections=projections,
        settings=settings,
        registrar=Registrar(ledger, directory, clock=clock),
        desk=casework.Desk(ledger, casebook, clock=clock),
        monitor=monitor,
        book=Book(ledger, clock=clock),
        shelf=shelf,
        pins=pins,
        responding=responding,
        clock=clock,
    )
    web = Web(parts)
    entry = SignInOut(web)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            following = group.create_task(web.follow())
            yield
            following.cancel()
        web.close()

    async def refused(request: Request, error: Exception) -> Response:
        return await web.run(lambda: web.refused(request, cast("RefusedError", error)))

    async def not_found(request: Request, error: Exception) -> Response:
        status = cast("HTTPException", error).status_code
        what = RefusedError("there is no such page", code="not_found", status=status, hint="begin at the overview")
        return await web.run(lambda: web.refused(request, what))

    async def broken(request: Request, error: Exception) -> Response:
        # The request edge: whatever a page raises becomes an answer with an id that the log knows, and nothing of the cause.
        incident = new_id("error")
        _log.error(
            "%s answering %s: %s", incident, request.url.path, error, exc_info=error if not isinstance(error, BartizanError) else None
        )
        hint = error.hint if isinstance(error, BartizanError) else "see the console's log"
        what = RefusedError(f"this page failed; its id in the log is {incident}", code="internal_error", status=500, hint=hint)
        return await web.run(lambda: web.refused(request, what))

    routes = [Route("/", entry.root), Route("/sign-in", entry.form), Route("/sign-in", entry.enter, methods=["POST"])]
    routes += [Route("/sign-out", entry.leave, methods=["POST"]), Route("/assets/{name:path}", asset), Route("/metrics", web.metrics)]
    for page in PAGES:
        routes += [Route(f"{page.path}.json", web.page(page, json=True)), Route(page.path, web.page(page, json=False))]
    files = IntelFiles(web)
    routes += [Route("/intel/bring", files.bring, methods=["POST"]), Route("/intel/export", files.hand_on, methods=["POST"])]
    routes.append(Route("/alerts/records", AlertsPush(web).take, methods=["POST"]))
    routes += [Route(deed.path, web.deed(deed), methods=["POST"]) for deed in DEEDS]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={RefusedError: refused, HTTPException: not_found, BartizanError: broken, Exception: broken},
    )
    app.router.redirect_slashes = False
    return Edge(app, settings=settings.console)
