"""From routes to answers: who asks, whether policy lets them, one thread that reads, and errors as pages or JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bartizan.console.edge import Attempts, is_ours, is_secure
from bartizan.console.filters import link
from bartizan.console.gauges import gauges
from bartizan.console.navigation import sections
from bartizan.console.parts import Ask, Done, Page, Parts, View, record
from bartizan.console.render import as_html, as_json
from bartizan.console.routes import PAGES, DeedRoute, PageRoute
from bartizan.errors import BartizanError, RefusedError
from bartizan.event import RequestRefused, envelope, new_id
from bartizan.identity import Principal, SecretText, csrf_matches, csrf_token, is_cookie

_MAX_FORM: Final = 16 << 10
_MAX_FIELDS: Final = 32
_FOLLOW_S: Final = 0.25
_log = logging.getLogger("bartizan.console")
_Result = TypeVar("_Result")

_TITLES: Final = {401: "Signed out", 403: "Not permitted", 404: "Not found", 500: "Failed"}

NOTICES: Final[Mapping[str, str]] = {
    "mode-changed": "The mode is recorded. It is in force for the next request.",
    "key-revoked": "The key is revoked; its streams and sessions are cut.",
    "account-suspended": "The account is suspended; its streams are cut.",
    "account-good": "The account is restored.",
    "planned": "This is the plan; nothing is done yet.",
    "ordered": "It is ordered; a worker carries it out.",
    "case-decided": "The decision is recorded.",
    "appeal-decided": "The appeal is decided; what follows from it is in force.",
    "measures-lifted": "The measures are lifted.",
    "word-taken": "Your word is recorded.",
    "erased": "The text is erased, and every store was searched for what might be left.",
    "hold-asked": "Others were asked to approve the hold.",
    "release-asked": "Others were asked to approve the end of the hold.",
    "reports-read": "The files were read; what could not be read is listed under it.",
    "signed-out": "You are signed out.",
}


class Web:
    """What every endpoint shares. All reading and writing happens on one thread, so pages see one state and never race a fold."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.attempts = Attempts()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="console")

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Do blocking work on the console's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def follow(self) -> None:
        """Keep the tables near the end of the record until cancelled, so that no page has to."""
        troubled = False
        while True:
            try:
                await self.run(self.parts.projections.catch_up)
                troubled = False
            except BartizanError as error:
                # The worker edge: pages say the same and try again, so it is enough to log it once.
                if not troubled:
                    _log.error("following the record: %s (%s)", error, error.hint)
                troubled = True
            await asyncio.sleep(_FOLLOW_S)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def page(self, route: PageRoute, *, json: bool) -> Callable[[Request], object]:
        """Return the endpoint of a page, as HTML or as JSON."""

        async def endpoint(request: Request) -> Response:
            def work() -> Response:
                self.parts.projections.catch_up()
                try:
                    who = self.person(request, bearer=json)
                except RefusedError as error:
                    if json or error.status != 401:
                        raise
                    return RedirectResponse(link("/sign-in", {"next": _here(request)}), status_code=303)
                ask = self._ask(request, who)
                self.decide(ask, route)
                return self._shown(request, ask, route.view, json=json)

            return await self.run(work)

        return endpoint

    def deed(self, route: DeedRoute) -> Callable[[Request], object]:
        """Return the endpoint of an act."""

        async def endpoint(request: Request) -> Response:
            form = await form_of(request)

            def work() -> Response:
                self.parts.projections.catch_up()
                who = self.person(request)
                self.check_post(request, form)
                ask = self._ask(request, who, form)
                self.decide(ask, route)
                result = route.deed(self.parts, ask)
                if isinstance(result, Done):
                    return RedirectResponse(link(result.location, {"done": result.notice}), status_code=303)
                return self.html(request, result, who)

            return await self.run(work)

        return endpoint

    async def metrics(self, request: Request) -> Response:
        """Answer gauges to whoever may list cases: by API key, as collectors do, or by session."""

        def work() -> Response:
            self.parts.projections.catch_up()
            ask = self._ask(request, self.person(request, bearer=True))
            decision = self.parts.policy.decide(ask.who, "case.list", record(self.parts, ask))
            if not decision.allowed:
                raise RefusedError("case.list is not permitted to you", code="not_permitted", status=403, hint=decision.hint)
            return Response(gauges(self.parts, ask.at), media_type="text/plain; version=0.0.4")

        return await self.run(work)

    def person(self, request: Request, *, bearer: bool = False) -> Principal:
        """Return who asks, by session cookie or, for JSON, by API key; raises RefusedError 401 or 403."""
        at = self.parts.clock()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not (bearer and scheme.lower() == "bearer"):
            return self.parts.directory.session(cookie_of(request), at=at)
        try:
            return self.parts.directory.authenticate(token.strip(), at=at)
        except RefusedError as error:
            raise self.failed(request, error) from error

    def check_post(self, request: Request, form: Mapping[str, str], *, cookie: str | None = None) -> None:
        """Raise RefusedError 403 unless a POST comes from a page of ours and carries the token of its cookie, by default the session's."""
        cookie = cookie_of(request) if cookie is None else cookie
        if not is_ours(request.headers, request.url.scheme, self.parts.settings.console):
            raise RefusedError("this form was not sent from this console", code="foreign_origin", status=403, hint="open the page again")
        if not is_cookie(cookie) or not csrf_matches(SecretText(cookie), form.get("csrf", "")):
            raise RefusedError("this form is not of this session", code="bad_csrf_token", status=403, hint="open the page again")

    def decide(self, ask: Ask, route: PageRoute | DeedRoute) -> None:
        """Raise RefusedError 403 unless policy permits the route's action."""
        decision = self.parts.policy.decide(ask.who, route.action, route.subject(self.parts, ask))
        if not decision.allowed:
            raise RefusedError(f"{route.action} is not permitted to you", code="not_permitted", status=403, hint=decision.hint)

    def may(self, who: Principal, route: PageRoute) -> bool:
        """Say whether a page of the navigation is open to somebody."""
        ask = Ask(who=who, at=self.parts.clock(), url=route.path, query={}, path={})
        return self.parts.policy.decide(who, route.action, record(self.parts, ask)).allowed

    def home(self, who: Principal) -> str:
        """Return the first page that is open to somebody, or an empty string."""
        return next((route.path for route in PAGES if route.label and self.may(who, route)), "")

    def html(self, request: Request, page: Page, who: Principal | None, *, cookie: str = "") -> Response:
        """Render a page with the frame around it."""
        cookie = cookie or cookie_of(request)
        context = {
            "it": page.body,
            "title": page.title,
            "who": who,
            "nav": sections(lambda route: self.may(who, route), request.url.path) if who is not None else [],
            "here": request.url.path,
            "json_url": _json_url(request) if request.method == "GET" and page.template != "error.html" else "",
            "csrf": csrf_token(SecretText(cookie)) if is_cookie(cookie) else "",
            "notice": NOTICES.get(request.query_params.get("done", ""), ""),
            "now": self.parts.clock(),
            **page.extra,
        }
        return Response(as_html(page.template, context), status_code=page.status, media_type="text/html")

    def refused(self, request: Request, error: RefusedError) -> Response:
        """Answer an error of ours as a page, or as JSON where JSON was asked for."""
        headers = {"retry-after": f"{error.retry_after_s:.0f}"} if error.retry_after_s else {}
        if request.url.path.endswith(".json"):
            body = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
            return Response(as_json(body), status_code=error.status, media_type="application/json", headers=headers)
        page = Page(
            template="error.html",
            title=_TITLES.get(error.status, "Not done"),
            body=_Error(code=error.code, message=error.message, hint=error.hint),
        )
        response = self.html(request, msgspec.structs.replace(page, status=error.status), self._maybe(request))
        response.headers.update(headers)
        return response

    def failed(self, request: Request, error: RefusedError) -> RefusedError:
        """Put a key that was refused on record, without the key, and return what to answer: 429 once an address fails too often.

        A good key is never kept waiting for the failures of others behind the same address: 256 random bits need no such help.
        """
        at, address = self.parts.clock(), request.client.host if request.client is not None else ""
        try:
            self.attempts.check(address, at)
        except RefusedError as limited:
            return limited
        self.attempts.failed(address, at)
        fact = RequestRefused(code=error.code, status=error.status, path=request.url.path, dialect="console")
        self.parts.ledger.append_now(envelope(fact, actor="anonymous", correlation=new_id("rq"), at=at))
        return error

    def secure(self, request: Request) -> bool:
        """Say whether cookies may only travel over TLS."""
        return is_secure(request.headers, request.url.scheme, self.parts.settings.console)

    def _shown(self, request: Request, ask: Ask, view: View, *, json: bool) -> Response:
        page = view(self.parts, ask)
        if page.unchanged:
            return Response(status_code=204)
        if json:
            return Response(as_json(page.body), status_code=page.status, media_type="application/json")
        return self.html(request, page, ask.who)

    def _ask(self, request: Request, who: Principal, form: Mapping[str, str] | None = None) -> Ask:
        return Ask(
            who=who,
            at=self.parts.clock(),
            url=request.url.path,
            query=dict(request.query_params),
            path=dict(request.path_params),
            form=form or {},
        )

    def _maybe(self, request: Request) -> Principal | None:
        try:
            return self.person(request)
        except RefusedError:
            return None


class _Error(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    message: str
    hint: str


async def form_of(request: Request) -> dict[str, str]:
    """Read a small form; raises RefusedError 400, 413 or 415."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise RefusedError("this is not a form", code="not_a_form", status=415)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            raise RefusedError("the form is too large", code="form_too_large", status=413)
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=_MAX_FIELDS, errors="strict")
        )
    except ValueError as error:
        raise RefusedError("the form does not parse", code="bad_form", status=400) from error


def cookie_name(*, secure: bool) -> str:
    """Return the name of the session cookie; ``__Host-`` keeps other hosts and paths from setting it."""
    return "__Host-bartizan" if secure else "bartizan"


def cookie_of(request: Request) -> str:
    """Return the session cookie that came with a request, or an empty string."""
    return request.cookies.get("__Host-bartizan") or request.cookies.get("bartizan") or ""


def _here(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _json_url(request: Request) -> str:
    return link(f"{request.url.path}.json", {name: value for name, value in request.query_params.items() if name != "done"})


def safe_next(given: str, otherwise: str) -> str:
    """Return where to go after sign-in: a path of ours, never another site."""
    if given.startswith("/") and not given.startswith(("//", "/\\")) and given.isascii() and given.isprintable():
        return quote(given, safe="/?&=%+:.,-_~")
    return otherwise
