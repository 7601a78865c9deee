"""The write side: every act is an event whose actor is the principal who acts. Who may act is policy's to say, before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import (
    AccountStandingChanged,
    Envelope,
    Event,
    GrantEnded,
    GrantGiven,
    KeyIssued,
    KeyRevoked,
    PrincipalKind,
    PrincipalRegistered,
    RolesAssigned,
    SessionClosed,
    SessionOpened,
    Standing,
    envelope,
    new_id,
)
from bartizan.identity.directory import Directory
from bartizan.identity.duties import Profile, check_roles
from bartizan.identity.keys import digest_of, key_id_of, mint_cookie, mint_key
from bartizan.identity.model import IssuedKey, Principal, SignedIn

_MAX_NAME = 200
_SESSION_S = 8 * 3600.0
_GRACE_S = 24 * 3600.0
_FIRST_ROLES: Mapping[Profile, tuple[str, ...]] = {
    "small": ("admin", "operator", "reviewer", "member"),
    "standard": ("admin", "member"),
    "regulated": ("admin", "member"),
}


class Appended(Protocol):
    """What the Registrar needs of a ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...

    def pseudonym(self, kind: str, name: str) -> str:
        """Return the stable pseudonym of a name."""
        ...


class Registrar:
    """Writes identity events. ``actor`` is who acts; None is bartizan itself (the first start, a schedule)."""

    def __init__(self, ledger: Appended, directory: Directory, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._directory = directory
        self._clock = clock

    def bootstrap(self, name: str) -> IssuedKey:
        """Register the first person of an empty directory and issue their key; raises RefusedError 409 ``not_empty`` later."""
        self._ledger.catch_up()
        if self._directory.principals(at=self._clock()):
            raise RefusedError("there is a first person already", code="not_empty", status=409, hint="ask an admin: bartizan key issue")
        person = self.register("person", name, _FIRST_ROLES[self._directory.profile], actor=None)
        return self.issue_key(person.id, actor=None)

    def register(
        self, kind: PrincipalKind, name: str, roles: Sequence[str] = (), *, actor: Principal | None, on_behalf_of: str = ""
    ) -> Principal:
        """Make a person, service or agent known; the id is a pseudonym of kind and name, so a name is registered once.

        Raises RefusedError: 409 ``already_registered``, ``duties_conflict``; 400 ``invalid_name``, ``agent_without_person``.
        """
        if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
            raise RefusedError(f"a name has 1 to {_MAX_NAME} printable characters", code="invalid_name", param="name")
        now = self._now()
        check_roles(kind, roles, self._directory.profile)
        self._check_person(kind, on_behalf_of, now)
        principal = self._ledger.pseudonym(kind, name)
        self._check_consent(principal, roles, "")
        if self._directory.principal(principal, at=now) is not None:
            raise RefusedError(f"this {kind} is registered already: {principal}", code="already_registered", status=409)
        account = self._ledger.pseudonym("account", f"{kind}:{name}")
        fact = PrincipalRegistered(principal=principal, account=account, kind=kind, roles=tuple(roles), on_behalf_of=on_behalf_of)
        self._write(fact, actor=actor, account=account, content=msgspec.json.encode({"name": name}))
        return self._known(principal)

    def assign_roles(self, principal_id: str, roles: Sequence[str], *, actor: Principal | None, approved_by: str = "") -> Principal:
        """Replace the roles of a principal.

        Raises RefusedError 404 ``unknown_principal``, 409 ``duties_conflict``, 403 ``own_roles``, and 403 ``not_approved`` where the
        profile wants another person's consent to ``roles_subject`` for a new duty.
        """
        known = self._known(principal_id)
        if actor is not None and actor.person == principal_id:
            raise RefusedError("nobody changes their own roles", code="own_roles", status=403, hint="ask another admin")
        check_roles(known.kind, roles, self._directory.profile)
        self._check_consent(principal_id, roles, approved_by)
        self._write(RolesAssigned(principal=principal_id, roles=tuple(roles), approved_by=approved_by), actor=actor, account=known.account)
        return self._known(principal_id)

    def issue_key(self, principal_id: str, *, actor: Principal | None, lifetime_s: float = 0.0, replaces: str = "") -> IssuedKey:
        """Issue a key that lives so many seconds (0: until revoked); its secret is in the answer and nowhere else."""
        known = self._known(principal_id)
        secret = mint_key()
        key_id = key_id_of(secret.reveal())
        expires_at = self._clock() + lifetime_s if lifetime_s else 0.0
        fact = KeyIssued(key_id=key_id, principal=principal_id, digest=digest_of(secret.reveal()), expires_at=expires_at, replaces=replaces)
        self._write(fact, actor=actor, account=known.account)
        return IssuedKey(key_id=key_id, principal=principal_id, secret=secret, expires_at=expires_at)

    def rotate(self, key_id: str, *, actor: Principal | None, grace_s: float = _GRACE_S, lifetime_s: float = 0.0) -> IssuedKey:
        """Issue a successor; the older key works until the grace ends. Raises RefusedError 409 ``key_ended`` for one that doesn't."""
        entry = self._directory.key(key_id)
        now = self._now()
        if entry is None:
            raise RefusedError(f"there is no key {key_id}", code="unknown_key", status=404, hint="bartizan key list")
        if (entry.ends_at is not None and now >= entry.ends_at) or (entry.expires_at and now >= entry.expires_at):
            raise RefusedError(f"the key {key_id} has ended", code="key_ended", status=409, hint="issue a new one: bartizan key issue")
        issued = self.issue_key(entry.principal, actor=actor, lifetime_s=lifetime_s, replaces=key_id)
        self.revoke(key_id, actor=actor, reason="rotated", effective_at=now + grace_s if grace_s else 0.0)
        return issued

    def revoke(self, key_id: str, *, actor: Principal | None, reason: str, effective_at: float = 0.0) -> None:
        """End a key, by default at once, which also cuts its live streams and console sessions."""
        entry = self._directory.key(key_id)
        if entry is None:
            raise RefusedError(f"there is no key {key_id}", code="unknown_key", status=404, hint="bartizan key list")
        account = self._known(entry.principal).account
        self._write(KeyRevoked(key_id=key_id, reason=reason, effective_at=effective_at), actor=actor, account=account)

    def grant(self, given: GrantGiven, *, actor: Principal | None) -> str:
        """Give a tier; raises RefusedError 403 ``not_approved`` unless the approvals that the tier needs were given to these bytes."""
        known = self._known(given.principal)
        self._now()
        if why := self._directory.why_no_grant(given, at=self._clock()):
            raise RefusedError(
                f"giving the grant: {why}", code="not_approved", status=403, hint="bartizan grant propose asks for the approvals"
            )
        self._write(given, actor=actor, account=known.account)
        return given.grant

    def end_grant(self, grant: str, *, actor: Principal | None, reason: str) -> None:
        """Withdraw a grant before it expires."""
        held = next((each for each in self._directory.grants() if each.id == grant), None)
        if held is None:
            raise RefusedError(f"there is no grant {grant}", code="unknown_grant", status=404, hint="bartizan grant list")
        self._write(GrantEnded(grant=grant, reason=reason), actor=actor, account=self._known(held.principal).account)

    def set_standing(
        self, principal_id: str, standing: Standing, *, actor: Principal | None, reason: str, case: str = "", until: float = 0.0
    ) -> None:
        """Warn, throttle, suspend, revoke or restore the account of a principal."""
        known = self._known(principal_id)
        fact = AccountStandingChanged(account=known.account, standing=standing, reason=reason, case=case, until=until)
        self._write(fact, actor=actor, account=known.account)

    def sign_in(self, token: str, *, lifetime_s: float = _SESSION_S) -> SignedIn:
        """Open a console session with an API key; raises as ``Directory.authenticate``, 403 ``not_a_person`` for a service or agent."""
        now = self._now()
        principal = self._directory.authenticate(token, at=now)
        if principal.kind != "person":
            raise RefusedError("only persons sign in to the console", code="not_a_person", status=403, hint="use the key of a person")
        cookie = mint_cookie()
        session = new_id("session")
        expires_at = now + lifetime_s
        fact = SessionOpened(
            session=session, digest=digest_of(cookie.reveal()), principal=principal.id, expires_at=expires_at, key_id=principal.key_id
        )
        self._write(fact, actor=principal, account=principal.account)
        return SignedIn(
            session=session,
            cookie=cookie,
            principal=self._directory.session(cookie.reveal(), at=now),
            expires_at=expires_at,
        )

    def sign_out(self, principal: Principal, *, reason: str = "signed out") -> None:
        """Close the session that this principal came with."""
        self._write(SessionClosed(session=principal.session, reason=reason), actor=principal, account=principal.account)

    def _check_person(self, kind: PrincipalKind, on_behalf_of: str, now: float) -> None:
        if kind != "agent" and on_behalf_of:
            raise RefusedError(
                f"a {kind} acts for itself", code="agent_without_person", param="on_behalf_of", hint="only agents act for a person"
            )
        if kind == "agent":
            person = self._directory.principal(on_behalf_of, at=now)
            if person is None or person.kind != "person":
                raise RefusedError("an agent needs a registered person to act for", code="agent_without_person", param="on_behalf_of")

    def _check_consent(self, principal_id: str, roles: Sequence[str], approved_by: str) -> None:
        if why := self._directory.why_no_roles(principal_id, roles, approved_by=approved_by, at=self._clock()):
            raise RefusedError(
                f"assigning roles: {why}",
                code="not_approved",
                status=403,
                hint="register as member, then bartizan principal roles asks for it",
            )

    def _known(self, principal_id: str) -> Principal:
        principal = self._directory.principal(principal_id, at=self._now())
        if principal is None:
            raise RefusedError(
                f"there is no principal {principal_id}", code="unknown_principal", status=404, hint="bartizan principal list"
            )
        return principal

    def _now(self) -> float:
        self._ledger.catch_up()
        return self._clock()

    def _write(self, fact: Event, *, actor: Principal | None, account: str, content: bytes | None = None) -> None:
        entry = envelope(
            fact,
            tenant=actor.tenant if actor is not None else "default",
            actor=actor.id if actor is not None else "system",
            account=account,
            at=self._clock(),
        )
        self._ledger.append_now((entry, content))
        self._ledger.catch_up()
