"""How a tier comes to be granted: proposed, approved by as many others as it needs, then given; the bytes decide throughout."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import GrantGiven, Tier, new_id
from bartizan.identity.directory import Directory
from bartizan.identity.duties import duties
from bartizan.identity.model import Principal
from bartizan.identity.registrar import Registrar
from bartizan.identity.state import grant_subject

_DAY_S = 86_400.0
_HOUR_S = 3_600.0
_MAX_TEXT = 500


class Asking(Protocol):
    """Asks for consent and opens cases; casework's ``Desk`` implements it."""

    def ask(self, action: str, subject: bytes, *, actor: Principal | None, needed: int, summary: str = "") -> str:
        """Ask so many persons to agree to these bytes; returns the approval's id."""
        ...

    def open(
        self, kind: str, subject: str, *, actor: Principal | None, details: Mapping[str, str] | None = None, evidence: tuple[str, ...] = ()
    ) -> str:
        """Open a case, once for a kind, subject and evidence; returns its id."""
        ...


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A grant that was proposed: what it would be, the consent it waits for (empty when it needs none), and from when it counts."""

    grant: GrantGiven
    approval: str
    approvers: int


class Access:
    """Proposes and gives grants under the rules of the profile in force."""

    def __init__(self, directory: Directory, registrar: Registrar, desk: Asking, *, clock: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._registrar = registrar
        self._desk = desk
        self._clock = clock

    def propose(
        self, principal_id: str, tier: Tier, *, actor: Principal | None, purpose: str, days: float = 0.0, scope: tuple[str, ...] = ()
    ) -> Proposal:
        """Propose a tier for a principal; 0 days asks for the longest that the profile allows.

        A tier that needs no approver is given at once. Raises RefusedError 404 ``unknown_principal``, 400 ``invalid_grant``,
        403 ``own_grant``.
        """
        holder = self._directory.principal(principal_id, at=self._clock())
        if holder is None:
            raise RefusedError(
                f"there is no principal {principal_id}", code="unknown_principal", status=404, hint="bartizan principal list"
            )
        if tier is Tier.PUBLIC:
            raise RefusedError("public is everybody's and never granted", code="invalid_grant", param="tier")
        if not 0 < len(purpose.strip()) <= _MAX_TEXT:
            raise RefusedError(f"a grant has a purpose of 1 to {_MAX_TEXT} characters", code="invalid_grant", param="purpose")
        need = duties().need(self._directory.profile, tier)
        if not 0 <= days <= need.max_days:
            raise RefusedError(f"a {tier.value} grant lasts at most {need.max_days:g} days", code="invalid_grant", param="days")
        if need.approvers and actor is not None and holder.person == actor.person:
            raise RefusedError("somebody else proposes your grant", code="own_grant", status=403, hint="ask another operator")
        starts_at = float(round(self._clock() + need.delay_hours * _HOUR_S)) if need.delay_hours else 0.0
        given = GrantGiven(
            grant=new_id("grant"),
            principal=principal_id,
            tier=tier,
            purpose=purpose.strip(),
            scope=scope,
            starts_at=starts_at,
            expires_at=float(round((starts_at or self._clock()) + (days or need.max_days) * _DAY_S)),
        )
        if not need.approvers:
            self._registrar.grant(given, actor=actor)
            return Proposal(grant=given, approval="", approvers=0)
        summary = f"{tier.value} for {principal_id}: {given.purpose}"
        approval = self._desk.ask("grant", grant_subject(given), actor=actor, needed=need.approvers, summary=summary)
        return Proposal(grant=given, approval=approval, approvers=need.approvers)

    def give(self, subject: bytes, approval: str, *, actor: Principal | None) -> GrantGiven:
        """Give what was approved: ``subject`` are the bytes that were asked about. Raises RefusedError 403 ``not_approved``."""
        given = read_subject(subject, approval)
        self._registrar.grant(given, actor=actor)
        if duties().need(self._directory.profile, given.tier).delay_hours:
            # The notice and the later review that a small team has instead of a second approver.
            what = f"{given.tier.value} with one approver: {given.purpose}"
            self._desk.open("review", given.principal, actor=None, details={"what": what}, evidence=(given.grant,))
        return given

    def remind(self, *, within_days: float = 7.0) -> list[str]:
        """Open a case for each grant that ends within so many days, once each; returns the cases. For a daily job."""
        now = self._clock()
        return [
            self._desk.open("renewal", grant.principal, actor=None, details={"what": f"{grant.tier.value} ends"}, evidence=(grant.id,))
            for grant in self._directory.grants()
            if grant.is_live(now) and grant.expires_at <= now + within_days * _DAY_S
        ]


class _Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    grant: str
    principal: str
    tier: Tier
    purpose: str
    scope: tuple[str, ...]
    starts_at_us: int
    expires_at_us: int


def read_subject(subject: bytes, approval: str) -> GrantGiven:
    """Return the grant that ``grant_subject`` made these bytes of, carried by an approval; RefusedError 400 ``invalid_grant``."""
    try:
        parsed = msgspec.json.decode(subject, type=_Subject)
    except msgspec.DecodeError as error:
        raise RefusedError(f"reading the grant that was asked for: {error}", code="invalid_grant", hint="propose it again") from error
    return GrantGiven(
        grant=parsed.grant,
        principal=parsed.principal,
        tier=parsed.tier,
        purpose=parsed.purpose,
        scope=parsed.scope,
        starts_at=parsed.starts_at_us / 1_000_000,
        expires_at=parsed.expires_at_us / 1_000_000,
        approvals=(approval,),
    )
