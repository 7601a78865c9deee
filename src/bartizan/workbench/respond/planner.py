"""Planning: a playbook and an incident become actions with their exact changes. Reads systems, changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bartizan.config import RespondSettings
from bartizan.errors import BartizanError, ConfigError, RefusedError
from bartizan.event import new_id
from bartizan.workbench.respond.arguments import check as check_arguments
from bartizan.workbench.respond.assets import Protected, reach_of, targets_of
from bartizan.workbench.respond.author import sha256
from bartizan.workbench.respond.condition import holds
from bartizan.workbench.respond.contract import Call, Change, Connector, Effect, Verb
from bartizan.workbench.respond.incident import Incident
from bartizan.workbench.respond.keys import key_of
from bartizan.workbench.respond.plan import Action, Guard, Left, Plan
from bartizan.workbench.respond.playbook import Act, If, Parallel, Playbook, Step, Sub, Switch, While
from bartizan.workbench.respond.values import fill, resolve

MAX_ACTIONS: Final = 500
_MAX_SUBS: Final = 4


class _Scope(msgspec.Struct):
    """What names mean within one playbook, and the conditions that led here."""

    prefix: str
    names: dict[str, Any]
    guards: tuple[Guard, ...] = ()
    inside: tuple[str, ...] = ()

    def under(self, guard: Guard | None) -> _Scope:
        """Return the scope one condition further in."""
        return msgspec.structs.replace(self, guards=(*self.guards, guard)) if guard is not None else self


class Planner:
    """Makes plans over the connectors that are configured."""

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        playbooks: Mapping[str, Playbook],
        protected: Protected,
        settings: RespondSettings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connectors = connectors
        self._playbooks = playbooks
        self._protected = protected
        self._settings = settings
        self._clock = clock

    def plan(self, playbook: Playbook, incident: Incident, given: Mapping[str, Any] | None = None) -> Plan:
        """Plan; raises RefusedError: ``too_many``, ``reach_exceeded``, ``no_connector``, ``protected_asset``, ``bad_argument`` ..."""
        if strange := sorted(set(given or {}) - set(playbook.vars)):
            raise RefusedError(f"the playbook has no variable {strange[0]}", code="unknown_name", hint=f"it has {', '.join(playbook.vars)}")
        variables = {**playbook.vars, **(given or {})}
        if lacking := sorted(name for name, value in variables.items() if value is None):
            raise RefusedError(
                f"the variable {lacking[0]} of {playbook.id} is needed", code="variable_needed", hint=f"--var {lacking[0]}=VALUE"
            )
        run = _Run(self._connectors, self._playbooks, self._protected, self._settings, new_id("response"), self._clock())
        names = {"incident": incident.view(), "vars": variables, "steps": {}}
        run.sequence(playbook.steps, _Scope("", names, (), (playbook.id,)), 0)
        plan = Plan(
            response=run.response,
            made_at=run.at,
            incident=incident,
            playbook=playbook.id,
            playbook_name=playbook.name,
            playbook_sha256=sha256(playbook),
            vars=variables,
            actions=tuple(sorted(run.actions, key=lambda each: each.wave)),
            left=tuple(run.left),
        )
        if plan.reach > playbook.most:
            raise RefusedError(
                f"the plan would touch {plan.reach} assets and accounts, and the playbook allows {playbook.most}",
                code="reach_exceeded",
                status=403,
                hint="narrow the incident, or raise `most` in a playbook of your own",
            )
        return plan


class _Run:
    """One planning."""

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        playbooks: Mapping[str, Playbook],
        protected: Protected,
        settings: RespondSettings,
        response: str,
        at: float,
    ) -> None:
        self.response, self.at = response, at
        self.actions: list[Action] = []
        self.left: list[Left] = []
        self._connectors, self._playbooks = connectors, playbooks
        self._protected, self._settings = protected, settings
        self._seen: dict[str, str] = {}
        self._ids: set[str] = set()

    def sequence(self, steps: Sequence[Step], scope: _Scope, wave: int) -> int:
        """Plan steps one after the other from a wave on; return the next free wave."""
        for step in steps:
            wave = self._step(step, scope, wave)
        return wave

    def _step(self, step: Step, scope: _Scope, wave: int) -> int:
        match step:
            case Act():
                return self._act(step, scope, wave)
            case If():
                told = holds(step.when, scope.names)
                return self.sequence(step.then if told else step.otherwise, scope.under(_guard(step.when, told, scope)), wave)
            case Switch():
                value = str(resolve(step.on, scope.names))
                return self.sequence(step.cases.get(value, step.default), scope, wave)
            case Parallel():
                return max((self.sequence(branch, scope, wave) for branch in step.parallel), default=wave)
            case While():
                return self._while(step, scope, wave)
            case Sub():
                return self._sub(step, scope, wave)

    def _while(self, step: While, scope: _Scope, wave: int) -> int:
        for _ in range(step.rounds):
            if not holds(step.when, scope.names):
                return wave
            wave = self.sequence(step.steps, scope.under(_guard(step.when, told=True, scope=scope)), wave)
        if holds(step.when, scope.names):
            raise RefusedError(
                f"step {step.id}: the loop still goes on after {step.rounds} rounds of planning",
                code="loop_unbounded",
                status=409,
                hint="loops are unrolled when planned, so their condition must come to an end on what can be read then",
            )
        return wave

    def _sub(self, step: Sub, scope: _Scope, wave: int) -> int:
        known = self._playbooks.get(step.playbook)
        if known is None:
            raise RefusedError(f"step {step.id}: there is no playbook {step.playbook}", code="unknown_playbook", status=404)
        if known.id in scope.inside or len(scope.inside) > _MAX_SUBS:
            raise RefusedError(f"step {step.id}: playbooks call one another in a circle or too deeply", code="playbook_cycle")
        names = {"incident": scope.names["incident"], "vars": dict(known.vars), "steps": {}}
        return self.sequence(known.steps, _Scope(f"{scope.prefix}{step.id}/", names, (), (*scope.inside, known.id)), wave)

    def _act(self, step: Act, scope: _Scope, wave: int) -> int:
        values = self._values(step, scope)
        connector = self._connector(step, scope) if values else None
        if connector is None:
            return wave
        if not step.each:
            self._one(step, scope, wave, connector, None)
            return wave + 1
        for value in values:
            inner = msgspec.structs.replace(scope, names={**scope.names, "each": value})
            try:
                self._one(step, inner, wave, connector, value)
            except RefusedError as error:  # whoever attacked may have planted the value: it must not keep the others from being acted on
                self.left.append(Left(step=scope.prefix + step.id, code=error.code, why=error.message))
        return wave + 1

    def _values(self, step: Act, scope: _Scope) -> Sequence[object]:
        """Return what the step is done for: the values of its list, or once."""
        if not step.each:
            return (None,)
        values = resolve(step.each, scope.names)
        if not isinstance(values, (list, tuple)):
            raise RefusedError(f"step {step.id}: {step.each} is no list", code="unknown_name")
        if len(values) > step.most:
            raise RefusedError(
                f"step {step.id}: {step.each} has {len(values)} values, and the step allows {step.most}", code="too_many", status=403
            )
        return values

    def _connector(self, step: Act, scope: _Scope) -> Connector | None:
        """Return the step's connector; None, which is listed, where an optional step has none."""
        name, _, verb = step.do.partition(".")
        connector = self._connectors.get(name)
        if connector is not None and verb in connector.verbs:
            return connector
        what = f"no connector is called {name}" if connector is None else f"{name} can't {verb}"
        if step.optional:
            self.left.append(Left(step=scope.prefix + step.id, code="no_connector", why=what))
            return None
        raise RefusedError(f"step {step.id}: {what}", code="no_connector", status=409, hint=f"configure [respond.connectors.{name}]")

    def _one(self, step: Act, scope: _Scope, wave: int, connector: Connector, each: object) -> None:
        name, _, verb_name = step.do.partition(".")
        verb = connector.verbs[verb_name]
        where = f"step {scope.prefix}{step.id}"
        given = {key: fill(value, scope.names) for key, value in step.arguments.items()}
        arguments = check_arguments(verb, given, where=where)
        targets = targets_of(verb, arguments)
        if verb.effect != "read":
            self._protected.check(targets, where=where)
        twin = f"{step.do} {msgspec.json.encode(arguments, order='sorted').decode()}"
        if verb.effect != "read" and twin in self._seen:
            self.left.append(Left(step=scope.prefix + step.id, code="same_as", why=f"the same as {self._seen[twin]}"))
            return
        action_id = self._id(scope.prefix + step.id, numbered=each is not None)
        call = Call(verb=verb_name, arguments=arguments, key=key_of(self.response, action_id), at=self.at)
        changes = _foreseen(connector, call, verb, where, scope, step)
        reach = reach_of(targets)
        persons, why = self._persons(verb.effect, reach, step)
        self._seen[twin] = action_id
        self.actions.append(
            Action(
                id=action_id,
                step=step.id,
                scope=scope.prefix,
                connector=name,
                call=call,
                effect=verb.effect,
                targets=targets,
                reach=reach,
                changes=changes,
                compensation=verb.compensation,
                persons=persons,
                why=why,
                guards=scope.guards,
                wave=wave,
                on_failure=step.on_failure,
            )
        )
        if len(self.actions) > MAX_ACTIONS:
            raise ConfigError(f"the plan has more than {MAX_ACTIONS} actions")

    def _id(self, base: str, *, numbered: bool) -> str:
        number = 1
        name = f"{base}.1" if numbered else base
        while name in self._ids:
            number += 1
            name = f"{base}.{number}"
        self._ids.add(name)
        return name

    def _persons(self, effect: Effect, reach: int, step: Act) -> tuple[int, str]:
        most = self._settings.unattended_reach
        match effect:
            case "read":
                needed, why = 0, "it only reads"
            case "destructive":
                needed, why = 2, "it can't be undone"
            case _:
                needed, why = (1, f"it reaches {reach}, more than {most}") if reach > most else (0, "it can be undone and reaches few")
        return (needed, why) if needed >= step.approve else (step.approve, "the playbook asks for it")


def _foreseen(connector: Connector, call: Call, verb: Verb, where: str, scope: _Scope, step: Act) -> tuple[Change, ...]:
    """Return the changes of a call from the state that is found now; what a read finds is named for later steps."""
    try:
        state = connector.look(call)
        changes = connector.forward(call, state)
    except RefusedError:
        raise
    except BartizanError as error:
        raise RefusedError(f"{where}: looking failed: {error.message}", code="look_failed", status=502, hint=error.hint) from error
    if verb.effect == "read":
        scope.names["steps"][step.id] = dict(state)
    return changes


def _guard(when: str, told: bool, scope: _Scope) -> Guard | None:  # noqa: FBT001 - the answer itself
    return Guard(when=when, expected=told, each=scope.names.get("each")) if "steps" in when else None
