"""Responses as durable jobs: a worker that dies leaves its response to the next, which goes on from the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bartizan.work import Work
from bartizan.workbench.respond.engine import Engine

JOB: Final = "respond"
_MOST_TURNS: Final = 5000


def register(work: Work, engine: Engine) -> None:
    """Say what the job means; before the worker starts."""
    work.register(JOB, lambda args: carry_out(work, engine, args))


def carry_out(work: Work, engine: Engine, args: Mapping[str, Any]) -> dict[str, str]:
    """Take turns until a response waits or ends. A turn that was made before a crash is not made again; one cut off settles itself."""
    response = str(args["response"])
    for number in range(_MOST_TURNS):
        state = work.step(f"turn {number}", _turn, engine, response)
        if state != "more":
            return {"state": state}
    return {"state": "more"}


def submit(work: Work, response: str, cause: str) -> str:
    """Have a response carried on; ``cause`` is what made that worth doing, and the same cause submits once."""
    return work.submit(JOB, f"{response}:{cause}", {"response": response})


def _turn(engine: Engine, response: str) -> str:
    return engine.turn(response).state
