"""EVTX, Windows' own format: parsed some chunks at a time in a child with limits on memory, time and output."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Iterator
from typing import Final, Self

import msgspec

from bartizan.errors import ConfigError
from bartizan.sandbox import Limits, Sandbox, SandboxError
from bartizan.workbench.triage.evtx_child import Batch
from bartizan.workbench.triage.ingest import windows
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.flat import ShapeError
from bartizan.workbench.triage.ingest.item import Flaw, Parsed
from bartizan.workbench.triage.ingest.lines import Readable

MAGIC: Final = b"ElfFile\0"
_HEADER, _CHUNK = 4096, 65536
_BATCH: Final = 32
"""Chunks a job: 2 MB, which come back as some 6 MB of JSON."""
_LIMITS: Final = Limits(memory_bytes=512 << 20, cpu_s=20.0, wall_s=120.0, output_bytes=64 << 20)
_FUNCTION: Final = "bartizan.workbench.triage.evtx_child:parse"
_batches: Final = msgspec.msgpack.Decoder(Batch)
_json: Final = msgspec.json.Decoder(dict[str, object])


def alone(stream: Readable, caps: Caps) -> Iterator[Parsed | Flaw]:
    """Yield the events of one EVTX file, in a child of its own."""
    with Warm() as warm:
        yield from events(stream, caps, warm)


def events(stream: Readable, caps: Caps, warm: Warm) -> Iterator[Parsed | Flaw]:
    """Yield the events of an EVTX file; a batch that breaks the child is tried again chunk by chunk, so one bad chunk costs itself.

    Raises:
        ConfigError: The parser is not installed.
    """
    if importlib.util.find_spec("evtx") is None:
        raise ConfigError("reading EVTX needs the package evtx", hint="pip install 'bartizan[alerts]'")
    header = _exactly(stream, _HEADER)
    if len(header) < _HEADER or not header.startswith(MAGIC):
        yield Flaw("truncated", "no whole header of an EVTX file", header[:64])
        return
    while body := _exactly(stream, _CHUNK * _BATCH):
        yield from _batch(warm, header, body, caps)


def _batch(warm: Warm, header: bytes, body: bytes, caps: Caps) -> Iterator[Parsed | Flaw]:
    try:
        batch = warm.run(header + body)
    except SandboxError as error:
        if len(body) <= _CHUNK:
            yield Flaw("crashed" if error.breach == "crash" else "unreadable", f"{error.breach}: {error}"[:300], body[:64])
            return
        for begun in range(0, len(body), _CHUNK):
            yield from _batch(warm, header, body[begun : begun + _CHUNK], caps)
        return
    yield from _records(batch, caps)


def _records(batch: Batch, caps: Caps) -> Iterator[Parsed | Flaw]:
    for text in batch.records:
        try:
            found = _json.decode(text)
            yield (
                windows.from_nested(found, caps, "evtx")
                if windows.is_nested(found)
                else Flaw("bad_shape", "an event without System", text.encode())
            )
        except (msgspec.DecodeError, RecursionError, TypeError, AttributeError, ShapeError) as error:
            yield Flaw("bad_shape", f"{type(error).__name__}: {error}"[:200], text.encode()[:2000])
    for said in batch.errors:
        yield Flaw("unreadable", said)


def _exactly(stream: Readable, size: int) -> bytes:
    parts, have = [], 0
    while have < size and (got := stream.read(size - have)):
        parts.append(got)
        have += len(got)
    return b"".join(parts)


class Warm:
    """A child that is kept from file to file, for callers that are no coroutines: an event loop in a thread of its own.

    Nothing starts before the first file. What breaks a child that other jobs have worn is tried once more in a new one, so that no
    file pays for the one before it.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._sandbox = Sandbox(_FUNCTION, limits=_LIMITS, children=1)
        self._worn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._sandbox.__aexit__(None), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def run(self, data: bytes) -> Batch:
        """Return what the child makes of the data; raises SandboxError."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="evtx", daemon=True)
            self._thread.start()
        worn, self._worn = self._worn, True
        try:
            return self._once(self._loop, data)
        except SandboxError as error:
            self._worn = error.breach == "error"  # the sandbox ends the child after any other breach
            if not worn or self._worn:
                raise
            return self._once(self._loop, data)

    def _once(self, loop: asyncio.AbstractEventLoop, data: bytes) -> Batch:
        return _batches.decode(asyncio.run_coroutine_threadsafe(self._sandbox.run(data), loop).result())
