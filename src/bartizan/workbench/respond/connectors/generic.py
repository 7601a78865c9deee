"""``http``: any JSON service, by operations that the settings write out or an OpenAPI document names.

An argument fills a whole segment of the path, a whole value of the query or a member of the body; it never is part of an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast, get_args
from urllib.parse import quote

import re2

from bartizan.config import ConnectorSettings, OperationSettings
from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.connectors.openapi import operations_of
from bartizan.workbench.respond.connectors.web import Web, segment
from bartizan.workbench.respond.contract import Argument, Call, Change, Doubt, Kind, State, Verb

_HOLE: Final = re2.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KINDS: Final = get_args(Kind)


class Http(Web):
    """A service described by its operations; those with ``undo`` are reversible, those with ``look`` are read before they are written."""

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        self.operations: dict[str, OperationSettings] = {
            **(operations_of(settings.openapi) if settings.openapi else {}),
            **settings.operations,
        }
        if not self.operations:
            raise ConfigError(f"the connector {name} has no operations", hint=f"[respond.connectors.{name}.operations.VERB], or openapi")
        self._verbs = {verb: verb_of(name, verb, each, self.operations) for verb, each in self.operations.items()}

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        return self._verbs

    def look(self, call: Call) -> State:
        """Read what the operation's ``look`` reads; for a reading operation its own answer."""
        operation = self.operations[call.verb]
        if operation.effect == "read":
            return {"answer": self._read(operation, call)}
        if not operation.look:
            return {}
        answer = self._read(self.operations[operation.look], call)
        return {"done": isinstance(answer, dict) and answer.get(operation.done) is True}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Make the request, unless it only reads or what it does is done."""
        operation = self.operations[call.verb]
        return () if operation.effect == "read" or now.get("done") else (self._request(operation, call),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:
        """Make the request that takes it back."""
        operation = self.operations[call.verb]
        if not operation.undo or (operation.look and (before.get("done") or not now.get("done"))):
            return ()
        return (self._request(self.operations[operation.undo], call),)

    def _read(self, operation: OperationSettings, call: Call) -> Any:  # noqa: ANN401 - any JSON
        return self.read(self._path(operation, call)).value

    def _request(self, operation: OperationSettings, call: Call) -> Change:
        body = {name: _member(value, call) for name, value in operation.body.items()}
        return self.change(operation.method, self._path(operation, call), body if body or operation.method != "DELETE" else None)

    def _path(self, operation: OperationSettings, call: Call) -> str:
        path, mark, query = operation.path.partition("?")
        made = str(_HOLE.sub(lambda found: segment(_argument(found.group(1), call)), path))
        return made + mark + str(_HOLE.sub(lambda found: quote(_argument(found.group(1), call), safe=""), query))


def verb_of(connector: str, name: str, operation: OperationSettings, operations: Mapping[str, OperationSettings]) -> Verb:
    """Return the verb of an operation; raises ConfigError for one that contradicts itself."""
    where = f"the operation {name} of {connector}"
    for other in (operation.undo, operation.look):
        if other and other not in operations:
            raise ConfigError(f"{where} names {other}, which is not there")
    if operation.look and operations[operation.look].effect != "read":
        raise ConfigError(f"{where} looks by {operation.look}, which is not of effect read")
    if (operation.effect == "reversible") != bool(operation.undo) and operation.effect != "read" and not _undoes(name, operations):
        raise ConfigError(f"{where} is {operation.effect}", hint="reversible operations, and no others, have an undo")
    if operation.effect == "read" and operation.method != "GET" and not operation.tool:
        raise ConfigError(f"{where} is of effect read and uses {operation.method}", hint="only GET reads")
    arguments = tuple(_declared(where, each, kind) for each, kind in operation.arguments.items())
    used = {hole for text in (operation.path, *operation.body.values()) for hole in _HOLE.findall(text)}
    if unknown := sorted(used - set(operation.arguments) - {"key"}):
        raise ConfigError(f"{where} uses {unknown[0]}, which is no argument of it")
    doubt: Doubt = "look" if operation.look or operation.effect == "read" else "key"
    compensation = f"{connector}.{operation.undo}" if operation.undo else ""
    return Verb(
        name=name,
        effect=operation.effect,
        doc=f"{operation.method} {operation.path}",
        arguments=arguments,
        doubt=doubt,
        compensation=compensation,
    )


def _undoes(name: str, operations: Mapping[str, OperationSettings]) -> bool:
    return any(each.undo == name for each in operations.values())


def _declared(where: str, name: str, kind: str) -> Argument:
    bare = kind.removesuffix("!")
    if bare not in _KINDS:
        raise ConfigError(f"{where}: {name} is of no kind {bare!r}", hint=f"one of {', '.join(_KINDS)}")
    return Argument(name=name, kind=cast("Kind", bare), target=kind.endswith("!"))


def _argument(name: str, call: Call) -> str:
    value = call.key if name == "key" else call.arguments.get(name)
    if value is None:
        raise RefusedError(f"{call.verb} has no argument {name}", code="bad_argument", param=name)
    return str(value)


def _member(text: str, call: Call) -> object:
    whole = _HOLE.fullmatch(text)
    if whole is not None and whole.group(1) != "key":
        return call.arguments.get(whole.group(1))
    return _HOLE.sub(lambda found: _argument(found.group(1), call), text)
