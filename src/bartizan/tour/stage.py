"""The tour's stage: real processes in a directory of their own, a scripted model behind them, and a client in front."""

from __future__ import annotations

import asyncio
import http.client
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.app.compose import App
from bartizan.app.directory import prepare
from bartizan.app.supervise import Order, Supervisor
from bartizan.config import Settings, load
from bartizan.errors import BartizanError
from bartizan.event import ExchangeCompleted, Tier, kind_of
from bartizan.identity import IssuedKey
from bartizan.model.script import load_script
from bartizan.model.scripted import ScriptedServer

CANARY: Final = "tour-canary-7f3a9c51d2"
_WAIT_S: Final = 10.0

_SETTINGS: Final = """\
[upstreams.tour]
kind = "openai"
url = "{url}"
models = ["tour-model"]

[guard]
canaries = ["file:{canary}"]
egress_hosts = ["docs.example.org"]

[[guard.rules]]
id = "project-name"
phrase = "Project Nightjar"
"""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the client got: status, headers, body as it came, and the seconds until its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def exchange(self) -> str:
        """The id under which the exchange is on record."""
        return self.headers.get("x-request-id", "")

    def json(self) -> Any:  # noqa: ANN401 - whatever the gateway answered
        """Return the body, parsed."""
        return msgspec.json.decode(self.body)


class Stage:
    """What the steps act on."""

    def __init__(self, data: Path, settings: Settings, model: ScriptedServer, app: App, supervisor: Supervisor) -> None:
        self.data = data
        self.settings = settings
        self.model = model
        self.app = app
        self.supervisor = supervisor
        self.port = 0
        self.console_port = 0
        self.key = ""
        self.exchanges: dict[str, str] = {}

    async def start(self, config: Path) -> None:
        """Start the keeper, the monitor, the gateway and the console."""
        order = Order(role="keeper", data=str(self.data), config=str(config))
        await asyncio.to_thread(self.supervisor.start, order)
        await asyncio.to_thread(self.supervisor.start, msgspec.structs.replace(order, role="monitor"))
        gateway = await asyncio.to_thread(self.supervisor.start, msgspec.structs.replace(order, role="gateway"))
        console = await asyncio.to_thread(self.supervisor.start, msgspec.structs.replace(order, role="console"))
        self.port, self.console_port = gateway.port, console.port

    async def ask(self, text: str, *, key: str = "", **fields: Any) -> Answer:  # noqa: ANN401 - fields of the request body
        """Send one chat request and read its answer to the end."""
        body = {"model": "tour-model", "messages": [{"role": "user", "content": text}], **fields}
        return await asyncio.to_thread(self._post, msgspec.json.encode(body), key or self.key)

    def fetch(self, method: str, path: str, key: str, body: Any = None) -> tuple[int, Any]:  # noqa: ANN401 - JSON in and out
        """Send one request to the gateway's API and return its status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            sent = msgspec.json.encode(body) if body is not None else None
            connection.request(method, path, sent, {"Authorization": f"Bearer {key}"})
            response = connection.getresponse()
            return response.status, msgspec.json.decode(response.read())
        finally:
            connection.close()

    def _post(self, body: bytes, key: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        begun = time.monotonic()
        try:
            connection.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
            response = connection.getresponse()
            data = b"".join(_pieces(response))
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=headers, body=data, seconds=time.monotonic() - begun)
        finally:
            connection.close()

    async def completed(self, exchange: str) -> ExchangeCompleted:
        """Return how an exchange ended, from the record; raises BartizanError when it is not there."""
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            for _, entry in self.app.ledger.events(kinds=(kind_of(ExchangeCompleted),)):
                if entry.correlation == exchange and isinstance(entry.body, ExchangeCompleted):
                    return entry.body
            await asyncio.sleep(0.05)
        raise BartizanError(f"exchange {exchange} is not on record")

    def person(self, name: str) -> IssuedKey:
        """Register a person who may use the model, and issue a key."""
        person = self.app.registrar.register("person", name, ("member",), actor=None)
        return self.app.registrar.issue_key(person.id, actor=None)

    def colleague(self) -> IssuedKey:
        """Register a person and give the tier ``verified``, which takes no approver."""
        holder = self.app.registrar.register("person", "colleague", ("member",), actor=None)
        self.app.access.propose(holder.id, Tier.VERIFIED, actor=None, purpose="tour: red-team exercise", days=1)
        return self.app.registrar.issue_key(holder.id, actor=None)


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = response.read1(65536)
        except http.client.IncompleteRead as error:
            yield error.partial
            return
        if not piece:
            return
        yield piece


@asynccontextmanager
async def open_stage(data: Path | None) -> AsyncIterator[tuple[Stage, Path]]:
    """Lay the stage in ``data`` (or in a folder that is removed afterwards); yields it with its settings file."""
    with tempfile.TemporaryDirectory(prefix="bartizan-tour-") as folder:
        root = (data or Path(folder) / "data").resolve()
        prepare(root)
        if (root / "ledger.db").exists():
            raise BartizanError(f"{root} holds a record already", hint="give the tour an empty directory with --data DIR")
        with as_file(files("bartizan.tour") / "script.toml") as script:
            server = ScriptedServer(load_script(script))
        async with server:
            canary = root / "canary"
            canary.touch(mode=0o600)
            canary.write_text(CANARY, encoding="utf-8")
            config = root / "bartizan.toml"
            config.write_text(_SETTINGS.format(url=server.url, canary=canary), encoding="utf-8")
            os.chmod(config, 0o600)  # noqa: PTH101 - as for the other files
            settings = load(config)
            app = App(root, settings, role="tour").begin()
            try:
                with Supervisor(root / "run", say=lambda _: None) as supervisor:
                    yield Stage(root, settings, server, app, supervisor), config
            finally:
                app.close()
