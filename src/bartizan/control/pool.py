"""The one pool through which expensive judging leaves the event loop: named, bounded, refusing when full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bartizan.errors import RefusedError

_T = TypeVar("_T")


class Pool:
    """Threads for controls whose work releases the interpreter (RE2, ONNX, compiled validators).

    ``queue`` counts work that waits or runs; one more is refused (503 ``guard_overloaded``), because a queue that grows makes
    every request late and none safe. Work that outlives its deadline keeps its place until it ends: a thread can't be stopped.
    """

    def __init__(self, *, name: str = "controls", threads: int = 2, queue: int = 64) -> None:
        self.name = name
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=f"bartizan-{name}")
        self._limit = queue
        self._busy = 0

    @property
    def busy(self) -> int:
        """How many pieces of work wait or run."""
        return self._busy

    def submit(self, work: Callable[..., _T], *arguments: Any) -> asyncio.Future[_T]:  # noqa: ANN401 - passed on to work
        """Start work from the event loop; raises RefusedError when the pool is full."""
        if self._busy >= self._limit:
            raise RefusedError(
                f"the {self.name} pool is full ({self._limit} waiting)",
                code="guard_overloaded",
                status=503,
                hint="try again; if it lasts, give the gateway more cores",
                retry_after_s=1.0,
            )
        loop = asyncio.get_running_loop()
        self._busy += 1
        started = self._executor.submit(work, *arguments)
        started.add_done_callback(lambda _: loop.call_soon_threadsafe(self._freed) if not loop.is_closed() else self._freed())
        return asyncio.wrap_future(started, loop=loop)

    def _freed(self) -> None:
        self._busy -= 1

    def close(self) -> None:
        """Take no more work and forget what has not begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)
