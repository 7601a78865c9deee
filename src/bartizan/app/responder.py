"""The responder's process: follows the record, and has every response that somebody ordered carried on as a durable job."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bartizan.app.respond import Response, open_response, open_work
from bartizan.app.serve import settings_of
from bartizan.app.supervise import Order
from bartizan.workbench.respond import jobs
from bartizan.workbench.respond.book import Standing

HEARTBEAT_S: Final = 0.5
"""How often a responder gives a sign of life; it looks for jobs as often."""
DEAD_AFTER_S: Final = 5.0
_TURN_S: Final = 0.1
_SETTLE_S: Final = 2.0
"""How long a job may take to note its own end, once the response has ended."""


class Responder:
    """One worker: call ``turn`` often. Any number may run; who is first on record does a step."""

    def __init__(self, response: Response, work: Any) -> None:  # noqa: ANN401 - Work; its import waits for whoever starts one
        self._response = response
        self._work = work
        self._submitted: set[str] = set()
        jobs.register(work, response.engine)

    def start(self) -> None:
        """Begin to take jobs."""
        self._work.start()

    def turn(self) -> None:
        """Submit what became worth doing: an order, or a word on an approval."""
        for standing in self._response.engine.under_way():
            cause = self._cause(standing)
            if (key := f"{standing.response}:{cause}") not in self._submitted:
                jobs.submit(self._work, standing.response, cause)
                self._submitted.add(key)

    def until(self, response: str, *, seconds: float, waiting: bool = True) -> Standing:
        """Take turns until a response has ended or, with ``waiting``, has nothing to do before a person answers; or time is up."""
        deadline = time.monotonic() + seconds
        while True:
            self.turn()
            standing = self._response.engine.standing(response)
            if standing.ended and (self._rests(standing) or time.monotonic() > deadline - seconds + _SETTLE_S):
                return standing
            if time.monotonic() > deadline or (waiting and not standing.ended and self._rests(standing)):
                return standing
            time.sleep(_TURN_S / 4)

    def _rests(self, standing: Standing) -> bool:
        status = self._work.status(f"{jobs.JOB}:{standing.response}:{self._cause(standing)}")
        return status is not None and status.state in {"done", "failed", "cancelled"}

    def _cause(self, standing: Standing) -> str:
        """Name what a response stands at: how often it was ordered, and how many words were said on its approvals."""
        mine = [each for each in self._response.rooms.casebook.approvals() if each.case == standing.response]
        return f"{standing.orders}-{sum(len(each.votes) for each in mine)}"


def respond(order: Order, ready: Callable[..., None]) -> None:
    """Carry responses out until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = settings_of(order)
    response = open_response(Path(order.data), settings, role="responder")
    work = open_work(Path(order.data), settings, heartbeat_s=HEARTBEAT_S, dead_after_s=DEAD_AFTER_S)
    try:
        responder = Responder(response, work)
        responder.start()
        ready(order)
        while not stop.wait(_TURN_S):
            responder.turn()
    finally:
        work.close()
        response.rooms.close()
