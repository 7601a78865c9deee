"""What servers say of their tools, held against what was pinned; whatever differs becomes a finding and is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from bartizan.control import Context, Runner
from bartizan.control.judgement import cuts
from bartizan.event import Envelope, Event, ToolChanged, ToolPin, ToolsPinned, envelope
from bartizan.gateway.mcp.client import Client
from bartizan.gateway.mcp.judging import described
from bartizan.gateway.mcp.server import Server
from bartizan.guard.pins import Pins, Tool, pin_of


class Appended(Protocol):
    """What the catalogue needs of a ledger."""

    async def append(self, envelope: Envelope, content: bytes | None = None) -> int:
        """Append; durable when it returns."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...


class Catalog:
    """Knows each server's tools. A call waits until they were read within the last ``recheck_s`` seconds."""

    def __init__(self, ledger: Appended, pins: Pins, runner: Runner, *, recheck_s: float) -> None:
        self._ledger = ledger
        self._runner = runner
        self._recheck_s = recheck_s
        self._read_at: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._told: set[tuple[str, str, str]] = set()
        self.pins = pins

    def forget(self, server: str) -> None:
        """Read a server's tools again before the next call: it says that they changed."""
        self._read_at.pop(server, None)

    async def check(self, server: Server, context: Context) -> None:
        """Make sure that what is known of a server's tools is new enough; raises UpstreamError when it can't be read."""
        lock = self._locks.setdefault(server.name, asyncio.Lock())
        async with lock:
            if time.monotonic() - self._read_at.get(server.name, -1e9) < self._recheck_s:
                return
            visitor = Client(server)
            await visitor.begin()
            definitions = await visitor.tools()
            await visitor.end()
            await self.saw(server, definitions, context)
            self._read_at[server.name] = time.monotonic()

    async def saw(self, server: Server, definitions: Iterable[Mapping[str, Any]], context: Context) -> dict[str, Tool]:
        """Take definitions as a server gives them now; returns the tools as they stand after. Appends what is new."""
        names = set()
        for definition in definitions:
            pin = pin_of(definition)
            names.add(pin.name)
            known = self.pins.tool(server.name, pin.name)
            if known.state == "pinned" and known.pin is not None:
                if known.pin.sha256 != pin.sha256:
                    await self._changed(server, pin, known.pin.sha256, "its description changed")
            elif known.state == "unknown" and server.settings.pins == "first_use":
                await self._first(server, pin, definition, context)
        return {name: self.pins.tool(server.name, name) for name in names}

    async def _first(self, server: Server, pin: ToolPin, definition: Mapping[str, Any], context: Context) -> None:
        """Pin a tool as it is first seen, unless its description instructs or hides something."""
        judgement = await self._runner.judge("input", described(definition, "$.tool").segments, (), context)
        if cuts(judgement.action) and judgement.decisive is not None:
            await self._changed(server, pin, "", f"its description was stopped by {judgement.decisive.control}")
        else:
            await self._append(ToolsPinned(server=server.name, tools=(pin,), reason="first use"))

    async def _changed(self, server: Server, pin: ToolPin, pinned: str, why: str) -> None:
        key = (server.name, pin.name, pin.sha256)
        if key not in self._told:
            self._told.add(key)
            await self._append(
                ToolChanged(
                    server=server.name, tool=pin.name, seen_sha256=pin.sha256, pinned_sha256=pinned, why=why, definition=pin.definition
                )
            )

    async def _append(self, fact: Event) -> None:
        await self._ledger.append(envelope(fact, actor="gateway"))
        self._ledger.catch_up()


def definition_of(tool: Tool) -> dict[str, Any]:
    """Return a pinned tool's definition."""
    found: dict[str, Any] = msgspec.json.decode(tool.pin.definition) if tool.pin is not None else {}
    return found
