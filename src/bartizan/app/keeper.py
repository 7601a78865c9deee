"""The keeper: what must happen to the record whether or not anybody asks. Witness, retention, and what a crash left open."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bartizan.app.serve import settings_of
from bartizan.app.supervise import Order
from bartizan.errors import BartizanError
from bartizan.ledger import Ledger
from bartizan.ledger.witness import Witness

_COSIGN_S: Final = 1.0
_RECOVER_S: Final = 5.0
_RETAIN_S: Final = 3600.0


def keep(order: Order, ready: Callable[..., None]) -> None:
    """Tend the record until told to stop. What fails is said in the log and tried again at its next turn."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    data, settings = Path(order.data), settings_of(order)
    ledger = Ledger.open(data, role="keeper", settings=settings.ledger)
    try:
        ledger.recover()
        witness = local_witness(data)
        duties = (
            _Duty(_COSIGN_S, lambda: cosign(ledger, witness)),
            _Duty(_RECOVER_S, ledger.recover),
            _Duty(_RETAIN_S, lambda: ledger.erasure.apply_retention(time.time(), settings.retention)),
        )
        ready(order)
        while not stop.wait(_COSIGN_S):
            for duty in duties:
                duty.turn()
    finally:
        ledger.close()


def local_witness(data: Path) -> Witness:
    """Return the witness of this host, and leave its verifier key beside the log's.

    It holds its key and what it saw apart from the log's, and finds out a log that was rewritten with the log's key alone. Whoever can
    rewrite both on this host is beyond it: keep a cosigned checkpoint elsewhere (``bartizan ledger witness``).
    """
    witness = Witness(data / "secrets" / "witness")
    path = data / "witness.vkey"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(witness.vkey, encoding="utf-8")
    return witness


def cosign(ledger: Ledger, witness: Witness) -> None:
    """Have the newest checkpoint cosigned, if the witness has not seen it yet."""
    if ledger.checkpoint().size > witness.size:
        ledger.cosign(witness)


class _Duty:
    """Something to do every so many seconds."""

    def __init__(self, every_s: float, work: Callable[[], Any]) -> None:
        self._every_s = every_s
        self._work = work
        self._next = 0.0

    def turn(self) -> None:
        """Do it if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every_s
        try:
            self._work()
        except BartizanError as error:
            sys.stderr.write(f"keeper: {error}" + (f" ({error.hint})\n" if error.hint else "\n"))
