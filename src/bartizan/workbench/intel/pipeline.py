"""From many files to reports: each file is one job in a warm child that may be killed, one child a core."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from bartizan.errors import ConfigError, WorkError
from bartizan.sandbox import Limits, Sandbox, SandboxError
from bartizan.workbench.intel.caps import Caps
from bartizan.workbench.intel.document import Failure
from bartizan.workbench.intel.found import Report

MAX_FILE_BYTES: Final = 200 << 20
_LIMITS: Final = Limits(memory_bytes=2 << 30, cpu_s=240.0, wall_s=600.0, output_bytes=512 << 20)
_JOB: Final = "bartizan.workbench.intel.job:run"
_NEEDED: Final = ("pypdfium2", "lxml", "olefile")
_WHY: Final = {"memory": "too_big", "time": "too_slow", "output": "too_big", "crash": "parser_crashed", "error": "parser_failed"}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file to read: the name under which it is cited, and where it lies or what it holds."""

    name: str
    path: Path | None = None
    data: bytes = b""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a child gets it, before the file's bytes."""

    name: str
    caps: Caps


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a file came to."""

    name: str
    reports: tuple[Report, ...] = ()
    failures: tuple[Failure, ...] = ()


encode: Final = msgspec.msgpack.Encoder().encode
_outcomes: Final = msgspec.msgpack.Decoder(Outcome)


class Pipeline:
    """Children that read reports; use it as an async context manager. ``caps`` bound each file, ``limits`` each job."""

    def __init__(self, *, caps: Caps | None = None, limits: Limits | None = None, children: int = 0) -> None:
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigError(f"reading reports needs {', '.join(missing)}", hint="pip install 'bartizan[intel]'")
        self._caps = caps or Caps()
        self._children = children or max(os.cpu_count() or 1, 1)
        self._sandbox = Sandbox(_JOB, limits=limits or _LIMITS, children=self._children, queue=10_000)

    async def __aenter__(self) -> Self:
        """Start the first child."""
        try:
            await self._sandbox.__aenter__()
        except OSError as error:
            raise WorkError(f"starting a child to read reports: {error}") from error
        return self

    async def __aexit__(self, *error: object) -> None:
        """End every child."""
        await self._sandbox.__aexit__(*error)

    async def read(self, source: Source) -> Outcome:
        """Read one file; what goes wrong is a failure in its outcome."""
        try:
            data = await asyncio.to_thread(_bytes, source)
            order = encode(Order(name=source.name, caps=self._caps))
            answer = await self._sandbox.run(len(order).to_bytes(4, "big") + order + data)
        except OSError as error:
            return _failed(source, "unreadable", f"{source.name}: {error.strerror or error}")
        except SandboxError as error:
            return _failed(source, _WHY[error.breach], f"{source.name}: the parser {error.message.partition(': ')[2]}")
        except WorkError as error:
            return _failed(source, "too_big" if isinstance(error, _TooBigError) else "busy", error.message)
        return _outcomes.decode(answer)

    async def read_all(self, sources: Iterable[Source]) -> AsyncIterator[Outcome]:
        """Read many files, as many at once as there are children; outcomes come as they are done."""
        waiting = iter(sources)
        running: set[asyncio.Task[Outcome]] = set()
        try:
            while True:
                while len(running) <= self._children and (source := next(waiting, None)) is not None:
                    running.add(asyncio.get_running_loop().create_task(self.read(source)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


class _TooBigError(WorkError):
    """A file is longer than any report."""


def files_under(paths: Sequence[Path]) -> list[Source]:
    """Return every file in some paths, folders with all they hold, in order of name; hidden files and links out are left out."""
    found: dict[str, Source] = {}
    for path in paths:
        if path.is_dir():
            for each in sorted(path.rglob("*")):
                if each.is_file() and not each.is_symlink() and not any(part.startswith(".") for part in each.relative_to(path).parts):
                    found.setdefault(str(each), Source(name=str(each), path=each))
        else:
            found.setdefault(str(path), Source(name=str(path), path=path))
    return list(found.values())


def _bytes(source: Source) -> bytes:
    if source.path is None:
        return source.data
    if source.path.stat().st_size > MAX_FILE_BYTES:
        raise _TooBigError(f"{source.name}: longer than {MAX_FILE_BYTES >> 20} MB", hint="split it")
    return source.path.read_bytes()


def _failed(source: Source, code: str, message: str) -> Outcome:
    return Outcome(name=source.name, failures=(Failure(name=source.name, code=code, message=message),))
