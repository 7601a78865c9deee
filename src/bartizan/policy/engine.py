"""Cedar, with everything parsed beforehand: a text in, decisions out. Denies whatever it can't decide.

Cedar skips a policy that errs, so a ``forbid`` over a value of the wrong type would fail open. Three things prevent it: a
request's context is read by a strict reader made of the schema, entities are checked against the schema, and any error denies.
(Cedar can check requests too, but that costs a fifth of a decision: bench/policy.py.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import cedarpy
import msgspec
from cedarpy import pst

from bartizan.errors import ConfigError
from bartizan.identity import Principal
from bartizan.policy.model import JSON, Decision, Resource
from bartizan.policy.rows import Rows, parse_rows
from bartizan.policy.text import actions, covers, parse, schema

_ENTITIES_KEPT: Final = 4096
_NOT_WELL_FORMED: Final = "request_not_well_formed"
_NOTHING_PERMITS: Final = "no_policy_permits"


def version_of(cedar: str, rows: str) -> str:
    """Return the version of a policy: the SHA-256 of its text and its rows, each preceded by its length, hex."""
    parts = [text.encode(errors="surrogatepass") for text in (cedar, rows)]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


class Engine:
    """One version of the policy, parsed and validated; raises ConfigError on construction if it does not validate."""

    def __init__(self, cedar: str, rows: str) -> None:
        self.cedar = cedar
        self.rows_text = rows
        self.version = version_of(cedar, rows)
        self.rows: Rows = parse_rows(rows)
        self.nodes, complaints = parse(cedar)
        if complaints:
            first = complaints[0]
            where = f"policy {first.where}: " if first.where else ""
            raise ConfigError(where + first.what, source="policy", hint=first.hint)
        self._words = {name: node.annotations.get("doc", name) for name, node in self.nodes.items()}
        self._named = {_only(node) for node in self.nodes.values()}
        self._sets: dict[tuple[str, str, str], cedarpy.PolicySet] = {}
        self._principals: dict[bytes, cedarpy.Entities] = {}

    def decide(self, principal: Principal, action: str, resource: Resource, context: bytes) -> Decision:
        """Decide one request; ``context`` is a JSON object. Total: what can't be decided is denied, with the reason."""
        if why := _not_well_formed(action, resource, context):
            return self.denied(_NOT_WELL_FORMED, why)
        request = {
            "principal": {"type": "Principal", "id": principal.id},
            "action": {"type": "Action", "id": action},
            "resource": {"type": resource.type, "id": resource.id},
            "context": context.decode(),
        }
        try:
            result = cedarpy.is_authorized(request, self._policies(action, resource), self._entities(principal, resource))
        except (ValueError, TypeError) as error:
            return self.denied(_NOT_WELL_FORMED, str(error))
        diagnostics = result.diagnostics
        if diagnostics.errors:
            return self.denied(_NOT_WELL_FORMED, diagnostics.errors[0])
        reasons = tuple(sorted(diagnostics.reasons))
        words = tuple(self._words[reason] for reason in reasons)
        if result.allowed:
            return Decision(allowed=True, reasons=reasons, version=self.version, words=words)
        if reasons:
            return Decision(allowed=False, reasons=reasons, version=self.version, hint="; ".join(words), words=words)
        return self.denied(_NOTHING_PERMITS, f"no policy permits {action}")

    def denied(self, reason: str, detail: str) -> Decision:
        """Return a denial that no policy made."""
        return Decision(allowed=False, reasons=(reason,), version=self.version, hint=detail, words=(detail,))

    def covering(self, action: str) -> dict[str, pst.Template]:
        """Return the policies whose scope holds the action; no other can decide it."""
        return {name: node for name, node in self.nodes.items() if covers(node.action, action)}

    def _policies(self, action: str, resource: Resource) -> cedarpy.PolicySet:
        """Return the policies whose scope may hold this action on this resource; the rest only cost time (bench/policy.py)."""
        named = (resource.type, resource.id)
        key = (action, *named) if named in self._named else (action, "", "")
        known = self._sets.get(key)
        if known is None:
            # The action's scope is settled by the choice; without it Cedar need not look the action's groups up again.
            chosen = {
                name: replace(node, id=name, action=pst.ScopeAny())
                for name, node in self.covering(action).items()
                if _only(node) in {None, named}
            }
            known = cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies=chosen, template_links=()))
            self._sets[key] = known
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


def _not_well_formed(action: str, resource: Resource, context: bytes) -> str:
    row = actions().get(action)
    if row is None or resource.type != row.resource:
        return f"there is no action {action} on {resource.type}"
    try:
        row.context.decode(context)
    except msgspec.DecodeError as error:
        return f"the context of {action}: {error}"
    return ""


def _only(node: pst.Template) -> tuple[str, str] | None:
    """Return the one resource that a policy's scope names, if it names one."""
    match node.resource:
        case pst.ScopeEq(entity=pst.EntityUid(type=kind, id=identifier)):
            return (str(kind), identifier)
        case _:
            return None


def _entity(kind: str, identifier: str, attributes: Mapping[str, JSON | tuple[str, ...]]) -> str:
    return msgspec.json.encode([{"uid": {"type": kind, "id": identifier}, "attrs": attributes, "parents": []}]).decode()
