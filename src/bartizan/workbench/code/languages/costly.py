"""Which files a grammar can't parse in the time that is allowed: tried in a child that the kernel ends, for a parser can't be interrupted.

Recovery from errors is quadratic in some grammars, so a few kilobytes of nonsense would hold a scan for hours.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Final

_CPU_S: Final = 2.0
_MOST: Final = 10
_WALL_S: Final = 600.0
_HARMLESS: Final = 1_000
"""Bytes that no grammar was seen to take a fifth of a second over; a few such files are worth no child."""
_FEW: Final = 200
_CHILD: Final = """
import signal, struct, sys
from ast_grep_py import SgRoot
read, out = sys.stdin.buffer.read, sys.stdout.buffer
while head := read(8):
    words, size = struct.unpack(">II", head)
    language, text = read(words).decode(), read(size).decode("utf-8", "replace")
    signal.setitimer(signal.ITIMER_PROF, float(sys.argv[1]))
    SgRoot(text, language).root()
    signal.setitimer(signal.ITIMER_PROF, 0)
    out.write(b".")
    out.flush()
"""


def costly(files: Mapping[str, bytes], language: str, cpu_s: float = _CPU_S) -> frozenset[str]:
    """Return the files whose parsing takes longer; after ten of them the rest counts as such, unseen."""
    waiting = [name for name, text in files.items() if len(text) >= _HARMLESS or len(files) > _FEW]
    found: list[str] = []
    while waiting:
        done = _tried([files[name] for name in waiting], language, cpu_s)
        if done >= len(waiting):
            break
        found.append(waiting[done])
        waiting = waiting[done + 1 :]
        if len(found) >= _MOST:
            found += waiting
            break
    return frozenset(found)


def _tried(texts: list[bytes], language: str, cpu_s: float) -> int:
    """Return how many were parsed before one took too long."""
    name = language.encode()
    data = b"".join(len(name).to_bytes(4, "big") + len(text).to_bytes(4, "big") + name + text for text in texts)
    command = [sys.executable, "-I", "-c", _CHILD, str(cpu_s)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=_WALL_S)  # noqa: S603 - our own words
    except subprocess.TimeoutExpired as stopped:
        return len(stopped.stdout or b"")
    return len(done.stdout)
