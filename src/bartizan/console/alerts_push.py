"""Log records sent over HTTP: kept as they came for whoever runs triage, and answered with what was recognised in them."""

from __future__ import annotations

import io
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bartizan.console.web import Web
from bartizan.errors import RefusedError
from bartizan.identity import Principal
from bartizan.policy import Resource

_MOST: Final = 32 << 20
_MOST_KEPT: Final = 2 << 30


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: what was in the body, and the name under which it waits in the inbox."""

    name: str
    form: str
    reason: str
    records: int
    alerts: int
    malformed: dict[str, int]


class AlertsPush:
    """``POST /alerts/records``: a body of any log format, packed or not, with an API key; ``?form=`` where it is not recognised."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def take(self, request: Request) -> Response:
        """Check who sends before a byte is held, then read and keep the body."""
        who = await self._web.run(lambda: self._who(request))
        body = await _body(request)
        form = request.query_params.get("form", "")
        made = await self._web.run(lambda: self._keep(who, body, form))
        return Response(msgspec.json.encode(made), media_type="application/json", status_code=200 if made.records else 422)

    def _who(self, request: Request) -> Principal:
        self._web.parts.projections.catch_up()
        if not request.headers.get("authorization", "").lower().startswith("bearer "):
            raise RefusedError("log records are sent with an API key", code="missing_api_key", status=401, hint="Authorization: Bearer KEY")
        who = self._web.person(request, bearer=True)
        decision = self._web.parts.policy.decide(who, "log.push", Resource(type="Record", id="logs"))
        if not decision.allowed:
            raise RefusedError("log.push is not permitted to you", code="not_permitted", status=403, hint=decision.hint)
        return who

    def _keep(self, who: Principal, body: bytes, form: str) -> Taken:
        from bartizan.workbench.triage.ingest import FORMS  # noqa: PLC0415 - a console that is sent nothing needs no parsers

        if form and form not in FORMS:
            raise RefusedError(f"there is no log format {form[:40]!r}", code="bad_field", param="form", hint=f"one of {', '.join(FORMS)}")
        inbox = self._web.parts.ledger.data / "triage" / "inbox"
        inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sum(path.stat().st_size for path in inbox.iterdir()) + len(body) > _MOST_KEPT:
            raise RefusedError("the inbox is full", code="inbox_full", status=507, hint="run triage over it and empty it")
        found = _looked_at(f"push/{who.id}", body, form)
        return msgspec.structs.replace(found, name=_write(inbox, who, body)) if found.records else found


def _looked_at(name: str, body: bytes, form: str) -> Taken:
    """Say what a body holds."""
    from bartizan.workbench.triage.ingest import Caps, Malformed, Recognised, read  # noqa: PLC0415 - as above
    from bartizan.workbench.triage.record import LogRecord  # noqa: PLC0415 - as above

    told: list[Recognised] = []
    records = alerts = 0
    flaws: Counter[str] = Counter()
    caps = Caps(unpacked_bytes=512 << 20, members=100)
    for item in read(io.BytesIO(body), form=form or None, name=name, caps=caps, told=told.append):
        if isinstance(item, LogRecord):
            records += 1
        elif isinstance(item, Malformed):
            flaws[item.reason] += 1
        else:
            alerts += 1
    first = told[0] if told else Recognised(source="", form="", reason="nothing")
    return Taken(name="", form=first.form, reason=first.reason, records=records, alerts=alerts, malformed=dict(flaws))


def _write(inbox: Path, who: Principal, body: bytes) -> str:
    """Keep a body under a name that says who sent it; it is there whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=inbox, prefix=".", delete=False) as file:
        file.write(body)
    sender = "".join(character for character in who.id if character.isalnum() or character == "_")[:60]
    name = f"{sender}-{Path(file.name).name.removeprefix('.')}"
    os.replace(file.name, inbox / name)  # noqa: PTH105 - in one step
    return name


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MOST:
            raise RefusedError(f"more than {_MOST >> 20} MB in one request", code="too_large", status=413, hint="send less at a time")
        chunks.append(chunk)
    return b"".join(chunks)
