"""The data directory: private to its owner, and used by one ``bartizan up`` at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from bartizan.errors import ConfigError


def prepare(data: Path) -> None:
    """Create the data directory with mode 0700; raises ConfigError when others may read it or it can't be made."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = data.stat()
    except OSError as error:
        raise ConfigError(f"creating the data directory {data}: {error.strerror}", hint="choose another with --data DIR") from error
    if mode.st_uid != os.getuid():
        raise ConfigError(f"the data directory {data} belongs to another user", hint="choose another with --data DIR")
    if stat.S_IMODE(mode.st_mode) & 0o077:
        raise ConfigError(f"others on this machine may read {data}", hint=f"chmod 700 {data}")


@contextlib.contextmanager
def lock_directory(data: Path) -> Iterator[None]:
    """Hold the directory's ``up`` lock; raises ConfigError when another ``bartizan up`` holds it. The kernel frees it on any death."""
    run = data / "run"
    run.mkdir(exist_ok=True, mode=0o700)
    with (run / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"bartizan up already runs on {data}", hint="stop it first, or choose another directory with --data DIR"
            ) from error
        yield
