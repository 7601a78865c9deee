"""The fold: what the events so far say about principals, keys, grants, standings and sessions.

Pure over its inputs and total: an event that names what is not there, repeats an id, or gives what the rules forbid changes
nothing for the better of anybody. The first event of an id wins, so nobody can replace a digest or widen a grant afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

import msgspec

from bartizan.event import (
    AccountStandingChanged,
    Envelope,
    GrantEnded,
    GrantGiven,
    KeyIssued,
    KeyRevoked,
    MeasureEnded,
    MeasureTaken,
    NoticeAcknowledged,
    PrincipalKind,
    PrincipalRegistered,
    RolesAssigned,
    SessionClosed,
    SessionOpened,
    Tier,
    canonical,
    kind_of,
)
from bartizan.identity.duties import Profile, duties
from bartizan.identity.measures import Measures
from bartizan.identity.model import Consent, Grant, KeyEntry, SessionEntry, StandingEntry

KINDS: Final = tuple(
    kind_of(fact)
    for fact in (
        PrincipalRegistered,
        RolesAssigned,
        KeyIssued,
        KeyRevoked,
        AccountStandingChanged,
        GrantGiven,
        GrantEnded,
        SessionOpened,
        SessionClosed,
        MeasureTaken,
        MeasureEnded,
        NoticeAcknowledged,
    )
)
"""The kinds of event that identity folds."""

_DAY_S: Final = 86_400.0
_HOUR_S: Final = 3_600.0


class PrincipalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a principal; ``seq`` is where its name stands as content."""

    id: str
    account: str
    tenant: str
    kind: PrincipalKind
    roles: tuple[str, ...]
    on_behalf_of: str
    seq: int
    registered_at: float


def grant_subject(given: GrantGiven) -> bytes:
    """Return the bytes that approvers of a grant agree to: all of it but the approvals; times in whole microseconds."""
    return canonical(
        {
            "grant": given.grant,
            "principal": given.principal,
            "tier": given.tier.value,
            "purpose": given.purpose,
            "scope": given.scope,
            "starts_at_us": round(given.starts_at * 1_000_000),
            "expires_at_us": round(given.expires_at * 1_000_000),
        }
    )


def roles_subject(principal: str, roles: Collection[str]) -> bytes:
    """Return the bytes that approvers of an assignment of roles agree to."""
    return canonical({"principal": principal, "roles": sorted(roles)})


class State:
    """Everything that identity knows, by id. Changed by ``apply`` alone."""

    def __init__(self, *, profile: Profile, consent: Consent | None) -> None:
        self.principals: dict[str, PrincipalEntry] = {}
        self.keys: dict[str, KeyEntry] = {}
        self.standings: dict[str, StandingEntry] = {}
        self.measures = Measures()
        self.grants: dict[str, dict[str, Grant]] = {}
        self.sessions: dict[str, SessionEntry] = {}
        self.refused: dict[str, str] = {}
        """Why an event was given no effect, by the id of what it was about."""
        self._grants_seen: dict[str, str] = {}
        self._sessions_seen: dict[str, str] = {}
        self._profile: Profile = profile
        self._consent = consent

    def apply(self, seq: int, entry: Envelope) -> None:
        """Fold one event."""
        match entry.body:
            case PrincipalRegistered() as fact:
                self._registered(seq, entry, fact)
            case RolesAssigned() as fact:
                self._assigned(fact)
            case KeyIssued() as fact:
                self._issued(entry, fact)
            case KeyRevoked() as fact:
                self._revoked(entry, fact)
            case AccountStandingChanged() as fact:
                self._stands(entry, fact)
            case GrantGiven() as fact:
                self._given(entry, fact)
            case GrantEnded() as fact:
                # An end without a beginning still uses the id up: what was withdrawn can't be given later.
                holder = self._grants_seen.setdefault(fact.grant, "")
                self.grants.get(holder, {}).pop(fact.grant, None)
            case _:
                self._rest(entry)

    def _rest(self, entry: Envelope) -> None:
        match entry.body:
            case SessionOpened() as fact:
                self._opened(fact)
            case SessionClosed() as fact:
                digest = self._sessions_seen.setdefault(fact.session, "")
                self.sessions.pop(digest, None)
            case MeasureTaken() as fact:
                self.measures.taken(fact, entry.at)
            case MeasureEnded() as fact:
                self.measures.lifted(fact)
            case NoticeAcknowledged() as fact:
                self.measures.acknowledged(fact, entry.at)
            case _:
                pass

    def _stands(self, entry: Envelope, fact: AccountStandingChanged) -> None:
        # What a person did by hand has a case file too: it is named after the event.
        case = fact.case or ("" if fact.standing == "good" else f"case_{entry.id.removeprefix('ev_')}")
        self.standings[fact.account] = StandingEntry(
            account=fact.account, standing=fact.standing, reason=fact.reason, case=case, until=fact.until
        )
        if fact.standing == "good":
            self.measures.restored(fact)

    def _registered(self, seq: int, entry: Envelope, fact: PrincipalRegistered) -> None:
        if fact.principal in self.principals:
            self.refused[entry.id] = "registered already"
            return
        roles = fact.roles
        if why := duties().conflict(fact.kind, roles, "small"):
            self.refused[entry.id] = why
            roles = ()
        self.principals[fact.principal] = PrincipalEntry(
            id=fact.principal,
            account=fact.account,
            tenant=entry.tenant,
            kind=fact.kind,
            roles=roles,
            on_behalf_of=fact.on_behalf_of,
            seq=seq,
            registered_at=entry.at,
        )

    def _assigned(self, fact: RolesAssigned) -> None:
        known = self.principals.get(fact.principal)
        if known is None:
            return
        why = duties().conflict(known.kind, fact.roles, "small")
        if why:
            self.refused[fact.principal] = why
        # Keeping the former roles would be the milder reading of a forbidden assignment, so none are left.
        self.principals[fact.principal] = msgspec.structs.replace(known, roles=() if why else fact.roles)

    def _issued(self, entry: Envelope, fact: KeyIssued) -> None:
        if fact.key_id not in self.keys:
            self.keys[fact.key_id] = KeyEntry(
                key_id=fact.key_id,
                principal=fact.principal,
                digest=fact.digest,
                issued_at=entry.at,
                expires_at=fact.expires_at,
                replaces=fact.replaces,
            )

    def _revoked(self, entry: Envelope, fact: KeyRevoked) -> None:
        known = self.keys.get(fact.key_id)
        if known is None:
            return
        ends_at = fact.effective_at or entry.at
        if known.ends_at is None or ends_at < known.ends_at:
            self.keys[fact.key_id] = msgspec.structs.replace(known, ends_at=ends_at, reason=fact.reason)

    def _given(self, entry: Envelope, fact: GrantGiven) -> None:
        if fact.grant in self._grants_seen:
            self.refused[entry.id] = "given already"
            return
        if why := self.why_no_grant(entry.at, fact):
            self.refused[fact.grant] = why
            return
        longest = duties().need(self._profile, fact.tier).max_days * _DAY_S
        starts_at = self._starts(entry.at, fact)
        self._grants_seen[fact.grant] = fact.principal
        self.grants.setdefault(fact.principal, {})[fact.grant] = Grant(
            id=fact.grant,
            principal=fact.principal,
            tier=fact.tier,
            purpose=fact.purpose,
            scope=fact.scope,
            starts_at=starts_at,
            expires_at=min(fact.expires_at, max(entry.at, starts_at) + longest),
            approvals=fact.approvals,
        )

    def why_no_grant(self, at: float, fact: GrantGiven) -> str:
        """Return why a grant given at that time has no effect, or an empty string."""
        if fact.tier is Tier.PUBLIC:
            return "public is everybody's and never granted"
        holder = self.principals.get(fact.principal)
        if holder is None:
            return "no such principal"
        need = duties().need(self._profile, fact.tier)
        if not need.approvers:
            return ""
        if self._consent is None:
            return "nobody here can tell whether it was approved"
        if self._carrier(at, fact, holder) is None:
            return f"needs the approval of {need.approvers} other person(s)"
        return ""

    def why_no_roles(self, at: float, principal: str, roles: Collection[str], approved_by: str) -> str:
        """Return why somebody can't be given these roles without more consent, or an empty string.

        Asked before an assignment is written; the fold takes what is on record, whatever profile came into force later.
        """
        known = self.principals.get(principal)
        more = set(roles) - {"member"} - set(known.roles if known is not None else ())
        needed = duties().assignment_approvers[self._profile]
        could = any("approver" in each.roles and each.id != principal for each in self.principals.values())
        if not (more and needed and could):
            return ""
        subject = hashlib.sha256(roles_subject(principal, roles)).hexdigest()
        if self._consent is not None and self._consent.consents(approved_by, subject, persons=needed, at=at, excluding=(principal,)):
            return ""
        return f"the duties {', '.join(sorted(more))} need the approval of {needed} other person(s)"

    def _carrier(self, at: float, fact: GrantGiven, holder: PrincipalEntry) -> str | None:
        """Return the approval by which enough others agreed to exactly this grant."""
        if self._consent is None:
            return None
        persons = duties().need(self._profile, fact.tier).approvers
        subject = hashlib.sha256(grant_subject(fact)).hexdigest()
        own = (holder.id, holder.on_behalf_of)
        agreed = (each for each in fact.approvals if self._consent.consents(each, subject, persons=persons, at=at, excluding=own))
        return next(agreed, None)

    def _starts(self, at: float, fact: GrantGiven) -> float:
        """Return when a grant begins to count: never sooner after it was asked for than its tier demands."""
        need = duties().need(self._profile, fact.tier)
        if not need.delay_hours:
            return fact.starts_at
        carrier = self._carrier(at, fact, self.principals[fact.principal])
        asked_at = self._consent.asked_at(carrier) if carrier is not None and self._consent is not None else None
        return max(fact.starts_at, (at if asked_at is None else asked_at) + need.delay_hours * _HOUR_S)

    def _opened(self, fact: SessionOpened) -> None:
        if fact.session in self._sessions_seen:
            return
        self._sessions_seen[fact.session] = fact.digest
        self.sessions[fact.digest] = SessionEntry(
            session=fact.session, principal=fact.principal, key_id=fact.key_id, expires_at=fact.expires_at
        )
