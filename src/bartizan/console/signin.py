"""Signing in with an API key and out again. The key travels in a form's body, never in an address; failures are limited and on record."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bartizan.console.parts import Page
from bartizan.console.web import Web, cookie_name, form_of, safe_next
from bartizan.errors import RefusedError
from bartizan.identity import is_cookie, mint_cookie

_VISIT = "bartizan_visit"
"""A cookie that only ties the sign-in form to the browser that asked for it, so that nobody can be signed in by a stranger's page."""


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """What the sign-in page shows."""

    next: str = ""
    problem: str = ""
    hint: str = ""


class SignInOut:
    """The endpoints of sign-in and sign-out."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def form(self, request: Request) -> Response:
        """Show the form."""
        return await self._web.run(lambda: self._form(request, SignIn(next=request.query_params.get("next", ""))))

    async def enter(self, request: Request) -> Response:
        """Open a session, or show the form again with the reason."""
        form = await form_of(request)
        return await self._web.run(lambda: self._enter(request, form))

    async def leave(self, request: Request) -> Response:
        """Close the session."""
        form = await form_of(request)
        return await self._web.run(lambda: self._leave(request, form))

    async def root(self, request: Request) -> Response:
        """Lead to the first page that is open to whoever asks."""

        def work() -> Response:
            try:
                who = self._web.person(request)
            except RefusedError:
                return RedirectResponse("/sign-in", status_code=303)
            return RedirectResponse(self._web.home(who) or "/sign-in", status_code=303)

        return await self._web.run(work)

    def _form(self, request: Request, shown: SignIn, *, status: int = 200) -> Response:
        visit = request.cookies.get(_VISIT, "")
        if not is_cookie(visit):
            visit = mint_cookie().reveal()
        page = Page(template="signin.html", title="Sign in", body=shown, status=status)
        response = self._web.html(request, page, None, cookie=visit)
        response.set_cookie(_VISIT, visit, path="/sign-in", httponly=True, samesite="strict", secure=self._web.secure(request))
        return response

    def _enter(self, request: Request, form: dict[str, str]) -> Response:
        web = self._web
        at = web.parts.clock()
        visit = request.cookies.get(_VISIT, "")
        shown = SignIn(next=form.get("next", ""))
        try:
            web.check_post(request, form, cookie=visit)
            signed = web.parts.registrar.sign_in(form.get("key", "").strip(), lifetime_s=web.parts.settings.console.session_hours * 3600)
        except RefusedError as error:
            if error.code not in {"foreign_origin", "bad_csrf_token"}:
                error = web.failed(request, error)
            problem = msgspec.structs.replace(shown, problem=error.message, hint=error.hint)
            return self._form(request, problem, status=error.status)
        home = web.home(signed.principal)
        if not home:
            web.parts.registrar.sign_out(signed.principal, reason="no console role")
            problem = msgspec.structs.replace(
                shown, problem="your roles open no page of the console", hint="ask an admin for a role such as auditor"
            )
            return self._form(request, problem, status=403)
        response = RedirectResponse(safe_next(form.get("next", ""), home), status_code=303)
        secure = web.secure(request)
        response.set_cookie(
            cookie_name(secure=secure),
            signed.cookie.reveal(),
            max_age=int(signed.expires_at - at),
            path="/",
            httponly=True,
            samesite="strict",
            secure=secure,
        )
        response.delete_cookie(_VISIT, path="/sign-in")
        return response

    def _leave(self, request: Request, form: dict[str, str]) -> Response:
        web = self._web
        who = web.person(request)
        web.check_post(request, form)
        web.parts.registrar.sign_out(who)
        response = RedirectResponse("/sign-in?done=signed-out", status_code=303)
        for secure in (True, False):
            response.delete_cookie(cookie_name(secure=secure), path="/", httponly=True, samesite="strict", secure=secure)
        return response
