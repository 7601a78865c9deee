"""What connectors over HTTP share: one allowed origin, the secret put on at the last moment, the key in a header, JSON within limits."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

import msgspec

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError, RefusedError, UpstreamError
from bartizan.model import Client, Origin, Timeouts
from bartizan.workbench.respond.contract import Call, Change, State, Verb

_TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=15.0, chunk_s=15.0, total_s=20.0)
_MAX_ANSWER: Final = 1 << 20


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer; ``value`` is its JSON, None where it has none."""

    status: int
    value: Any = None


class Web:
    """One HTTP service. A connector says which changes; this makes them. ``perform`` treats any status from 400 on as a failure."""

    VERBS: ClassVar[Mapping[str, Verb]] = {}

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        if not settings.url:
            raise ConfigError(f"the connector {name} has no address", hint=f"[respond.connectors.{name}] url")
        self.name = name
        self.settings = settings
        self._origin = Origin.of(settings.url)
        self._base = urlsplit(settings.url).path.rstrip("/")

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        return self.VERBS

    def credentials(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that authenticate; a bearer token unless a connector knows better."""
        return (("Authorization", f"Bearer {self.secret()}"),) if self.settings.secret is not None else ()

    def secret(self) -> str:
        """Return the secret's text; raises ConfigError where there is none or it can't stand in a header."""
        if self.settings.secret is None:
            raise ConfigError(f"the connector {self.name} has no secret", hint=f"[respond.connectors.{self.name}] secret")
        text = self.settings.secret.reveal()
        if not text.isascii() or not text.isprintable():
            raise ConfigError(f"the secret of {self.name} holds characters that no header may")
        return text

    def change(self, method: str, path: str, body: Any = None) -> Change:  # noqa: ANN401 - any JSON
        """Return the change that a request makes."""
        detail = "" if body is None else msgspec.json.encode(body, order="sorted").decode()
        return Change(deed=method, target=self.address(path), detail=detail)

    def address(self, path: str) -> str:
        """Return the whole address of a path below the connector's own."""
        return f"{self._origin.scheme}://{self._origin.authority}{self._base}{path}"

    def read(self, path: str, *, body: Any = None) -> Answer:  # noqa: ANN401 - any JSON
        """Ask something that changes nothing; with a body it is a query by POST. An absent thing is status 404, no error."""
        data = b"" if body is None else msgspec.json.encode(body)
        answer = self._send("GET" if body is None else "POST", self._base + path or "/", data, {})
        if answer.status >= 400 and answer.status != 404:
            raise self._refused(answer)
        return answer

    def perform(self, call: Call, change: Change) -> State:
        """Make one change and return what the answer says of it."""
        parts = urlsplit(change.target)
        if Origin.of(change.target) != self._origin or not parts.path.startswith(self._base):
            raise RefusedError(f"{change.target} is not an address of {self.name}", code="egress_denied", status=403)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        key = hashlib.sha256(f"{call.key}\0{change.deed}\0{change.target}\0{change.detail}".encode()).hexdigest()[:40]
        answer = self._send(change.deed, target, self.body_of(change), {"Idempotency-Key": key, **self.headers_of(call, change)})
        if answer.status >= 400:
            raise self._refused(answer)
        return self.result_of(answer)

    def body_of(self, change: Change) -> bytes:
        """Return the bytes that are sent; a connector whose secret goes into the body puts it there."""
        return change.detail.encode()

    def headers_of(self, call: Call, change: Change) -> Mapping[str, str]:  # noqa: ARG002 - for connectors that sign
        """Return further headers."""
        return {}

    def result_of(self, answer: Answer) -> State:
        """Return what is kept of an answer."""
        return {"status": answer.status}

    def _refused(self, answer: Answer) -> UpstreamError:
        return UpstreamError(
            f"{self.name} answered {answer.status}", code=f"status_{answer.status}", hint="see that system's own log for the reason"
        )

    def _send(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        return asyncio.run(self._exchange(method, target, body, headers))

    async def _exchange(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        files = {self._origin: self.settings.ca_file} if self.settings.ca_file else {}
        client = Client({self._origin}, timeouts=_TIMEOUTS, ca_files=files, max_response_bytes=_MAX_ANSWER, retries=0)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._origin.authority}", "Accept: application/json"]
        lines += [f"{name}: {value}" for name, value in (*self.credentials(), *headers.items())]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body or method != "GET" else []
        if any(not line.isascii() or not line.isprintable() for line in lines):
            raise RefusedError(f"a header for {self.name} holds characters that no header may", code="bad_header")
        try:
            response = await client.request(self._origin, "\r\n".join((*lines, "", "")).encode("ascii") + body)
            data = await response.body()
        finally:
            client.close()
        try:
            value = msgspec.json.decode(data) if data else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        return Answer(status=response.status, value=value)


def segment(value: str) -> str:
    """Return a value as one segment of a path, whatever is in it."""
    made = quote(value, safe="")
    return made.replace(".", "%2E") if made.strip(".") == "" else made


def first(value: Any, *path: str) -> dict[str, Any]:  # noqa: ANN401 - an answer's JSON
    """Return the first object of a list within an answer, an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    found = value[0] if isinstance(value, list) and value else None
    return found if isinstance(found, dict) else {}
