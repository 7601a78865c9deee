"""Policy text before it is in force: bounded, parsed, checked against the schema; every complaint names its policy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal

import cedarpy
import msgspec
import re2
from cedarpy import pst

_MAX_BYTES: Final = 256 << 10
_MAX_WORDS: Final = 250
"""Of those that nest, in one policy. cedarpy 4.12 overflows its stack, and takes the process with it, somewhere above 300."""

_QUIET: Final = re2.compile(r'"(?:[^"\\]|\\.)*"|//[^\n\r]*')
_NESTING: Final = re2.compile(r"[(\[{.+*<>!=-]|&&|\|\||\b(?:if|has|in|is|like)\b")
_ACTION: Final = re2.compile(
    r'action "([^"]+)" in \[Action::"([^"]+)"\] appliesTo \{\n'
    r"  principal: \[Principal\],\n  resource: \[(\w+)\],\n  context: \{([^}]*)\}\n\};"
)
_ATTRIBUTE: Final = re2.compile(r"(\w+)(\??): ([\w<>]+)")
_LONG = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: Final[Mapping[str, Any]] = {"Long": _LONG, "Bool": bool, "String": str, "Set<String>": list[str]}


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a policy text: an error keeps it out of force, a warning does not."""

    level: Literal["error", "warning"]
    where: str
    """The policy's ``@id`` or the row, empty for the whole text."""
    what: str
    hint: str = ""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The shipped texts."""

    schema: str
    core: str
    cedar: str
    rows: str


class ActionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An action of the schema: its group, the type of what it is done to, and the strict reader of its context."""

    group: str
    resource: str
    context: msgspec.json.Decoder[Any]


@cache
def shipped() -> Sources:
    """Return the schema, the core forbids, and the default policy and rows as text."""
    root = resources.files("bartizan.policy").joinpath("shipped")

    def read(name: str) -> str:
        return root.joinpath(name).read_text(encoding="utf-8")

    return Sources(schema=read("schema.cedarschema"), core=read("core.cedar"), cedar=read("default.cedar"), rows=read("rows.toml"))


@cache
def schema() -> cedarpy.Schema:
    """Return the parsed schema."""
    return cedarpy.Schema.from_str(shipped().schema)


@cache
def actions() -> Mapping[str, ActionRow]:
    """Return every action that the schema applies to something, read off Cedar's own rendering of it."""
    found = _ACTION.findall(str(schema()))
    return {name: ActionRow(group=group, resource=resource, context=_reader(name, text)) for name, group, resource, text in found}


def _reader(action: str, attributes: str) -> msgspec.json.Decoder[Any]:
    """Return a decoder that takes what Cedar's schema takes, in a hundredth of the time: exact types, nothing missing or more."""
    fields: list[tuple[str, Any, Any] | tuple[str, Any]] = [
        (name, _TYPES[kind] | msgspec.UnsetType, msgspec.UNSET) if optional else (name, _TYPES[kind])
        for name, optional, kind in _ATTRIBUTE.findall(attributes)
    ]
    return msgspec.json.Decoder(msgspec.defstruct(action, fields, kw_only=True, forbid_unknown_fields=True))


def covers(scope: pst.ActionConstraint, action: str) -> bool:
    """Say whether a policy's scope holds an action of the schema."""
    match scope:
        case pst.ActionEq(entity=entity):
            return entity.id == action
        case pst.ActionIn(entities=entities):
            return any(entity.id in {action, actions()[action].group} for entity in entities)
        case _:
            return True


def check_bounds(cedar: str) -> Complaint | None:
    """Return what makes a text too large or too deep to be handed to the parser at all."""
    try:
        size = len(cedar.encode())
    except UnicodeEncodeError as error:
        return Complaint(level="error", where="", what=f"the policy is no Unicode text: {error.reason}")
    if size > _MAX_BYTES:
        return Complaint(level="error", where="", what=f"the policy is larger than {_MAX_BYTES} bytes")
    for number, statement in enumerate(_QUIET.sub("", cedar).split(";"), 1):
        if len(_NESTING.findall(statement)) > _MAX_WORDS:
            return Complaint(
                level="error",
                where=f"policy {number}",
                what=f"more than {_MAX_WORDS} operators and brackets in one policy",
                hint="split it into several",
            )
    return None


def parse(cedar: str) -> tuple[dict[str, pst.Template], list[Complaint]]:
    """Return the policies of the core and of a text by ``@id``, and every complaint; with an error, don't use the policies."""
    if (too_much := check_bounds(cedar)) is not None:
        return {}, [too_much]
    text = shipped().core + "\n" + cedar
    try:
        parsed = cedarpy.policies_to_pst(text)
    except ValueError as error:
        return {}, [Complaint(level="error", where="", what=f"this is no Cedar policy: {error}", hint="https://docs.cedarpolicy.com")]
    complaints = [
        Complaint(
            level="error", where=name, what="a policy template decides nothing by itself", hint="write out its principal and resource"
        )
        for name in parsed.templates
    ]
    nodes: dict[str, pst.Template] = {}
    for node in parsed.static_policies.values():
        name = node.annotations.get("id", "")
        if not name or name in nodes:
            complaints.append(
                Complaint(
                    level="error",
                    where=name or node.id,
                    what="its @id is used twice" if name else "it has no @id",
                    hint='begin each policy with @id("area.name"); core.* is taken',
                )
            )
        nodes[name] = node
    outcome = cedarpy.validate_policies(text, schema())
    names = outcome.id_annotations_by_policy_id
    complaints += [
        Complaint(
            level="error",
            where=names.get(each.policy_id, each.policy_id),
            what=each.error,
            hint="the schema: bartizan policy show --schema",
        )
        for each in outcome.errors
    ]
    return nodes, complaints
