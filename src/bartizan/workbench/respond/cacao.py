"""Playbooks as CACAO Security Playbooks 2.0 (OASIS, November 2023): what any reader understands, and an extension that loses nothing.

Every action is a ``manual`` command in words for readers who know no more; what bartizan does is in the step's extension.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Final

import msgspec

from bartizan.workbench.respond.playbook import Act, If, Parallel, Playbook, Step, Sub, Switch, While

VERSION: Final = "cacao-2.0"
_SPACE: Final = uuid.UUID("aa7caf3a-d55a-4e9a-b34e-056215fba56a")
"""The namespace that the specification gives for deterministic ids."""
EXTENSION: Final = f"extension-definition--{uuid.uuid5(_SPACE, 'bartizan respond 1')}"
AUTHOR: Final = f"identity--{uuid.uuid5(_SPACE, 'bartizan')}"
AGENT: Final = f"organization--{uuid.uuid5(_SPACE, 'bartizan respond agent')}"
_NEXT: Final = "on_completion"


def to_cacao(playbook: Playbook, *, at: float) -> dict[str, Any]:
    """Return a playbook as CACAO JSON values; ``at`` (UTC seconds) is when it counts as made. The same playbook has the same ids."""
    writer = _Writer(playbook.id)
    first = writer.sequence(playbook.steps)
    start = writer.put("start", "start", {_NEXT: first})
    stamp = dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    made: dict[str, Any] = {
        "type": "playbook",
        "spec_version": VERSION,
        "id": playbook_id(playbook.id),
        "name": playbook.name,
        "playbook_types": ["mitigation"],
        "created_by": AUTHOR,
        "created": stamp,
        "modified": stamp,
        "labels": ["bartizan", playbook.id],
        "workflow_start": start,
        "workflow": writer.steps,
        "agent_definitions": {AGENT: {"type": "organization", "name": "bartizan"}},
        "extension_definitions": {EXTENSION: _EXTENSION},
        "playbook_extensions": {
            EXTENSION: {
                "playbook": {"id": playbook.id, "fits": msgspec.to_builtins(playbook.fits), "most": playbook.most, "vars": playbook.vars}
            }
        },
    }
    if playbook.description:
        made["description"] = playbook.description
    if playbook.vars:
        made["playbook_variables"] = {f"__{name.replace('-', '_')}__": _variable(value) for name, value in playbook.vars.items()}
    return made


def playbook_id(name: str) -> str:
    """Return the CACAO id of a playbook of ours."""
    return f"playbook--{uuid.uuid5(_SPACE, f'bartizan {name}')}"


_EXTENSION: Final[dict[str, Any]] = {
    "type": "extension-definition",
    "name": "bartizan response",
    "description": "What bartizan does in a step: connector, verb, arguments, lists, conditions in CEL, and the bounds of a playbook.",
    "created_by": AUTHOR,
    "schema": "bartizan respond schema",
    "version": "1.0.0",
}


_ELSEWHERE: Final = frozenset({"type", "name", "then", "else", "cases", "default", "steps", "parallel"})


class _Writer:
    """Steps under their CACAO ids."""

    def __init__(self, name: str) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self._name = name
        self._ends = 0

    def sequence(self, steps: tuple[Step, ...]) -> str:
        """Write steps one after the other and an end; return the id of the first."""
        self._ends += 1
        following = self.put("end", f"end {self._ends}", {})
        for step in reversed(steps):
            following = self._step(step, following)
        return following

    def put(self, kind: str, name: str, values: dict[str, Any]) -> str:
        """Write one step."""
        made = f"{kind}--{uuid.uuid5(_SPACE, f'bartizan {self._name} {kind} {name}')}"
        self.steps[made] = {"type": kind, **values}
        return made

    def _step(self, step: Step, following: str) -> str:
        common: dict[str, Any] = {_NEXT: following, **({"name": step.name} if step.name else {})}
        values: dict[str, Any]
        match step:
            case Act():
                words = f"{step.do} " + " ".join(f"{name}={value}" for name, value in step.arguments.items())
                command = {"type": "manual", "command": words.strip() + (f" for each of {step.each}" if step.each else "")}
                values, kind = {"commands": [command], "agent": AGENT}, "action"
            case If():
                values, kind = {"condition": step.when, "on_true": self.sequence(step.then)}, "if-condition"
                if step.otherwise:
                    values["on_false"] = self.sequence(step.otherwise)
            case Switch():
                cases = {name: self.sequence(steps) for name, steps in step.cases.items()}
                values = {"switch": step.on, "cases": {**cases, **({"default": self.sequence(step.default)} if step.default else {})}}
                kind = "switch-condition"
            case While():
                values, kind = {"condition": step.when, "on_true": self.sequence(step.steps)}, "while-condition"
            case Parallel():
                values, kind = {"next_steps": [self.sequence(branch) for branch in step.parallel]}, "parallel"
            case Sub():
                values, kind = {"playbook_id": playbook_id(step.playbook)}, "playbook-action"
        return self.put(kind, step.id, {**common, **values, "step_extensions": {EXTENSION: {"step": _own(step)}}})


def _own(step: Step) -> dict[str, Any]:
    """Return what of a step is bartizan's alone: all but the steps within it and its name."""
    plain: dict[str, Any] = msgspec.to_builtins(step)
    return {name: value for name, value in plain.items() if name not in _ELSEWHERE}


def _variable(value: object) -> dict[str, Any]:
    kinds = {bool: "bool", int: "integer", float: "float"}
    text = str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
    return {"type": kinds.get(type(value), "string"), "value": text, "constant": False, "external": value is None}
