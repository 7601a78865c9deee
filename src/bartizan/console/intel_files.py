"""Files in and out: reports brought by a form or an API call, and exports handed out, both decided by policy and on record."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import re2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bartizan.console.filters import link
from bartizan.console.intel import desk_of
from bartizan.console.parts import Ask
from bartizan.console.web import Web
from bartizan.errors import RefusedError
from bartizan.identity import Principal
from bartizan.policy import Resource
from bartizan.workbench.intel.caps import Caps
from bartizan.workbench.intel.document import TLP, Tlp
from bartizan.workbench.intel.export import Audience, export
from bartizan.workbench.intel.ingest import Ingested, Ingestion
from bartizan.workbench.intel.pipeline import Source

_MOST: Final = 64 << 20
_MOST_PARTS: Final = 200
_NAME: Final = re2.compile(rb'(?i)\bname="([^"]{1,100})"')
_FILE: Final = re2.compile(rb'(?i)\bfilename="([^"]{0,500})"')
_BOUNDARY: Final = re2.compile(r'(?i)boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?')
_TYPES: Final = {"csv": "text/csv", "md": "text/markdown", "guard": "application/toml", "jsonl": "application/jsonl"}


class IntelFiles:
    """The two endpoints that are neither page nor form of fields."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def bring(self, request: Request) -> Response:
        """Read uploaded reports: a form's files with the session's token, or with a bearer key the body itself (``?name=``)."""
        by_key = request.headers.get("authorization", "").lower().startswith("bearer ")
        await self._web.run(lambda: self._web.person(request, bearer=by_key))  # nobody unknown makes us hold megabytes
        body = await _body(request)
        fields, files = ({}, [(request.query_params.get("name", "report"), body)]) if by_key else _parts(request, body)
        who = await self._web.run(lambda: self._who(request, fields, by_key=by_key))
        shelf = self._web.parts.shelf
        if shelf is None:
            raise RefusedError("there is no shelf of reports here", code="not_found", status=404)
        level = _level(fields.get("tlp") or request.query_params.get("tlp", ""))
        sources = [Source(name=_safe(name), data=data) for name, data in files if data]
        if not sources:
            raise RefusedError("there is no file in this request", code="bad_field", param="file", hint="choose one")
        ingestion = Ingestion(shelf, who, tlp=level, caps=Caps(pages=self._web.parts.settings.intel.max_pages))
        done = await ingestion.bring(sources)
        return _told(done) if by_key else RedirectResponse(link("/intel", {"done": "reports-read"}), status_code=303)

    async def hand_on(self, request: Request) -> Response:
        """Return an export; fields ``form``, ``tlp`` and perhaps ``report``."""
        by_key = request.headers.get("authorization", "").lower().startswith("bearer ")
        await self._web.run(lambda: self._web.person(request, bearer=by_key))  # nobody unknown makes us hold megabytes
        body = await _body(request)
        fields = dict(request.query_params) if by_key else _parts(request, body)[0]
        return await self._web.run(lambda: self._export(request, fields, by_key=by_key))

    def _export(self, request: Request, fields: dict[str, str], *, by_key: bool) -> Response:
        who = self._known(request, fields, by_key=by_key)
        parts = self._web.parts
        ask = Ask(who=who, at=parts.clock(), url=str(request.url), query={}, path={})
        desk = desk_of(parts, ask)
        reports = [desk.report(fields["report"], "report.export")] if fields.get("report") else desk.reports("report.export")
        audience = Audience(
            tlp=_level(fields.get("tlp", "")) or "amber", unmarked=parts.settings.intel.unmarked_tlp, at=dt.datetime.now(dt.UTC)
        )
        form = fields.get("form", "")
        made = export(reports, form, audience)
        if parts.shelf is not None:
            parts.shelf.exported(made, form, audience.tlp, [report.document.id for report in reports], who)
        name = f"reports.{form if form in _TYPES else form + '.json'}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(made, media_type=_TYPES.get(form, "application/json"), headers=headers)

    def _who(self, request: Request, fields: dict[str, str], *, by_key: bool) -> Principal:
        who = self._known(request, fields, by_key=by_key)
        decision = self._web.parts.policy.decide(who, "report.ingest", Resource(type="Record", id="reports"))
        if not decision.allowed:
            raise RefusedError("report.ingest is not permitted to you", code="not_permitted", status=403, hint=decision.hint)
        return who

    def _known(self, request: Request, fields: dict[str, str], *, by_key: bool) -> Principal:
        self._web.parts.projections.catch_up()
        who = self._web.person(request, bearer=by_key)
        if not by_key:
            self._web.check_post(request, fields)
        return who


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MOST:
            raise RefusedError(f"more than {_MOST >> 20} MB in one request", code="too_large", status=413, hint="use bartizan intel ingest")
        chunks.append(chunk)
    return b"".join(chunks)


def _parts(request: Request, body: bytes) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    """Return a form's fields and files (RFC 7578), strictly; raises RefusedError 400."""
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    if found is None:
        raise RefusedError("this is no form with files", code="bad_field", hint="send multipart/form-data")
    mark = b"--" + found.group(1).strip().encode("latin-1")
    fields: dict[str, str] = {}
    files: list[tuple[str, bytes]] = []
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) > _MOST_PARTS:
        raise RefusedError(f"more than {_MOST_PARTS} parts in one form", code="too_large", status=413)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, _, content = piece.partition(b"\r\n\r\n")
        name, file = _NAME.search(head), _FILE.search(head)
        if name is None:
            continue
        if file is not None:
            files.append((file.group(1).decode("utf-8", "replace"), content))
        else:
            fields[name.group(1).decode("latin-1")] = content[:4096].decode("utf-8", "replace")
    return fields, files


def _safe(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].strip()[:200] or "report"


def _level(given: str) -> Tlp | None:
    if not given:
        return None
    if given not in TLP:
        raise RefusedError("there is no such TLP level", code="bad_field", param="tlp", hint=", ".join(TLP))
    return given


def _told(done: Ingested) -> Response:
    return Response(msgspec.json.encode(done), media_type="application/json")
