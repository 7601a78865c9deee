"""Who exists, what they hold, and how they stand. Names of people are content, never facts."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import PrincipalKind, RetentionClass, Standing, Tier


class _Identity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "identity"


class PrincipalRegistered(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="principal_registered.v1"):
    """A person, service or agent is known. Content: JSON ``{"name": ...}``."""

    principal: str
    account: str
    kind: PrincipalKind
    roles: tuple[str, ...] = ()
    on_behalf_of: str = ""
    """For an agent: the principal it acts for; it can never do more than that principal may."""


class RolesAssigned(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="roles_assigned.v1"):
    """The whole set of a principal's roles from now on."""

    principal: str
    roles: tuple[str, ...]
    approved_by: str = ""


class KeyIssued(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="key_issued.v1"):
    """An API key exists; only its digest is ever stored."""

    key_id: str
    principal: str
    digest: str
    """SHA-256 of the whole key, hex. No stretching: its secret is 256 random bits, not chosen."""
    expires_at: float = 0.0
    """UTC seconds; 0 for a key that does not expire."""
    replaces: str = ""
    """The key that this one rotates; both work until the older is revoked or its grace ends."""


class KeyRevoked(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="key_revoked.v1"):
    """A key stops working from ``effective_at`` (UTC seconds; 0 for at once, which also cuts its live streams)."""

    key_id: str
    reason: str
    effective_at: float = 0.0


class AccountStandingChanged(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="account_standing_changed.v1"):
    """An account is warned, throttled, suspended, revoked or restored."""

    account: str
    standing: Standing
    reason: str
    case: str = ""
    until: float = 0.0


class GrantGiven(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="grant_given.v1"):
    """A tier for a purpose, a scope of assets and a time."""

    grant: str
    principal: str
    tier: Tier
    purpose: str
    scope: tuple[str, ...] = ()
    """Assets the grant covers (host names, repositories); empty for those that need none."""
    expires_at: float
    starts_at: float = 0.0
    """UTC seconds from which it counts; 0 for at once. A small team waits where a larger one has a second approver."""
    approvals: tuple[str, ...] = ()
    """Approval ids that carried it; two persons for ``trusted`` and above."""


class GrantEnded(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="grant_ended.v1"):
    """A grant was withdrawn before it expired."""

    grant: str
    reason: str


class SessionOpened(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="session_opened.v1"):
    """A person signed in to the console."""

    session: str
    digest: str
    """SHA-256 of the cookie, hex."""
    principal: str
    expires_at: float
    key_id: str = ""
    """The key that was shown to sign in; the session ends with it."""


class SessionClosed(_Identity, frozen=True, kw_only=True, omit_defaults=True, tag="session_closed.v1"):
    """A console session ended: signed out, expired or revoked."""

    session: str
    reason: str
