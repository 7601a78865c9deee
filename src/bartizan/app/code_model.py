"""Code and models: prompts go through the gateway in this process, as the person who asks, and are on record as such."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bartizan.app.asking import chat
from bartizan.app.compose import App
from bartizan.app.gateway import gateway_app
from bartizan.config import Settings
from bartizan.event import FixAttempted, envelope
from bartizan.workbench.code.copilot import Ask, Attempted


class Asking(msgspec.Struct, frozen=True):
    """A way to ask a model, and to put on record what came of it."""

    ask: Ask
    app: App
    model: str

    def told(self, done: Attempted) -> None:
        """Record the attempts at one finding; their prompts and answers are exchanges of the gateway."""
        fact = FixAttempted(finding=done.fix.finding, model=self.model, attempts=done.attempts, state=done.fix.state)
        self.app.ledger.append_now(envelope(fact))


@asynccontextmanager
async def asking(data: Path, settings: Settings, *, key: str, model: str) -> AsyncIterator[Asking]:
    """Compose the gateway without a socket, and give a way to ask it."""
    app = App(data, settings, role="code")
    upstreams = app.upstreams()
    try:
        await upstreams.refresh()
        gateway = gateway_app(app, upstreams)
        app.begin()

        async def ask(instruction: str, quoted: str) -> str:
            messages = [{"role": "system", "content": instruction}, {"role": "user", "content": quoted}]
            return await chat(gateway, key, {"model": model, "messages": messages, "temperature": 0})

        yield Asking(ask, app, model)
    finally:
        upstreams.close()
        app.close()
