"""Following a confined process from outside: its output, its clock, and what all its children use together."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import Final, Literal

import msgspec

Ended = Literal["exit", "wall", "memory", "processes", "output"]
_LOOK_S: Final = 0.02


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended; ``code`` is None where it was killed from outside."""

    ended: Ended
    code: int | None
    out: bytes
    err: bytes


def follow(process: subprocess.Popen[bytes], *, wall_s: float, total_bytes: int, processes: int, output_bytes: int) -> Followed:
    """Read a process until it ends, or kill it when it goes over a bound; it is reaped in any case."""
    taken: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
    deadline = time.monotonic() + wall_s
    ended: Ended = "exit"
    try:
        with selectors.DefaultSelector() as selector:
            for name, stream in (("out", process.stdout), ("err", process.stderr)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select(_LOOK_S):
                    data = os.read(key.fd, 65536)
                    taken[key.data] += data
                    if not data:
                        selector.unregister(key.fileobj)
                ended = _breach(process.pid, deadline, total_bytes, processes) or ("output" if _length(taken) > output_bytes else "exit")
                if ended != "exit":
                    break
    finally:
        if ended != "exit":
            process.kill()
        code = process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    out, err = bytes(taken["out"][:output_bytes]), bytes(taken["err"][:output_bytes])
    return Followed(ended=ended, code=code if ended == "exit" else None, out=out, err=err)


def _length(taken: dict[str, bytearray]) -> int:
    return sum(len(each) for each in taken.values())


def _breach(pid: int, deadline: float, total_bytes: int, processes: int) -> Ended | None:
    if time.monotonic() > deadline:
        return "wall"
    family = _family(pid, processes + 8)
    if len(family) > processes + 4:
        return "processes"
    return "memory" if sum(_resident(each) for each in family) > total_bytes else None


def _family(pid: int, most: int) -> list[int]:
    """Return a process with its children and theirs, at most so many."""
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) <= most:
        current = waiting.pop()
        found.append(current)
        try:
            waiting += [int(each) for each in Path(f"/proc/{current}/task/{current}/children").read_text(encoding="ascii").split()]
        except OSError:
            continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
