"""Access: who is known, what they hold and how they stand; keys and grants; suspending, restoring, revoking."""

from __future__ import annotations

import msgspec

from bartizan.console.filters import link
from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing
from bartizan.event import ContentRead, Standing, Tier, envelope
from bartizan.identity import Grant, KeyEntry, Principal, duties
from bartizan.policy import Resource


class PrincipalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One principal. Its name is personal text and not shown here."""

    id: str
    account: str
    kind: str
    roles: tuple[str, ...]
    acts_for: str
    standing: Standing
    tier: Tier
    keys: int
    url: str
    exchanges_url: str


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One API key; nobody can show its secret. ``state`` is ``good``, ``ending``, ``expired`` or ``revoked``."""

    key_id: str
    principal: str
    state: str
    issued_at: float
    ends_at: float
    reason: str


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """One grant that nobody has ended; ``live`` while its time runs."""

    id: str
    principal: str
    tier: Tier
    purpose: str
    scope: tuple[str, ...]
    starts_at: float
    expires_at: float
    approvals: tuple[str, ...]
    live: bool


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON. ``refused`` are events that were given no effect because they broke a rule, and why."""

    principals: tuple[PrincipalRow, ...]
    grants: tuple[GrantRow, ...]
    roles: dict[str, str]
    refused: dict[str, str]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One principal as JSON."""

    principal: PrincipalRow
    reason: str
    keys: tuple[KeyRow, ...]
    grants: tuple[GrantRow, ...]


def access(parts: Parts, ask: Ask) -> Page:
    """Show all principals and grants."""
    body = Access(
        principals=tuple(_row(parts, known, ask.at) for known in parts.directory.principals(at=ask.at)),
        grants=tuple(_grant(grant, ask.at) for grant in parts.directory.grants()),
        roles={name: role.title for name, role in duties().roles.items()},
        refused=parts.directory.refused(),
    )
    return Page(template="access.html", title="Access", body=body)


def person(parts: Parts, ask: Ask) -> Page:
    """Show one principal with its keys and grants."""
    return _person(parts, ask, name=None)


def name(parts: Parts, ask: Ask) -> Page:
    """Show a principal's name, which is personal text: the reading is on record before it is shown."""
    known = _known(parts, ask)
    purpose = ask.field("purpose")
    seq = parts.directory.name_entry(known.id)
    if seq is None:
        raise missing("name of", known.id)
    fact = ContentRead(entries=(seq,), purpose=purpose)
    parts.ledger.append_now(envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, account=known.account, at=ask.at))
    content = parts.ledger.content(seq)
    shown = "erased" if content is None else msgspec.json.decode(content, type=dict[str, str]).get("name", "")
    return _person(parts, ask, name=shown)


def suspend(parts: Parts, ask: Ask) -> Done:
    """Suspend a principal's account: its next request is refused and its live streams are cut."""
    return _stand(parts, ask, "suspended")


def restore(parts: Parts, ask: Ask) -> Done:
    """Restore a principal's account."""
    return _stand(parts, ask, "good")


def revoke(parts: Parts, ask: Ask) -> Done:
    """Revoke a key at once."""
    key = _key(parts, ask)
    parts.registrar.revoke(key.key_id, actor=ask.who, reason=ask.field("reason"))
    return Done(location=f"/access/{key.principal}", notice="key-revoked")


def subject(parts: Parts, ask: Ask) -> Resource:
    """Return the principal that a route is about."""
    return _resource(_known(parts, ask))


def key_subject(parts: Parts, ask: Ask) -> Resource:
    """Return the key that a form revokes."""
    return _key_resource(parts, _key(parts, ask), ask.at)


def _stand(parts: Parts, ask: Ask, standing: Standing) -> Done:
    known = _known(parts, ask)
    parts.registrar.set_standing(known.id, standing, actor=ask.who, reason=ask.field("reason"))
    return Done(location=f"/access/{known.id}", notice=f"account-{standing}")


def _person(parts: Parts, ask: Ask, *, name: str | None) -> Page:
    known = _known(parts, ask)
    keys = parts.directory.keys(known.id)
    body = Person(
        principal=_row(parts, known, ask.at),
        reason=parts.directory.standing(known.account, at=ask.at).reason,
        keys=tuple(_key_row(key, ask.at) for key in keys),
        grants=tuple(_grant(grant, ask.at) for grant in known.grants),
    )
    may = {action: allowed(parts, ask, action, _resource(known)) for action in ("account.suspend", "account.restore")}
    extra = {
        "name": name,
        "may_suspend": may["account.suspend"] and known.standing not in {"suspended", "revoked"},
        "may_restore": may["account.restore"] and known.standing != "good",
        "may_read": allowed(parts, ask, "content.read", Resource(type="Record", id="record")),
        "may_revoke": {key.key_id for key in keys if allowed(parts, ask, "key.revoke", _key_resource(parts, key, ask.at))},
    }
    return Page(template="person.html", title="Principal", body=body, extra=extra)


def _known(parts: Parts, ask: Ask) -> Principal:
    known = parts.directory.principal(ask.path["id"], at=ask.at)
    if known is None or known.tenant != ask.who.tenant:
        raise missing("principal", ask.path["id"])
    return known


def _key(parts: Parts, ask: Ask) -> KeyEntry:
    key = parts.directory.key(ask.path["id"])
    if key is None:
        raise missing("key", ask.path["id"])
    return key


def _resource(known: Principal) -> Resource:
    return Resource(type="Principal", id=known.id)


def _key_resource(parts: Parts, key: KeyEntry, at: float) -> Resource:
    owner = parts.directory.principal(key.principal, at=at)
    return Resource(type="Key", id=key.key_id, attributes={"owner": owner.person if owner is not None else ""})


def _row(parts: Parts, known: Principal, at: float) -> PrincipalRow:
    return PrincipalRow(
        id=known.id,
        account=known.account,
        kind=known.kind,
        roles=known.roles,
        acts_for=known.on_behalf_of.id if known.on_behalf_of is not None else "",
        standing=known.standing,
        tier=parts.directory.tier(known, requested=None, at=at),
        keys=sum(1 for key in parts.directory.keys(known.id) if _key_row(key, at).state in {"good", "ending"}),
        url=f"/access/{known.id}",
        exchanges_url=link("/exchanges", {"account": known.account}),
    )


def _key_row(key: KeyEntry, at: float) -> KeyRow:
    ends = [end for end in (key.ends_at, key.expires_at) if end]
    revoked = key.ends_at is not None and at >= key.ends_at
    expired = bool(key.expires_at) and at >= key.expires_at
    state = "revoked" if revoked else "expired" if expired else "ending" if key.ends_at is not None else "good"
    return KeyRow(
        key_id=key.key_id, principal=key.principal, state=state, issued_at=key.issued_at, ends_at=min(ends, default=0.0), reason=key.reason
    )


def _grant(grant: Grant, at: float) -> GrantRow:
    return GrantRow(
        id=grant.id,
        principal=grant.principal,
        tier=grant.tier,
        purpose=grant.purpose,
        scope=grant.scope,
        starts_at=grant.starts_at,
        expires_at=grant.expires_at,
        approvals=grant.approvals,
        live=grant.is_live(at),
    )
