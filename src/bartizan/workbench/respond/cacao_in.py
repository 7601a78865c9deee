"""Reading CACAO Security Playbooks 2.0: what can be carried out here becomes a playbook; what can't is refused, all of it named.

Descriptive properties that a playbook here has no place for are lost and listed; anything that changes what would be done refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import re2

from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.author import MAX_BYTES, check, from_plain
from bartizan.workbench.respond.cacao import EXTENSION, VERSION, playbook_id
from bartizan.workbench.respond.playbook import MAX_STEPS, Playbook

_ID: Final = re2.compile(r"[a-z-]{1,30}--[0-9a-fA-F-]{36}")
_COMPARED: Final = re2.compile(r"\s*(?:\$\$)?__([A-Za-z_][A-Za-z0-9_-]*?)__(?:\$\$)?:value\s*(=|==|!=|<|<=|>|>=)\s*'([^'\\]*)'\s*")
_SWITCHED: Final = re2.compile(r"\s*(?:\$\$)?__([A-Za-z_][A-Za-z0-9_-]*?)__(?:\$\$)?(?::value)?\s*")
_NOT_ID: Final = re2.compile(r"[^a-z0-9]+")
_LOST: Final = (
    "external_references",
    "markings",
    "data_marking_definitions",
    "signatures",
    "derived_from",
    "related_to",
    "industry_sectors",
    "playbook_activities",
    "valid_from",
    "valid_until",
    "priority",
    "impact",
    "target_definitions",
)
_REFUSED: Final = ("workflow_exception", "authentication_info_definitions")
_STEP_LOST: Final = ("external_references", "owner", "timeout", "targets")
_STEP_REFUSED: Final = ("delay", "step_variables", "out_args")


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook and what of its source it has no place for."""

    playbook: Playbook
    lost: tuple[str, ...]


def read_cacao(data: bytes, *, source: str) -> Playbook:
    """Read a playbook from CACAO JSON; see ``import_cacao``."""
    return import_cacao(data, source=source).playbook


def import_cacao(data: bytes, *, source: str) -> Imported:
    """Read CACAO JSON; raises ConfigError for what is no such playbook, RefusedError 422 ``cacao_unsupported`` for what can't be done."""
    if len(data) > MAX_BYTES:
        raise ConfigError(f"the playbook is larger than {MAX_BYTES} bytes", source=source)
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"this is not JSON: {error}", source=source) from error
    if not isinstance(document, dict) or document.get("type") != "playbook" or document.get("spec_version") != VERSION:
        raise ConfigError("this is no CACAO 2.0 playbook", source=source, hint=f"type playbook, spec_version {VERSION}")
    reader = _Reader(document)
    steps = reader.sequence(str(document.get("workflow_start", "")), ())
    reader.whole(document)
    if reader.refused:
        raise RefusedError(
            f"{source}: {len(reader.refused)} things in it can't be done here: {'; '.join(sorted(set(reader.refused))[:20])}",
            code="cacao_unsupported",
            status=422,
            hint="carry these steps out by hand, or write them as actions of a connector",
        )
    own = _own(document.get("playbook_extensions"), "playbook")
    plain = {
        "id": own.get("id") or _named(str(document.get("name", "")), "playbook"),
        "name": str(document.get("name", "")) or "unnamed",
        "description": str(document.get("description", "")),
        "vars": own.get("vars") if isinstance(own.get("vars"), dict) else _variables(document),
        "steps": steps,
        **{name: own[name] for name in ("fits", "most") if name in own},
    }
    playbook = from_plain(plain, source=source)
    check(playbook, source=source)
    return Imported(playbook=playbook, lost=tuple(sorted(set(reader.lost))))


class _Reader:
    """A walk over the workflow that visits each step once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        workflow = document.get("workflow")
        self.refused: list[str] = []
        self.lost: list[str] = []
        self._workflow: Mapping[str, Any] = workflow if isinstance(workflow, dict) else {}
        self._seen: set[str] = set()
        self._names: set[str] = set()

    def whole(self, document: Mapping[str, Any]) -> None:
        """Note what the playbook as a whole loses, and what it can't have."""
        self.lost += [name for name in _LOST if document.get(name)]
        self.refused += [f"{name} of the playbook" for name in _REFUSED if document.get(name)]
        unvisited = [key for key, step in self._workflow.items() if key not in self._seen and _object(step).get("type") != "end"]
        self.refused += [f"{key[:60]} is never reached" for key in unvisited]

    def sequence(self, key: str, path: tuple[str, ...]) -> list[dict[str, Any]]:
        """Read steps from one on until an end."""
        made: list[dict[str, Any]] = []
        while key:
            step = _object(self._workflow.get(key))
            kind = step.get("type")
            if kind == "end":
                return made
            if key in self._seen:
                self.refused.append(f"{key[:60]} is reached by two ways, or again")
                return made
            if not step or not _ID.fullmatch(key) or len(self._seen) > MAX_STEPS:
                self.refused.append(f"{key[:60]} is not there, or one of too many steps")
                return made
            self._seen.add(key)
            if kind != "start":
                self._notes(key, step)
                made += self._step(key, step, (*path, key))
            key = self._following(step)
        return made

    def _following(self, step: Mapping[str, Any]) -> str:
        return str(step.get("on_completion") or step.get("on_success") or "")

    def _notes(self, key: str, step: Mapping[str, Any]) -> None:
        self.lost += [f"{name} of {key[:60]}" for name in _STEP_LOST if step.get(name)]
        self.refused += [f"{name} of {key[:60]}" for name in _STEP_REFUSED if step.get(name)]

    def _step(self, key: str, step: Mapping[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:  # noqa: PLR0911 - one a type
        own = _own(step.get("step_extensions"), "step")
        common = {"id": self._id(own, step, key), **({"name": step["name"]} if isinstance(step.get("name"), str) else {})}
        match step.get("type"):
            case "action":
                return self._action(key, step, common, own)
            case "if-condition":
                otherwise = self.sequence(str(step["on_false"]), path) if step.get("on_false") else []
                then = self.sequence(str(step.get("on_true", "")), path)
                return [{**common, "if": self._condition(key, step, own, "if"), "then": then, "else": otherwise}]
            case "while-condition":
                when = self._condition(key, step, own, "while")
                rounds = {"rounds": own["rounds"]} if "rounds" in own else {}
                return [{**common, "while": when, "steps": self.sequence(str(step.get("on_true", "")), path), **rounds}]
            case "switch-condition":
                cases = {str(name): self.sequence(str(each), path) for name, each in _object(step.get("cases")).items()}
                default = cases.pop("default", [])
                return [{**common, "switch": self._switch(key, step, own), "cases": cases, "default": default}]
            case "parallel":
                following = step.get("next_steps")
                branches = [self.sequence(str(each), path) for each in following] if isinstance(following, list) else []
                return [{**common, "parallel": branches}]
            case "playbook-action":
                return self._sub(key, step, common, own)
            case other:
                self.refused.append(f"{key[:60]} is of the type {str(other)[:40]}")
                return []

    def _action(self, key: str, step: Mapping[str, Any], common: dict[str, Any], own: Mapping[str, Any]) -> list[dict[str, Any]]:
        failure = self._on_failure(key, step)
        if isinstance(own.get("do"), str):
            return [{**common, **own, **common, **failure}]
        commands = step.get("commands")
        made = []
        for number, command in enumerate(commands if isinstance(commands, list) else [], 1):
            kind, words = _object(command).get("type"), _object(command).get("command")
            if kind != "manual" or not isinstance(words, str):
                self.refused.append(f"the command {str(kind)[:40]} of {key[:60]}")
                continue
            text = words.replace("${", "$ {")[:4000]
            identity = common["id"] if number == 1 else f"{common['id'][:50]}-{number}"
            made.append({**common, "id": identity, "do": "bartizan.manual", "with": {"text": text}, "approve": 1, **failure})
        return made

    def _on_failure(self, key: str, step: Mapping[str, Any]) -> dict[str, str]:
        target = step.get("on_failure")
        if not target:
            return {}
        if target == step.get("on_success"):
            return {"on_failure": "continue"}
        if _object(self._workflow.get(str(target))).get("type") == "end":
            return {"on_failure": "stop"}
        self.refused.append(f"on_failure of {key[:60]}, which leads to other steps")
        return {}

    def _condition(self, key: str, step: Mapping[str, Any], own: Mapping[str, Any], name: str) -> str:
        if isinstance(own.get(name), str):
            return str(own[name])
        found = _COMPARED.fullmatch(str(step.get("condition", "")))
        if found is None:
            self.refused.append(f"the condition of {key[:60]}")
            return "false"
        variable, operator, value = found.groups()
        literal = msgspec.json.encode(value).decode()
        return f"vars.{variable.lower()} {'==' if operator == '=' else operator} {literal}"

    def _switch(self, key: str, step: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        if isinstance(own.get("switch"), str):
            return str(own["switch"])
        found = _SWITCHED.fullmatch(str(step.get("switch", "")))
        if found is None:
            self.refused.append(f"the switch of {key[:60]}")
            return "vars"
        return f"vars.{found.group(1).lower()}"

    def _sub(self, key: str, step: Mapping[str, Any], common: dict[str, Any], own: Mapping[str, Any]) -> list[dict[str, Any]]:
        named = own.get("playbook")
        if not isinstance(named, str) or playbook_id(named) != step.get("playbook_id"):
            self.refused.append(f"the playbook {str(step.get('playbook_id'))[:60]}, which is not known here")
            return []
        if step.get("in_args") or step.get("playbook_version"):
            self.refused.append(f"in_args or playbook_version of {key[:60]}")
        return [{**common, "playbook": named}]

    def _id(self, own: Mapping[str, Any], step: Mapping[str, Any], key: str) -> str:
        kind, _, rest = key.partition("--")
        base = str(own["id"]) if isinstance(own.get("id"), str) else _named(str(step.get("name") or ""), f"{kind}-{rest[:8]}")
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base[:50]}-{number}"
        self._names.add(name)
        return name


def _variables(document: Mapping[str, Any]) -> dict[str, Any]:
    found = _object(document.get("playbook_variables"))
    return {name.strip("_").lower(): _object(each).get("value", "") for name, each in found.items() if isinstance(name, str)}


def _own(extensions: object, name: str) -> Mapping[str, Any]:
    return _object(_object(_object(extensions).get(EXTENSION)).get(name))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _named(text: str, otherwise: str) -> str:
    made = str(_NOT_ID.sub("-", text.lower())).strip("-")[:50]
    return made if made and made[0].isalpha() else otherwise
