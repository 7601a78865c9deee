"""Detector ``tool_arguments``: a tool call must be one that was offered, well-formed, as its schema says, and go nowhere unlisted."""

from __future__ import annotations

import fnmatch
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import jsonschema_rs
import msgspec

from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.event import Span
from bartizan.guard.egress import Place, is_allowed, places
from bartizan.guard.strictjson import StrictError, parse

DESCRIPTOR: Final = Descriptor(
    id="tool_arguments",
    version="1",
    layer="tool",
    phases=("tool",),
    title="Tool calls: offered, well-formed, going nowhere unlisted",
    doc="Strict JSON, the schema the client offered, denied tools, and the hosts that arguments name.",
    budget_ms=50.0,
    categories=("tool_schema", "tool_denied", "egress"),
    needs=("jsonschema_rs",),
)
_SCHEMAS: Final = 256
_SCHEMA_BYTES: Final = 256 << 10
_NESTED: Final = 2
_LINEAR: Final = jsonschema_rs.RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20)


class ToolArguments:
    """Judges whole tool calls. ``hosts`` are those that arguments may name; ``denied`` are tool names, ``*`` for any characters.

    Without ``listed_only`` hosts are left to ``tool_flow``, which knows where they come from; only unreadable ones are told here.
    """

    descriptor = DESCRIPTOR

    def __init__(self, *, hosts: Sequence[str] = (), denied: Sequence[str] = (), listed_only: bool = True) -> None:
        self._listed_only = listed_only
        self._hosts = tuple(hosts)
        self._denied = tuple(denied)
        self._validators: OrderedDict[bytes, Any] = OrderedDict()

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each thing that is wrong with a call."""
        del phase, segments, context
        return [
            Opinion(category=category, rule=rule, spans=(Span(path=call.path, start=0, end=len(call.arguments)),), detail=detail)
            for call in calls
            for category, rule, detail in self._wrong(call)
        ]

    def _wrong(self, call: ToolCall) -> Iterator[tuple[str, str, str]]:
        if any(fnmatch.fnmatchcase(call.name, pattern) for pattern in self._denied):
            yield "tool_denied", "tool-denied", ""
        if call.schema is None:
            yield "tool_schema", "tool-not-offered", ""
        try:
            value = parse(call.arguments) if call.arguments.strip() else {}
        except StrictError as error:
            yield "tool_schema", error.rule, ""
            yield from self._going("", call.arguments, "$")
            return
        if not isinstance(value, dict):
            yield "tool_schema", "not-an-object", ""
        if call.schema is not None:
            yield from self._against(call.schema, value)
        yield from self._walk(value, "", "$", _NESTED)

    def _against(self, schema: msgspec.Raw, value: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - any JSON value
        try:
            validator = self._validator(bytes(schema))
            problem = next(iter(validator.iter_errors(value)), None)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError, StrictError):
            yield "tool_schema", "schema-unusable", ""
            return
        if problem is not None:
            yield "tool_schema", "schema-violation", "/".join(map(str, problem.schema_path))

    def _validator(self, schema: bytes) -> Any:  # noqa: ANN401 - a class of its own for each draft
        """Compile a client's schema: linear regular expressions, no reference leaves it, the latest few kept."""
        key = hashlib.sha256(schema).digest()
        validator = self._validators.get(key)
        if validator is None:
            if len(schema) > _SCHEMA_BYTES:
                raise StrictError("too-large")
            validator = jsonschema_rs.validator_for(parse(schema.decode()), pattern_options=_LINEAR, offline=True)
            self._validators[key] = validator
            if len(self._validators) > _SCHEMAS:
                self._validators.popitem(last=False)
        else:
            self._validators.move_to_end(key)
        return validator

    def _walk(self, value: Any, key: str, path: str, nested: int) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - any JSON value
        """Look at every string, names of members too, and into JSON that is written inside a string."""
        match value:
            case str():
                yield from self._going(key, value, path)
                if nested and value.lstrip()[:1] in {"{", "["}:
                    yield from self._inside(value, key, path, nested)
            case dict():
                for name, member in value.items():
                    yield from self._going("", name, path)
                    yield from self._walk(member, name, f"{path}.{name[:64]}", nested)
            case list():
                for number, member in enumerate(value):
                    yield from self._walk(member, key, f"{path}[{number}]", nested)
            case int() if key and not isinstance(value, bool):
                yield from self._going(key, str(value), path)

    def _inside(self, text: str, key: str, path: str, nested: int) -> Iterator[tuple[str, str, str]]:
        try:
            value = parse(text)
        except StrictError:
            return
        yield from self._walk(value, key, path + "(json)", nested - 1)

    def _going(self, key: str, value: str, path: str) -> Iterator[tuple[str, str, str]]:
        told: set[str] = set()
        for place in places(value, key):
            rule = self._refused(place)
            if rule and rule not in told:
                told.add(rule)
                yield "egress", rule, path

    def _refused(self, place: Place) -> str:
        if place.problem:
            return place.problem
        if not self._listed_only or is_allowed(place, self._hosts):
            return ""
        return "port-not-allowed" if place.port and is_allowed(Place(place.host), self._hosts) else "host-not-allowed"
