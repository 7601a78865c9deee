"""The escape suite: attempts to leave the sandbox, run in it, and judged from outside."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import msgspec

from bartizan.workbench.code.validate.confine import Bounds, Confinement, Ran

_BOUNDS = Bounds(
    wall_s=6.0,
    cpu_s=3,
    memory_bytes=512 << 20,
    total_bytes=512 << 20,
    processes=32,
    file_bytes=32 << 20,
    tmp_bytes=64 << 20,
    output_bytes=256 << 10,
)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt; ``ends`` are the ways in which a run that never gets through may end."""

    name: str
    code: str
    ends: tuple[str, ...] = ()


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one. ``held`` needs that it was really tried: it ran to its end, or to the bound that it aims at."""

    name: str
    held: bool
    ended: str
    detail: str


def attempts() -> tuple[Attempt, ...]:
    """Return the suite."""
    table = tomllib.loads(files(__package__).joinpath("escapes.toml").read_text(encoding="utf-8"))
    return msgspec.convert(table["attempt"], tuple[Attempt, ...])


def run(confinement: Confinement, chosen: tuple[Attempt, ...] | None = None) -> Iterator[Tried]:
    """Make each attempt in a sandbox of its own, with a port, a socket, a file and a secret outside that it must not reach."""
    with _outside() as facts:
        for attempt in chosen or attempts():
            code = attempt.code + "\nprint('TRIED')"
            for name, value in facts.items():
                code = code.replace(f"@{name}@", value)
            ran = confinement.run([str(confinement.python), "-I", "/job/attempt.py"], files={"attempt.py": code.encode()}, bounds=_BOUNDS)
            yield _judged(attempt, ran, Path(facts["FILE"]))


def _judged(attempt: Attempt, ran: Ran, untouched: Path) -> Tried:
    escaped = b"ESCAPED" in ran.out or untouched.read_bytes() != b"outside" or ran.wall_s > _BOUNDS.wall_s + 5
    through = b"TRIED" in ran.out or ran.ended in attempt.ends
    detail = (ran.out[-200:] + ran.err[-200:]).decode("utf-8", "replace")
    return Tried(name=attempt.name, held=through and not escaped, ended=ran.ended, detail=detail if escaped or not through else "")


@contextmanager
def _outside() -> Iterator[dict[str, str]]:
    secret = secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory(prefix="bartizan-outside-") as holder,
        socket.socket() as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        path = Path(holder) / "outside.txt"
        path.write_bytes(b"outside")
        path.chmod(0o666)
        Path(holder).chmod(0o755)
        server.bind(("127.0.0.1", 0))
        server.listen()
        abstract.bind(f"\0bartizan-{secret}".encode())
        abstract.listen()
        yield {
            "PID": str(os.getpid()),
            "PORT": str(server.getsockname()[1]),
            "FILE": str(path),
            "ABSTRACT": f"bartizan-{secret}",
            "SECRET": secret,
        }
