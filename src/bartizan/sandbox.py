"""The only child-process runner: a named function over bytes, in a warm child with limits on memory, time and output.

A child imports the function by name, answers one job after another, and is killed and replaced when it breaches a limit or crashes.
Bytes go in and out, framed by length; what they mean is between caller and function (msgspec on both sides), and nothing is ever
unpickled. The limits contain accidents and parser bombs; they are no boundary against code that is itself hostile.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import resource
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from bartizan.errors import WorkError

Breach = Literal["memory", "time", "output", "crash", "error"]
_LENGTH: Final = struct.Struct(">cI")
_DONE, _ERROR, _MEMORY, _OUTPUT = b"d", b"e", b"m", b"o"
_LONGEST_JOBS: Final = 200


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one job may use. ``memory_bytes`` is the child's whole address space beyond what it has when it is ready."""

    memory_bytes: int = 256 << 20
    cpu_s: float = 5.0
    wall_s: float = 10.0
    output_bytes: int = 16 << 20


class SandboxError(WorkError):
    """A job breached a limit, raised, or took its child with it; ``breach`` says which."""

    def __init__(self, message: str, *, breach: Breach, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.breach: Breach = breach


class _Child:
    __slots__ = ("jobs", "process")

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.jobs = 0


class Sandbox:
    """Warm children for one function ``module:name``, which takes bytes and returns bytes.

    At most ``children`` run at once; ``queue`` more may wait, and a further one is refused. Use as an async context manager.
    """

    def __init__(self, function: str, *, limits: Limits = Limits(), children: int = 2, queue: int = 64) -> None:  # noqa: B008 - frozen
        if not all(part.isidentifier() for part in function.replace(":", ".").split(".")) or function.count(":") != 1:
            raise WorkError(f"a sandboxed function is named module:name, not {function!r}")
        self._function = function
        self._limits = limits
        self._idle: deque[_Child] = deque()
        self._slots = asyncio.Semaphore(children)
        self._waiting = 0
        self._most = children + queue

    async def __aenter__(self) -> Self:
        self._idle.append(await self._spawn())
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            await _end(self._idle.pop())

    async def run(self, data: bytes) -> bytes:
        """Return what the function makes of the data; raises SandboxError for a breach, WorkError when too many wait."""
        if self._waiting >= self._most:
            raise WorkError(f"the sandbox of {self._function} is full ({self._most} jobs)", hint="try again later")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._job(data)
        finally:
            self._waiting -= 1

    async def _job(self, data: bytes) -> bytes:
        child = self._idle.pop() if self._idle else await self._spawn()
        kept = False
        try:
            answer = await asyncio.wait_for(_ask(child, data, self._limits.output_bytes), self._limits.wall_s)
            child.jobs += 1
            kept = child.jobs < _LONGEST_JOBS
        except TimeoutError:
            raise self._failed("time", f"ran longer than {self._limits.wall_s} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._died(child) from None
        except _JobError as error:
            kept = error.breach == "error"
            raise self._failed(error.breach, error.message) from None
        finally:
            if kept:
                self._idle.append(child)
            else:
                await _end(child)
        return answer

    def _failed(self, breach: Breach, what: str) -> SandboxError:
        return SandboxError(f"{self._function}: {what}", breach=breach)

    async def _died(self, child: _Child) -> SandboxError:
        code = await child.process.wait()
        if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return self._failed("time", f"used more than {self._limits.cpu_s} s of CPU")
        return self._failed("crash", f"the child ended with {code}")

    async def _spawn(self) -> _Child:
        limits = msgspec.json.encode(self._limits).decode()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", _START, str(Path(__file__).parent.parent), self._function, limits),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            start_new_session=True,
            close_fds=True,
        )
        return _Child(process)


class _JobError(Exception):
    def __init__(self, breach: Breach, message: str) -> None:
        super().__init__(message)
        self.breach: Breach = breach
        self.message = message


async def _ask(child: _Child, data: bytes, most: int) -> bytes:
    """Send one job and read its answer; a child that claims more output than it may write is not listened to."""
    inward, outward = child.process.stdin, child.process.stdout
    if inward is None or outward is None:
        raise ConnectionError("the child has no pipes")
    inward.write(_LENGTH.pack(_DONE, len(data)))
    inward.write(data)
    await inward.drain()
    kind, length = _LENGTH.unpack(await outward.readexactly(_LENGTH.size))
    if kind == _OUTPUT or length > most:
        raise _JobError("output", f"wrote more than {most} bytes")
    body = await outward.readexactly(length)
    if kind == _DONE:
        return body
    if kind == _MEMORY:
        raise _JobError("memory", "ran out of the memory it may use")
    raise _JobError("error", body.decode("utf-8", "replace"))


async def _end(child: _Child) -> None:
    """Kill a child with everything it started, and reap it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)
    await child.process.wait()
    transport = getattr(child.process, "_transport", None)
    if transport is not None:
        transport.close()


_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from bartizan.sandbox import serve; serve(sys.argv[2], sys.argv[3])"


def serve(name: str, limits: str) -> None:
    """Be a child: import the function, close the door behind it, answer jobs until the pipe closes. Not for callers."""
    bounds = msgspec.json.decode(limits, type=Limits)
    module, _, attribute = name.partition(":")
    function: Callable[[bytes], bytes] = getattr(importlib.import_module(module), attribute)
    inward, outward = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the function prints must not pass for an answer
    _bound(bounds)
    while header := inward.read(_LENGTH.size):
        _, length = _LENGTH.unpack(header)
        kind, body = _answer(function, inward.read(length), bounds)
        outward.write(_LENGTH.pack(kind, len(body)) + body)
        outward.flush()


def _answer(function: Callable[[bytes], bytes], data: bytes, bounds: Limits) -> tuple[bytes, bytes]:
    """Run one job. An edge: whatever a parser of hostile bytes raises is told, by name only, and the child goes on."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(spent.ru_utime + spent.ru_stime + bounds.cpu_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
    try:
        body = function(data)
    except MemoryError:
        return _MEMORY, b""
    except Exception as error:  # noqa: BLE001 - the worker edge
        return _ERROR, f"{type(error).__name__}: {error}".encode()[:1000]
    return (_OUTPUT, b"") if len(body) > bounds.output_bytes else (_DONE, body)


def _bound(bounds: Limits) -> None:
    """Set what can't be undone: address space, files, core dumps, processes."""
    have = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_AS, have + bounds.memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, bounds.output_bytes),
    ):
        resource.setrlimit(what, (most, most))
