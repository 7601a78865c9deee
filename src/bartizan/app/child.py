"""What a supervised process runs: ``python -m bartizan.app.child '{"role": "gateway", ...}'``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import msgspec

from bartizan.app.supervise import REFUSED, Order, Ready
from bartizan.errors import BartizanError, ConfigError, ControlError

_PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> int:
    """Serve one role until told to stop; returns REFUSED when it must not run at all."""
    order = msgspec.json.decode(argv[0], type=Order)
    _die_with_parent()
    os.umask(0o077)
    try:
        _serve(order)
    except (ConfigError, ControlError) as error:
        sys.stderr.write(f"error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return REFUSED
    except BartizanError as error:
        sys.stderr.write(f"error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def ready(order: Order, *, port: int = 0) -> None:
    """Tell the supervisor that this child serves."""
    if order.ready_fd >= 0:
        os.write(order.ready_fd, msgspec.json.encode(Ready(role=order.role, pid=os.getpid(), port=port)) + b"\n")
        os.close(order.ready_fd)


def _serve(order: Order) -> None:
    match order.role:
        case "gateway":
            from bartizan.app.serve import gateway  # noqa: PLC0415 - a child imports only its own role

            gateway(order, ready)
        case "console":
            from bartizan.app.serve import console  # noqa: PLC0415 - a child imports only its own role

            console(order, ready)
        case "keeper":
            from bartizan.app.keeper import keep  # noqa: PLC0415 - a child imports only its own role

            keep(order, ready)
        case "monitor":
            from bartizan.app.monitor import watch  # noqa: PLC0415 - a child imports only its own role

            watch(order, ready)
        case "responder":
            from bartizan.app.responder import respond  # noqa: PLC0415 - a child imports only its own role

            respond(order, ready)
        case "model":
            from bartizan.app.serve import model  # noqa: PLC0415 - a child imports only its own role

            model(order, ready)


def _die_with_parent() -> None:
    """Ask Linux to end this process when the supervisor dies, even by kill -9; elsewhere a no-op."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
