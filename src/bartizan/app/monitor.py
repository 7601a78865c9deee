"""The monitor's process: takes the steps that signals call for within a tenth of a second, and tells other systems."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from bartizan.app.compose import Rooms
from bartizan.app.serve import settings_of
from bartizan.app.supervise import Order
from bartizan.config import WebhookSettings
from bartizan.errors import BartizanError
from bartizan.event import envelope
from bartizan.monitor.calibration import load
from bartizan.monitor.live import Follower, Rulebook
from bartizan.monitor.live.expression import read_rules
from bartizan.monitor.webhooks import send

_TURN_S: Final = 0.1
_LOOK_S: Final = 3600.0
_PLAN_S: Final = 7 * 86_400.0


def watch(order: Order, ready: Callable[..., None]) -> None:
    """Enforce until told to stop. What fails is said in the log and tried again at the next turn."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    rooms = Rooms(Path(order.data), settings_of(order), role="monitor")
    watcher = Watcher(rooms)
    try:
        rooms.begin()
        ready(order)
        while not stop.wait(_TURN_S):
            watcher.turn()
    finally:
        watcher.close()
        rooms.close()


class Watcher:
    """Everything that must happen because of what is on record: call ``turn`` often."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._notices = rooms.monitor.notices
        self._endpoints: dict[str, WebhookSettings] = dict(rooms.settings.monitor.webhooks)
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self._sending: Future[None] | None = None
        self._drawer = ThreadPoolExecutor(1, thread_name_prefix="draw")
        self._look_at = time.monotonic() + 60.0
        self._follower = Follower(rooms.data / "state.db", rooms.ledger, rulebook(rooms))

    def turn(self) -> None:
        """Do what is due; one part that fails keeps no other from its turn."""
        for part in (
            self._follower.turn,
            self._rooms.monitor.enforcer.settle,
            self._rooms.monitor.review.settle,
            self._notify,
            self._sample,
        ):
            try:
                part()
            except BartizanError as error:
                sys.stderr.write(f"monitor: {error}" + (f" ({error.hint})\n" if error.hint else "\n"))

    def close(self) -> None:
        """Let a try that runs come to its end."""
        self._sender.shutdown(wait=True, cancel_futures=True)
        self._drawer.shutdown(wait=True, cancel_futures=True)
        self._follower.close()

    def _notify(self) -> None:
        if self._endpoints and (self._sending is None or self._sending.done()):
            self._deliver()

    def _sample(self) -> None:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_S
            self._draw()

    def _draw(self) -> None:
        """Draw a week's sample once the last one is a week old; on rooms of its own, since it reads a week of exchanges."""
        plans = self._rooms.monitor.queue.plans
        if plans and time.time() < plans[-1].until + _PLAN_S:
            return
        rooms = self._rooms

        def work() -> None:
            apart = Rooms(rooms.data, rooms.settings, role="monitor")
            try:
                apart.begin()
                apart.monitor.drawer.draw()
            except BartizanError as error:
                sys.stderr.write(f"monitor: drawing a sample: {error}\n")
            finally:
                apart.close()

        self._drawer.submit(work)

    def _deliver(self) -> None:
        due = self._notices.due(list(self._endpoints), time.time())
        if not due:
            return

        def work() -> None:
            tried = asyncio.run(send(due, self._endpoints))
            self._rooms.ledger.append_now(*(envelope(fact, actor="monitor", correlation=fact.case) for fact in tried))

        self._sending = self._sender.submit(work)


def rulebook(rooms: Rooms) -> Rulebook:
    """Return what signals are raised by: the shipped calibration and the operator's rules; raises ConfigError for rules that are wrong."""
    own = rooms.settings.monitor.rules
    return Rulebook(load(), own=read_rules(Path(own)) if own else ())
