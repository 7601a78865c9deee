"""Who asks, what they hold and how they stand: the values that other rooms see."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec

from bartizan.event import PrincipalKind, Standing, Tier
from bartizan.identity.keys import SecretText
from bartizan.identity.measures import Restraint


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A tier for a purpose, a scope of assets and a time ``[starts_at, expires_at)`` in UTC seconds."""

    id: str
    principal: str
    tier: Tier
    purpose: str
    expires_at: float
    starts_at: float = 0.0
    scope: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()

    def is_live(self, at: float) -> bool:
        """Say whether the grant counts at a time."""
        return self.starts_at <= at < self.expires_at


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. Ids are pseudonyms.

    For an agent, ``on_behalf_of`` is its person, ``roles`` are those that both hold and ``standing`` is the worse of the two.
    ``grants`` are the principal's own that have not been ended; ``Directory.tier`` weighs them against time and the person's.
    """

    id: str
    account: str
    tenant: str
    kind: PrincipalKind
    roles: tuple[str, ...] = ()
    key_id: str = ""
    on_behalf_of: Principal | None = None
    grants: tuple[Grant, ...] = ()
    standing: Standing = "good"
    session: str = ""
    restraint: Restraint | None = None
    """What measures against the account come to, short of suspending it."""

    @property
    def person(self) -> str:
        """The id of whoever answers for what this principal does: an agent's person, else itself."""
        return self.on_behalf_of.id if self.on_behalf_of is not None else self.id


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just issued; ``secret`` exists nowhere else."""

    key_id: str
    principal: str
    secret: SecretText
    expires_at: float


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A console session that was just opened; ``cookie`` exists nowhere else but in the person's browser."""

    session: str
    cookie: SecretText
    principal: Principal
    expires_at: float


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key. ``ends_at`` is when it was or will be revoked, None while nobody has."""

    key_id: str
    principal: str
    digest: str
    issued_at: float
    expires_at: float = 0.0
    replaces: str = ""
    ends_at: float | None = None
    reason: str = ""


class StandingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """How an account stands, why, and until when (0 for until somebody changes it)."""

    account: str
    standing: Standing
    reason: str
    case: str = ""
    until: float = 0.0

    def at(self, at: float) -> Standing:
        """Return the standing at a time."""
        return "good" if self.until and at >= self.until else self.standing


class SessionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an open console session."""

    session: str
    principal: str
    key_id: str
    expires_at: float


class Consent(Protocol):
    """Says who agreed to exactly these bytes; ``casework`` implements it, grants rely on it."""

    def consents(self, approval: str, subject_sha256: str, *, persons: int, at: float, excluding: Collection[str] = ()) -> bool:
        """Say whether so many distinct persons, none the proposer nor one of ``excluding``, agreed in time to these bytes."""
        ...

    def asked_at(self, approval: str) -> float | None:
        """Return when the consent was asked for, None if it never was."""
        ...
