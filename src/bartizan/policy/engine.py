"""Cedar, with everything parsed beforehand: a text in, decisions out. Denies whatever it can't decide.

Cedar skips a policy that errs, so a ``forbid`` over a value of the wrong type would fail open. Three things prevent it:
requests are checked against the schema, so are entities, and any error at all denies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Final

import cedarpy
import msgspec
import re2
from cedarpy import pst

from bartizan.errors import ConfigError
from bartizan.identity import Principal
from bartizan.policy.model import JSON, Decision, Resource
from bartizan.policy.rows import Rows, parse_rows

_ENTITIES_KEPT: Final = 4096
_ACTION: Final = re2.compile(r'action "([^"]+)" in \[Action::"([^"]+)"\] appliesTo \{\n  principal: \[Principal\],\n  resource: \[(\w+)\]')


class _Sources(msgspec.Struct, frozen=True):
    schema: str
    core: str
    cedar: str
    rows: str


@cache
def shipped() -> _Sources:
    """Return the schema, the core forbids, and the default policy and rows as text."""
    root = resources.files("bartizan.policy").joinpath("shipped")
    read = [root.joinpath(name).read_text(encoding="utf-8") for name in ("schema.cedarschema", "core.cedar", "default.cedar", "rows.toml")]
    return _Sources(*read)


@cache
def schema() -> cedarpy.Schema:
    """Return the parsed schema."""
    return cedarpy.Schema.from_str(shipped().schema)


def version_of(cedar: str, rows: str) -> str:
    """Return the version of a policy: the SHA-256 of its text and its rows, each preceded by its length, hex."""
    parts = [text.encode() for text in (cedar, rows)]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


class Engine:
    """One version of the policy, parsed and validated; raises ConfigError on construction if it does not validate."""

    def __init__(self, cedar: str, rows: str) -> None:
        self.cedar = cedar
        self.rows_text = rows
        self.version = version_of(cedar, rows)
        self.rows: Rows = parse_rows(rows)
        self.nodes = _validated(shipped().core + "\n" + cedar)
        self._words = {identifier: node.annotations.get("doc", "") for identifier, node in self.named().items()}
        self._sets: dict[str, cedarpy.PolicySet] = {}
        self._principals: dict[bytes, cedarpy.Entities] = {}

    def named(self) -> dict[str, pst.Template]:
        """Return the policies by their ``@id``."""
        return {node.annotations["id"]: node for node in self.nodes.values()}

    def decide(self, principal: Principal, action: str, resource: Resource, context: bytes) -> Decision:
        """Decide one request; ``context`` is a JSON object. Total: what can't be decided is denied, with the reason."""
        request = {
            "principal": {"type": "Principal", "id": principal.id},
            "action": {"type": "Action", "id": action},
            "resource": {"type": resource.type, "id": resource.id},
            "context": context.decode(),
        }
        try:
            result = cedarpy.is_authorized(request, self._policies(action), self._entities(principal, resource), schema=schema())
        except (ValueError, TypeError) as error:
            return self._denied("request_not_well_formed", str(error))
        diagnostics = result.diagnostics
        if diagnostics.errors:
            return self._denied("request_not_well_formed", diagnostics.errors[0])
        names = diagnostics.id_annotations_by_reason
        reasons = tuple(sorted(names[reason] for reason in diagnostics.reasons))
        words = tuple(self._words[reason] for reason in reasons)
        if result.allowed:
            return Decision(allowed=True, reasons=reasons, version=self.version, words=words)
        if reasons:
            return Decision(allowed=False, reasons=reasons, version=self.version, hint="; ".join(words), words=words)
        return self._denied("no_policy_permits", f"no policy permits {action}")

    def _denied(self, reason: str, detail: str) -> Decision:
        return Decision(allowed=False, reasons=(reason,), version=self.version, hint=detail, words=(detail,))

    def _policies(self, action: str) -> cedarpy.PolicySet:
        """Return the policies whose scope may hold the action; the others can't decide it and only cost time."""
        known = self._sets.get(action)
        if known is None:
            if action not in actions():
                return cedarpy.PolicySet.from_str("")
            # The scope is settled by the choice; without it Cedar need not look the action's groups up again.
            chosen = {name: replace(node, action=pst.ScopeAny()) for name, node in self.nodes.items() if _covers(node.action, action)}
            known = cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies=chosen, template_links=()))
            self._sets[action] = known
        return known

    def _entities(self, principal: Principal, resource: Resource) -> cedarpy.Entities:
        attributes = {"kind": principal.kind, "roles": principal.roles, "standing": principal.standing, "person": principal.person}
        key = msgspec.json.encode([principal.id, attributes])
        known = self._principals.get(key)
        if known is None:
            if len(self._principals) >= _ENTITIES_KEPT:
                self._principals.clear()
            known = cedarpy.Entities.from_json_str(_entity("Principal", principal.id, attributes), schema())
            self._principals[key] = known
        if not resource.attributes:
            return known
        return known.with_added_json_str(_entity(resource.type, resource.id, resource.attributes), schema())


def _entity(kind: str, identifier: str, attributes: Mapping[str, JSON | tuple[str, ...]]) -> str:
    return msgspec.json.encode([{"uid": {"type": kind, "id": identifier}, "attrs": attributes, "parents": []}]).decode()


def _validated(text: str) -> Mapping[str, pst.Template]:
    try:
        parsed = cedarpy.policies_to_pst(text)
    except ValueError as error:
        raise ConfigError(f"reading policy: {error}", source="policy", hint="bartizan policy lint says where") from error
    if parsed.templates or parsed.template_links:
        raise ConfigError("a policy template decides nothing by itself", source="policy", hint="write out its principal and resource")
    seen: set[str] = set()
    for node in parsed.static_policies.values():
        name = node.annotations.get("id", "")
        if not name or name in seen:
            raise ConfigError(f"policy @id {name!r} is missing or used twice", source="policy", hint='begin each with @id("area.name")')
        seen.add(name)
    outcome = cedarpy.validate_policies(text, schema())
    if not outcome.validation_passed:
        named = outcome.id_annotations_by_policy_id
        first = outcome.errors[0]
        raise ConfigError(
            f"policy {named.get(first.policy_id, first.policy_id)}: {first.error}",
            source="policy",
            hint="see the schema: bartizan policy show --schema",
        )
    return dict(parsed.static_policies)


class ActionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An action of the schema: its group, and the type of what it is done to."""

    group: str
    resource: str


@cache
def actions() -> Mapping[str, ActionRow]:
    """Return every action that the schema applies to something, read off Cedar's own rendering of it."""
    found = _ACTION.findall(str(schema()))
    return {name: ActionRow(group=group, resource=resource) for name, group, resource in found}


def _covers(scope: pst.ActionConstraint, action: str) -> bool:
    group = actions()[action].group
    match scope:
        case pst.ScopeAny():
            return True
        case pst.ActionEq(entity=entity):
            return entity.id == action
        case pst.ActionIn(entities=entities):
            return any(entity.id in {action, group} for entity in entities)
