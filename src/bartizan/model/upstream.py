"""Model servers by name of model: where a request goes, and the head it goes with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from bartizan.config import UpstreamSettings
from bartizan.errors import ConfigError, RefusedError, UpstreamError
from bartizan.model.http import Client, Origin, Timeouts
from bartizan.model.wire import Response

Speaks = Literal["openai", "anthropic"]

_ANTHROPIC_VERSION: Final = b"2023-06-01"
_PATHS: Final = {"openai": "/chat/completions", "anthropic": "/messages"}


class Upstream:
    """One model server and the one dialect it speaks. Nothing of the client's own headers reaches it but what ``extra`` names."""

    def __init__(self, name: str, settings: UpstreamSettings, client: Client) -> None:
        self.name = name
        self.kind: Speaks = settings.kind
        self.models = settings.models
        self.origin = Origin.of(settings.url)
        self._client = client
        path = urlsplit(settings.url).path.rstrip("/") or "/v1"
        if not path.isascii() or any(character <= " " for character in path):
            raise ConfigError(f"upstream {name}: {path!r} is no path that can be called")
        secret = settings.key.reveal() if settings.key else ""
        if not secret.isprintable() or not secret.isascii():
            raise ConfigError(f"upstream {name}: its key has characters that no header may have")
        common = f"host: {self.origin.authority}\r\naccept-encoding: identity\r\nuser-agent: bartizan\r\n"
        if secret:
            common += f"authorization: Bearer {secret}\r\n" if self.kind == "openai" else f"x-api-key: {secret}\r\n"
        self._post = (f"POST {path}{_PATHS[self.kind]} HTTP/1.1\r\n{common}content-type: application/json\r\n").encode()
        self._list = (f"GET {path}/models HTTP/1.1\r\n{common}").encode()

    @property
    def safety_field(self) -> str:
        """The field by which this server tells end users apart: OpenAI's own is ``safety_identifier``, other servers know ``user``."""
        if self.kind == "anthropic":
            return "metadata"
        return "safety_identifier" if self.origin.host == "api.openai.com" else "user"

    async def send(self, body: bytes, *, extra: Mapping[bytes, bytes] | None = None) -> Response:
        """Post one request body in this server's dialect; raises UpstreamError."""
        head = [self._post]
        if self.kind == "anthropic":
            head.append(b"anthropic-version: %s\r\n" % (extra or {}).get(b"anthropic-version", _ANTHROPIC_VERSION))
            if extra and (beta := extra.get(b"anthropic-beta")):
                head.append(b"anthropic-beta: %s\r\n" % beta)
        head.append(b"content-length: %d\r\n\r\n" % len(body))
        head.append(body)
        return await self._client.request(self.origin, b"".join(head))

    async def list_models(self) -> tuple[str, ...]:
        """Ask the server for its models; raises UpstreamError."""
        version = b"anthropic-version: %s\r\n" % _ANTHROPIC_VERSION if self.kind == "anthropic" else b""
        response = await self._client.request(self.origin, self._list + version + b"\r\n", max_response_bytes=1 << 20)
        data = await response.body()
        if response.status != 200:
            raise UpstreamError(f"upstream {self.name} answered {response.status} when asked for its models")
        try:
            return tuple(item.id for item in msgspec.json.decode(data, type=_Listing).data)
        except msgspec.DecodeError as error:
            raise UpstreamError(f"upstream {self.name} lists its models in a form we don't know: {error}") from error


class _Model(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Model]


class Upstreams:
    """All model servers. An exact name beats a prefix, a longer prefix a shorter one, and then the first that is configured wins."""

    def __init__(self, upstreams: Iterable[Upstream], *, client: Client | None = None) -> None:
        self._all = tuple(upstreams)
        self._client = client
        self._exact: dict[str, Upstream] = {}
        self._prefix: list[tuple[str, Upstream]] = []
        for upstream in self._all:
            self._add(upstream, upstream.models)

    @classmethod
    def of(
        cls,
        settings: Mapping[str, UpstreamSettings],
        *,
        timeouts: Timeouts | None = None,
        max_connections: int = 512,
        max_response_bytes: int = 16 << 20,
        retries: int = 1,
    ) -> Upstreams:
        """Build a client that may call these servers and nobody else, and the servers on it."""
        origins = {name: Origin.of(each.url) for name, each in settings.items()}
        client = Client(
            origins.values(),
            timeouts=timeouts,
            max_connections=max_connections,
            max_response_bytes=max_response_bytes,
            retries=retries,
            ca_files={origins[name]: each.ca_file for name, each in settings.items() if each.ca_file},
        )
        return cls((Upstream(name, each, client) for name, each in settings.items()), client=client)

    def for_model(self, name: str) -> Upstream:
        """Return the server of a model; raises RefusedError 404 ``model_not_found``."""
        if found := self._exact.get(name):
            return found
        for prefix, upstream in self._prefix:
            if name.startswith(prefix):
                return upstream
        raise RefusedError(f"there is no model {name[:200]!r}", code="model_not_found", status=404, param="model")

    def models(self) -> tuple[tuple[str, str], ...]:
        """Return (model, upstream) for every model with an exact name."""
        return tuple((name, upstream.name) for name, upstream in self._exact.items())

    async def refresh(self) -> tuple[UpstreamError, ...]:
        """Ask the servers that are configured without models which they have; returns what went wrong."""
        errors = []
        for upstream in self._all:
            if not upstream.models:
                try:
                    self._add(upstream, await upstream.list_models())
                except UpstreamError as error:
                    errors.append(error)
        return tuple(errors)

    @property
    def open_connections(self) -> int:
        """How many sockets to model servers are open."""
        return self._client.open_connections if self._client is not None else 0

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._client.close()

    def _add(self, upstream: Upstream, names: Iterable[str]) -> None:
        for name in names:
            if name.endswith("*"):
                self._prefix.append((name[:-1], upstream))
            else:
                self._exact.setdefault(name, upstream)
        self._prefix.sort(key=lambda pair: -len(pair[0]))
