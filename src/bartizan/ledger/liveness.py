"""Whether a writer still lives: it holds a lock on its file in run/ for as long as its process does."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bartizan.errors import StoreError


class Liveness:
    """This process's lock, taken at construction; the kernel gives it back however the process ends."""

    def __init__(self, run: Path, writer: str) -> None:
        self._path = run / f"{writer}.lock"
        try:
            run.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"cannot lock {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """End the writer's life in good order."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def is_alive(run: Path, writer: str) -> bool:
    """Say whether the writer's process still runs; a file left by a dead one is removed."""
    path = run / f"{writer}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(descriptor)
