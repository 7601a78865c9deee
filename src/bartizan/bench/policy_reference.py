"""The shipped policy once more, as plain Python: an oracle written from its meaning, and requests to ask both.

Nothing here is shared with the engine. Half of the requests are well formed; the others carry a value of another type
somewhere, since engines have been seen to let those through (a bool taken for a number is truthy in Rego).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bartizan.identity import Principal
from bartizan.policy import Resource

Context = Mapping[str, Any]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question to both."""

    principal: Principal
    action: str
    resource: Resource
    context: Context


_USE: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "chat": (
        "Model",
        {
            "tier": "!int",
            "model": "!str",
            "stream": "bool",
            "tools": "strs",
            "choices": "int",
            "requests_left": "int",
            "tokens_left": "int",
        },
    ),
    "call_tool": ("Tool", {"tier": "!int", "tool": "!str", "model": "str", "host": "str", "in_scope": "bool"}),
    "use_tier": ("Level", {"tier": "!int", "purpose": "str"}),
    "model.list": ("Record", {}),
    "log.push": ("Record", {}),
}
_READ: Final = (
    "exchange.list",
    "ledger.verify",
    "principal.list",
    "grant.list",
    "control.list",
    "policy.show",
    "case.list",
    "key.list",
    "report.list",
    "report.read",
    "rule.list",
    "response.list",
    "code.list",
    "incident.list",
)
_MANAGE: Final = {
    "content.read": "Record",
    "content.erase": "Record",
    "retention.apply": "Record",
    "ledger.export": "Record",
    "principal.register": "Principal",
    "role.assign": "Principal",
    "account.suspend": "Principal",
    "account.restore": "Principal",
    "key.issue": "Key",
    "key.rotate": "Key",
    "key.revoke": "Key",
    "grant.propose": "Grant",
    "grant.approve": "Grant",
    "grant.give": "Grant",
    "grant.end": "Grant",
    "hold.place": "Hold",
    "hold.approve": "Hold",
    "hold.release": "Hold",
    "case.show": "Case",
    "case.decide": "Case",
    "control.change": "Control",
    "policy.change": "PolicyText",
    "report.ingest": "Record",
    "code.keep": "Record",
    "code.approve": "Record",
    "rule.tune": "Record",
    "log.hunt": "Record",
    "report.export": "Record",
    "response.plan": "Record",
    "response.run": "Record",
    "response.undo": "Record",
    "incident.ingest": "Record",
    "incident.decide": "Record",
}
_REPORTS: Final = ("report.list", "report.read", "report.ingest", "report.export")
_INCIDENTS: Final = ("incident.ingest", "incident.decide")
_OF_A_REPORT: Final = {"tier": "!int", "tlp": "!int", "own": "!bool"}
_ATTRIBUTES: Final = {
    "Key": {"owner"},
    "Hold": {"proposer"},
    "Grant": {"proposer", "beneficiary"},
    "Case": {"subject", "proposer"},
    "Principal": {"kind", "roles", "standing", "person"},
}
_LOOKED_AT: Final = {"key.list", "key.rotate", "key.revoke", "grant.approve", "hold.approve", "case.decide"}
_MAY: Final[Mapping[str, set[str]]] = {
    "operator": {
        *_READ,
        "grant.propose",
        "grant.give",
        "grant.end",
        "control.change",
        "account.suspend",
        "key.revoke",
        "case.show",
        "hold.place",
        *("rule.tune", "log.hunt"),
        *("response.plan", "response.run", "response.undo"),
        *("code.keep", "code.approve"),
        *_REPORTS,
        *_INCIDENTS,
    },
    "approver": {
        *("case.list", "grant.list", "principal.list", "policy.show", "ledger.verify"),
        *("grant.approve", "grant.end", "hold.approve", "case.show", "case.decide", "account.restore", "response.list"),
    },
    "reviewer": {
        *(*_READ, "content.read", "case.show", "case.decide"),
        *("rule.tune", "log.hunt", "code.keep", "code.approve", *_REPORTS, *_INCIDENTS),
    },
    "privacy": {
        *("case.list", "grant.list", "principal.list", "policy.show", "ledger.verify"),
        *("content.erase", "retention.apply", "hold.place", "hold.release", "case.show"),
    },
    "auditor": {*_READ, "ledger.export"},
    "admin": {
        *_READ,
        *("principal.register", "role.assign", "key.issue", "key.rotate", "key.revoke", "account.suspend", "account.restore"),
        *("policy.change", "ledger.export", *_REPORTS, *_INCIDENTS),
    },
    "member": {*_USE, *_REPORTS},
}


def allows(request: Request) -> bool:  # noqa: PLR0911 - one return a rule
    """Say whether the shipped policy allows a request, told in plain Python."""
    who, what, attributes, context = request.principal, request.action, request.resource.attributes, request.context
    if not _well_formed(request):
        return False
    roles = set(who.roles)
    if who.standing in {"suspended", "revoked"}:
        return False
    if what in _USE:
        return "member" in roles and _use(context)
    if who.kind == "agent" or (what in _MANAGE and who.kind != "person"):
        return False
    if what in {"report.read", "report.export"} and context["tlp"] > context["tier"] + 1 and not context["own"]:
        return False
    if _torn(what, roles) or _own(request):
        return False
    owns = what in {"key.list", "key.rotate", "key.revoke"} and attributes["owner"] == who.person
    return owns or any(what in _MAY.get(role, ()) for role in roles)


def _use(context: Context) -> bool:
    left = (context.get("requests_left", 1), context.get("tokens_left", 1))
    return 0 <= context.get("tier", 0) <= 3 and all(each > 0 for each in left) and context.get("in_scope", True)


def _torn(what: str, roles: set[str]) -> bool:
    match what:
        case "grant.approve" | "hold.approve":
            return bool(roles & {"operator", "admin"})
        case "grant.propose" | "grant.give":
            return "approver" in roles
        case "content.erase" | "retention.apply":
            return bool(roles & {"reviewer", "admin"})
        case "content.read":
            return "privacy" in roles
        case _:
            return False


def _own(request: Request) -> bool:
    person, attributes = request.principal.person, request.resource.attributes
    match request.action:
        case "grant.approve" | "hold.approve" | "case.decide":
            return person in attributes.values()
        case "role.assign" | "account.restore":
            return request.resource.id == request.principal.id
        case _:
            return False


def _well_formed(request: Request) -> bool:
    who, what, resource = request.principal, request.action, request.resource
    texts: list[Any] = [who.kind, who.standing, who.person, *who.roles]
    if not all(type(text) is str for text in texts):
        return False
    if what in _USE:
        wanted, shape = _USE[what]
    elif what in _READ or what in _MANAGE:
        wanted, shape = ("Key" if what == "key.list" else _MANAGE.get(what, "Record")), _shape(what)
    else:
        return False
    return resource.type == wanted and _attributes_fit(what, resource) and _context_fits(request.context, shape)


def _shape(what: str) -> Mapping[str, str]:
    return _OF_A_REPORT if what in {"report.read", "report.export"} else {}


def _attributes_fit(what: str, resource: Resource) -> bool:
    if not resource.attributes:
        return what not in _LOOKED_AT
    values: list[Any] = list(resource.attributes.values())
    return set(resource.attributes) == _ATTRIBUTES.get(resource.type, set()) and all(type(value) is str for value in values)


def _context_fits(context: Context, shape: Mapping[str, str]) -> bool:
    needed = {name for name, kind in shape.items() if kind.startswith("!")}
    return needed <= set(context) <= set(shape) and all(_is(shape[name].lstrip("!"), value) for name, value in context.items())


def _is(kind: str, value: object) -> bool:
    match kind:
        case "int":
            return type(value) is int and -(2**63) <= value < 2**63
        case "str":
            return type(value) is str
        case "bool":
            return type(value) is bool
        case _:
            return type(value) is list and all(type(each) is str for each in value)


_ODD: Final[tuple[Any, ...]] = (
    True,
    False,
    None,
    0,
    1,
    -1,
    2,
    4,
    1.0,
    0.5,
    2**63,
    "",
    "1",
    "true",
    "person",
    [],
    [1],
    ["a", None],
    {},
    {"a": 1},
)
_ROLES: Final = (*_MAY, "emperor")
_PEOPLE: Final = ("ada", "bob", "eve")


def random_request(chance: random.Random) -> Request:
    """Return a request that is near to something: well formed half of the time, else with one thing of another type."""
    what = chance.choice([*_USE, *_USE, *_READ, *_MANAGE, "nothing"])
    wanted, shape = _USE.get(what, ("Key" if what == "key.list" else _MANAGE.get(what, "Record"), _shape(what)))
    values = {"int": chance.choice([-1, 0, 1, 2, 3, 4, 100]), "str": "m", "bool": chance.random() < 0.5, "strs": ["a", "b"]}
    context: dict[str, Any] = {
        name: values[kind.lstrip("!")] for name, kind in shape.items() if kind.startswith("!") or chance.random() < 0.3
    }
    names = _ATTRIBUTES.get(wanted, set()) if wanted != "Principal" and chance.random() < 0.9 else set()
    attributes: dict[str, Any] = {name: chance.choice(_PEOPLE) for name in sorted(names)}
    fields: dict[str, Any] = {
        "kind": chance.choice(["person", "person", "service", "agent"]),
        "roles": tuple(chance.sample(_ROLES, chance.choice([0, 1, 1, 1, 2, 3]))),
        "standing": chance.choice(["good", "good", "good", "warned", "throttled", "suspended", "revoked"]),
    }
    if chance.random() < 0.5:
        _twist(chance, context, attributes, fields)
    principal = Principal(id=chance.choice(_PEOPLE), account="a", tenant="default", **fields)
    where = chance.choice([wanted] * 9 + ["Model"])
    return Request(
        principal=principal,
        action=what,
        resource=Resource(type=where, id=chance.choice([*_PEOPLE, "m"]), attributes=attributes),
        context=context,
    )


def _twist(chance: random.Random, context: dict[str, Any], attributes: dict[str, Any], fields: dict[str, Any]) -> None:
    where = chance.choice(["context", "context", "context", "attributes", "principal", "extra"])
    odd = chance.choice(_ODD)
    if where == "context" and context:
        context[chance.choice(sorted(context))] = odd
    elif where == "attributes" and attributes:
        attributes[chance.choice(sorted(attributes))] = odd
    elif where == "principal":
        name = chance.choice(sorted(fields))
        fields[name] = (odd,) if name == "roles" else odd
    else:
        context["extra"] = odd
