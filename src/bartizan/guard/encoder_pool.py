"""Child processes that hold the sentence encoder: bounded queue, deadline, restart on death; nothing waits longer than it may.

The parent sends texts and gets vectors, each message with its length in front. A child that dies, errs or is late is ended, the text counts
as not judged (ControlError), and the next text finds a new child.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.errors import ControlError

COMMAND: Final = (sys.executable, "-m", "bartizan.guard.encoder_worker")
_HEAD: Final = struct.Struct(">I")
_MOST: Final = 8 << 20
_START_S: Final = 20.0
"""How long a child may take to load and answer for the first time; who asked has been told that it was late long before."""
_REST_S: Final = 1.0
"""How soon after a child's death the next one may be started."""


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What a child answers: vectors as 32-bit floats, row after row, or why there are none."""

    rows: int
    vectors: bytes
    error: str = ""


class _Worker:
    """One child; started when first needed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = -_REST_S
        self._answered = False
        self.lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The child's process id, 0 where none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def ask(self, texts: Sequence[str], until: float) -> NDArray[np.float32]:
        """Return the vectors; raises ControlError, after which the child is gone."""
        process = self._running()
        if not self._answered:
            until = max(until, time.monotonic() + _START_S)
        try:
            reply = self._exchange(process, msgspec.msgpack.encode(list(texts)), until)
        except (OSError, EOFError, TimeoutError, msgspec.DecodeError) as error:
            self.stop()
            raise ControlError(f"asking the encoder: {_why(error)}") from error
        if reply.error:
            self.stop()
            raise ControlError(f"asking the encoder: {reply.error}")
        self._answered = True
        return np.frombuffer(reply.vectors, dtype=np.float32).reshape(reply.rows, -1)

    def stop(self) -> None:
        """End the child, if there is one."""
        process, self._process = self._process, None
        self._answered = False
        if process is None:
            return
        self._ended = time.monotonic()
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.stop()
        if time.monotonic() - self._ended < _REST_S:
            raise ControlError("the encoder has ended and is not started again yet")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], data: bytes, until: float) -> Reply:
        if process.stdin is None or process.stdout is None:
            raise EOFError
        process.stdin.write(_HEAD.pack(len(data)) + data)
        process.stdin.flush()
        (size,) = _HEAD.unpack(_read(process.stdout.fileno(), _HEAD.size, until))
        if size > _MOST:
            raise EOFError
        return msgspec.msgpack.decode(_read(process.stdout.fileno(), size, until), type=Reply)


class EncoderPool:
    """Vectors of texts, from child processes. Threads may share it; ``queue`` counts texts that wait or are looked at."""

    def __init__(self, *, workers: int = 1, queue: int = 16, command: Sequence[str] = COMMAND) -> None:
        self._workers = [_Worker(command) for _ in range(workers)]
        self._places = threading.BoundedSemaphore(queue)
        self._next = 0
        weakref.finalize(self, _end, tuple(self._workers))  # a pool that nobody closed leaves no child behind

    def embed(self, texts: Sequence[str], *, within_s: float) -> NDArray[np.float32]:
        """Return one vector a text; raises ControlError when the queue is full, a child fails, or time runs out."""
        until = time.monotonic() + within_s
        if not self._places.acquire(blocking=False):
            raise ControlError("the encoder's queue is full", hint="give the gateway more cores, or the encoder more workers")
        try:
            worker = self._worker()
            if not worker.lock.acquire(timeout=max(0.0, until - time.monotonic())):
                raise ControlError("the encoder was busy for longer than this text may wait")
            try:
                return worker.ask(texts, until)
            finally:
                worker.lock.release()
        finally:
            self._places.release()

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the children that run."""
        return tuple(worker.pid for worker in self._workers if worker.pid)

    def close(self) -> None:
        """End every child."""
        for worker in self._workers:
            with worker.lock:
                worker.stop()

    def _worker(self) -> _Worker:
        free = next((worker for worker in self._workers if not worker.lock.locked()), None)
        if free is not None:
            return free
        self._next = (self._next + 1) % len(self._workers)
        return self._workers[self._next]


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.stop()


def _read(descriptor: int, size: int, until: float) -> bytes:
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while len(data) < size:
            if not selector.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
            piece = os.read(descriptor, size - len(data))
            if not piece:
                raise EOFError
            data += piece
    return data


def _why(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "it did not answer in time"
        case EOFError():
            return "it ended"
        case _:
            return type(error).__name__
