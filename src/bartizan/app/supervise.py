"""Processes of one machine: start them in order, say when they are ready, restart those that crash, stop all together."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from bartizan.errors import BartizanError

Role = Literal["gateway", "console", "keeper", "monitor", "model", "responder"]

_READY_S: Final = 60.0
_STOP_S: Final = 12.0
_BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_S: Final = 60.0

_COMMAND: Final = (sys.executable, "-m", "bartizan.app.child")

MODEL_KEY: Final = "BARTIZAN_MODEL_KEY"
"""Environment variable by which the gateway and the local model share a key, made anew at every start."""

REFUSED: Final = 3
"""Exit code of a child that may not start (a control failed to load, the data is unusable): never restarted."""


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one child is told: its role, where the data and the settings are, and where to listen."""

    role: Role
    data: str
    config: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    model_port: int = 0
    """Where the local model listens; 0 when there is none."""
    model_file: str = ""
    observe: bool = False
    ready_fd: int = -1


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What a child says once it serves."""

    role: Role
    pid: int
    port: int = 0


class _Child:
    """One process and its history."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0.0
        self.crashes = 0
        self.again_at = 0.0


class Supervisor:
    """Keeps a set of children alive. Use as a context manager; leaving it stops every child it started.

    Each child is ``command`` with its order as JSON; it writes one ``Ready`` line to the order's ``ready_fd`` once it serves.
    """

    def __init__(self, log: Path, *, say: Callable[[str], None], command: Sequence[str] = _COMMAND) -> None:
        self._command = command
        # Nobody else on this machine may use the local model past the gateway; the environment is not shown by ps, arguments are.
        self._environment = {**os.environ, MODEL_KEY: secrets.token_urlsafe(32)}
        self._log = log
        self._say = say
        self._children: dict[Role, _Child] = {}
        self._stopping = False

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, order: Order) -> Ready:
        """Start one child and wait until it serves; raises BartizanError with the end of its log when it does not."""
        child = _Child(order)
        self._children[order.role] = child
        return self._spawn(child)

    def watch(self) -> int:
        """Restart what crashes until told to stop; returns the exit code of the whole."""
        while not self._stopping:
            time.sleep(0.2)
            for child in self._children.values():
                code = self._tend(child)
                if code is not None:
                    return code
        return 0

    def stop(self) -> None:
        """Ask every child to finish, newest first; kill what has not after twelve seconds."""
        self._stopping = True
        running = [child.process for child in reversed(self._children.values()) if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pids(self) -> dict[Role, int]:
        """Return the process id of each child."""
        return {role: child.process.pid for role, child in self._children.items() if child.process}

    def _tend(self, child: _Child) -> int | None:
        process = child.process
        now = time.monotonic()
        if process is None:
            if now >= child.again_at:
                with contextlib.suppress(BartizanError):
                    self._spawn(child)
            return None
        code = process.poll()
        if code is None or self._stopping:
            return None
        if code == REFUSED:
            self._say(f"{child.order.role} may not run; stopping everything rather than serve without it\n{self._tail(child.order.role)}")
            return REFUSED
        if now - child.begun > _STEADY_S:
            child.crashes = 0
        wait = _BACKOFF_S[min(child.crashes, len(_BACKOFF_S) - 1)]
        child.crashes += 1
        child.process, child.again_at = None, now + wait
        self._say(f"{child.order.role} ended with code {code}; starting it again in {wait:g} s")
        return None

    def _spawn(self, child: _Child) -> Ready:
        reading, writing = os.pipe()
        order = msgspec.structs.replace(child.order, ready_fd=writing)
        self._log.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._log / f"{order.role}.log"
        path.touch(mode=0o600)
        with path.open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [*self._command, msgspec.json.encode(order).decode()],
                pass_fds=(writing,),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        child.begun = time.monotonic()
        os.close(writing)
        try:
            line = self._await(reading)
        finally:
            os.close(reading)
        if not line:
            code = self._ended(child.process)
            child.process, child.again_at = None, time.monotonic() + _BACKOFF_S[-1]
            raise BartizanError(
                f"{order.role} did not start" + (f" (exit code {code})" if code is not None else f" within {_READY_S:g} s"),
                hint=self._tail(order.role) or f"see {self._log / order.role}.log",
            )
        ready = msgspec.json.decode(line, type=Ready)
        if ready.port:
            child.order = msgspec.structs.replace(child.order, port=ready.port)
        return ready

    @staticmethod
    def _ended(process: subprocess.Popen[bytes]) -> int | None:
        """Return the exit code of a child that gave up by itself, None for one that had to be killed."""
        try:
            return process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def _await(self, reading: int) -> bytes:
        line = b""
        deadline = time.monotonic() + _READY_S
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            while not line.endswith(b"\n") and selector.select(max(0.0, deadline - time.monotonic())):
                piece = os.read(reading, 4096)
                if not piece:
                    return b""
                line += piece
        return line if line.endswith(b"\n") else b""

    def _tail(self, role: Role) -> str:
        try:
            lines = (self._log / f"{role}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-6:])

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping = True
