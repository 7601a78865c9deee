"""Acting: the changes of one wave, each in its own thread and time, from the state found before; errors become outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self

import msgspec

from bartizan.errors import BartizanError, RefusedError, UpstreamError
from bartizan.event import Deed
from bartizan.workbench.respond.condition import holds
from bartizan.workbench.respond.contract import Change, Connector, State
from bartizan.workbench.respond.keys import undo_key
from bartizan.workbench.respond.plan import Action, Plan

_TOGETHER: Final = 8


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An action that is ours to do. ``resumed`` says that somebody may have done it already, ``certain`` that it surely was done."""

    action: Action
    deed: Deed
    attempt: int
    before: dict[str, Any]
    resumed: bool = False
    certain: bool = True


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; ``code`` is empty where it went well."""

    changes: tuple[Change, ...] = ()
    result: dict[str, Any] = {}
    settled: bool = False
    code: str = ""
    message: str = ""
    in_doubt: bool = False

    @classmethod
    def of(cls, error: BartizanError) -> Self:
        """Return a failure as an outcome."""
        code = error.code if isinstance(error, (RefusedError, UpstreamError)) else "failed"
        return cls(code=code, message=error.message + (f" ({error.hint})" if error.hint else ""))


def begin_state(connectors: Mapping[str, Connector], action: Action) -> dict[str, Any]:
    """Return the state that an action would start from now; raises RefusedError 409 ``plan_drifted`` where the plan no longer fits it."""
    connector = connectors[action.connector]
    try:
        state = dict(connector.look(action.call))
        _planned(action, connector.forward(action.call, state))
    except UpstreamError as error:
        raise RefusedError(error.message, code=error.code, status=502, hint=error.hint) from error
    return state


def act_all(connectors: Mapping[str, Connector], begun: Sequence[Begun]) -> Iterator[tuple[Begun, Outcome]]:
    """Do what was begun, at most eight at a time; yield what came of each."""
    if len(begun) == 1:
        yield begun[0], _act(connectors[begun[0].action.connector], begun[0])
        return
    if not begun:
        return
    with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="respond") as pool:
        futures: list[tuple[Begun, Future[Outcome]]] = [(one, pool.submit(_act, connectors[one.action.connector], one)) for one in begun]
        ended = [(one, future.result()) for one, future in futures]
    yield from ended  # what came of them is written once none of them runs: a connector may itself write the record


def check_guards(plan: Plan, action: Action, results: Mapping[str, Mapping[str, object]]) -> None:
    """Raise RefusedError 409 ``plan_drifted`` where a condition over what steps found comes out otherwise than when planned."""
    for guard in action.guards:
        names = {
            "incident": plan.incident.view(),
            "vars": plan.vars,
            "steps": results.get(action.scope, {}),
            "each": guard.each,
        }
        if holds(guard.when, names) is not guard.expected:
            raise RefusedError(
                f"{action.id}: {guard.when} is no longer {str(guard.expected).lower()}", code="plan_drifted", status=409, hint="plan again"
            )


def _act(connector: Connector, begun: Begun) -> Outcome:
    try:
        return _undo(connector, begun) if begun.deed == "undo" else _do(connector, begun)
    except BartizanError as error:
        return Outcome.of(error)


def _do(connector: Connector, begun: Begun) -> Outcome:
    action, call = begun.action, begun.action.call
    if action.effect == "read":
        return Outcome(result=dict(connector.look(call)))
    state: State = begun.before
    if begun.resumed:
        doubt = connector.verbs[call.verb].doubt
        if doubt == "ask":
            return _doubtful(action)
        if doubt == "look":
            state = connector.look(call)
    changes = connector.forward(call, state)
    _planned(action, changes)
    if not changes and begun.resumed and action.changes:
        return Outcome(settled=True)
    return Outcome(changes=changes, result=_perform(connector, begun, changes))


def _undo(connector: Connector, begun: Begun) -> Outcome:
    call = begun.action.call
    doubt = connector.verbs[call.verb].doubt
    if doubt == "ask" and (begun.resumed or not begun.certain):
        return _doubtful(begun.action)
    changes = connector.back(call, begun.before, connector.look(call))
    if not changes:
        return Outcome(settled=begun.resumed)
    return Outcome(changes=changes, result=_perform(connector, begun, changes))


def _perform(connector: Connector, begun: Begun, changes: Sequence[Change]) -> dict[str, Any]:
    call = begun.action.call
    if begun.deed == "undo":
        call = msgspec.structs.replace(call, key=undo_key(call.key))
    result: dict[str, Any] = {}
    for change in changes:
        result |= connector.perform(call, change)
    return result


def _planned(action: Action, changes: Sequence[Change]) -> None:
    if any(change not in action.changes for change in changes):
        raise RefusedError(f"{action.id}: what it would do now is not what was planned", code="plan_drifted", status=409, hint="plan again")


def _doubtful(action: Action) -> Outcome:
    message = f"{action.id} was cut off between effect and record, and {action.do} has no way to look"
    return Outcome(code="in_doubt", message=message, in_doubt=True)
