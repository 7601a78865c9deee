"""The keeper: what must happen to the record whether or not anybody asks. Witness, retention, and what a crash left open."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bartizan.app.serve import settings_of
from bartizan.app.supervise import Order
from bartizan.ledger import Ledger

_TICK_S: Final = 1.0
_RETENTION_S: Final = 3600.0
_RECOVERY_S: Final = 5.0


def keep(order: Order, ready: Callable[..., None]) -> None:
    """Tend the record until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ledger = Ledger.open(Path(order.data), role="keeper", settings=settings_of(order).ledger)
    try:
        ledger.recover()
        ready(order)
        recovered = time.monotonic()
        while not stop.wait(_TICK_S):
            if time.monotonic() - recovered >= _RECOVERY_S:
                ledger.recover()
                recovered = time.monotonic()
    finally:
        ledger.close()
