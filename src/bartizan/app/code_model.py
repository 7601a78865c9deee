"""Code and models: prompts go through the gateway in this process, as the person who asks, and are on record as such."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from bartizan.app.asking import chat
from bartizan.app.compose import App
from bartizan.app.gateway import gateway_app
from bartizan.config import load
from bartizan.workbench.code.copilot import Ask


class Wanted(Protocol):
    """Who asks which model, from which data directory."""

    @property
    def model(self) -> str:
        """As callers of the gateway name it."""

    @property
    def key(self) -> str:
        """The person's."""

    @property
    def data(self) -> Path | None:
        """None for ``bartizan-data`` here."""

    @property
    def config(self) -> Path | None:
        """None for ``bartizan.toml`` here."""


def _app(wanted: Wanted) -> App:
    here = Path("bartizan.toml")
    return App(wanted.data or Path("bartizan-data"), load(wanted.config or (here if here.exists() else None)), role="code")


@asynccontextmanager
async def asking(wanted: Wanted) -> AsyncIterator[Ask]:
    """Compose the gateway without a socket, and give a way to ask it."""
    app = _app(wanted)
    upstreams = app.upstreams()
    try:
        await upstreams.refresh()
        gateway = gateway_app(app, upstreams)
        app.begin()

        async def ask(instruction: str, quoted: str) -> str:
            messages = [{"role": "system", "content": instruction}, {"role": "user", "content": quoted}]
            return await chat(gateway, wanted.key, {"model": wanted.model, "messages": messages, "temperature": 0})

        yield ask
    finally:
        upstreams.close()
        app.close()
