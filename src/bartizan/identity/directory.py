"""The read side: who holds this key, which tier they may use, whether they still may. Memory only, asked by every request."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol, get_args

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import Envelope, GrantGiven, Standing, Tier
from bartizan.identity.duties import Profile
from bartizan.identity.keys import digest_of, is_cookie, key_id_of
from bartizan.identity.measures import Measure, code_of
from bartizan.identity.model import Consent, Grant, KeyEntry, Principal, StandingEntry
from bartizan.identity.state import KINDS, PrincipalEntry, State

_STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)
_CUT: Final = frozenset({"suspended", "revoked"})
_NEVER: Final = float("inf")
_NO_DIGEST: Final = "0" * 64


class Followed(Protocol):
    """What the Directory needs of a ledger."""

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...


class _Cached(msgspec.Struct, frozen=True):
    principal: Principal
    until: float


class Directory:
    """Folds identity events and answers in microseconds. ``position`` advances whenever an answer may have changed.

    Without ``consent`` (who agreed to what; casework gives it) no grant that needs approvers has any effect.
    """

    def __init__(
        self, ledger: Followed, *, profile: Profile = "small", consent: Consent | None = None, ceiling: Tier = Tier.RESTRICTED
    ) -> None:
        self.position = 0
        self.ceiling = ceiling
        """The highest tier that anybody may use here; lower where the record is kept too short for an elevated one."""
        self.profile: Profile = profile
        self._state = State(profile=profile, consent=consent)
        self._cache: dict[tuple[str, str, str], _Cached] = {}
        ledger.subscribe(KINDS, self._fold)

    def authenticate(self, token: str, *, at: float) -> Principal:
        """Return who holds an API key.

        Raises RefusedError: 401 ``invalid_api_key`` (also for anything that is not a key), ``revoked_api_key``,
        ``expired_api_key``; 403 ``account_suspended``, ``cyber_policy`` or ``usage_policy``. Why a key ended is told only to who
        holds its secret.
        """
        entry = self._holder(token, at)
        return self._admit(entry.principal, key_id=entry.key_id, session="", at=at)

    def identify(self, token: str, *, at: float) -> Principal:
        """Return who holds an API key in whatever standing: whoever is suspended may still read their case and appeal. Raises 401."""
        entry = self._holder(token, at)
        known = self._state.principals.get(entry.principal)
        if known is None:
            raise RefusedError("the API key belongs to nobody", code="invalid_api_key", status=401, hint="ask for a new one")
        return self._build(known, key_id=entry.key_id, session="", at=at).principal

    def _holder(self, token: str, at: float) -> KeyEntry:
        key_id = key_id_of(token)
        entry = self._state.keys.get(key_id) if key_id else None
        digest = digest_of(token) if key_id else _NO_DIGEST
        if not hmac.compare_digest(digest, entry.digest if entry is not None else _NO_DIGEST) or entry is None or not key_id:
            raise RefusedError("the API key is not valid", code="invalid_api_key", status=401, hint="check the key, or ask for a new one")
        _check_key(entry, at)
        return entry

    def session(self, cookie: str, *, at: float) -> Principal:
        """Return who holds a console cookie; raises RefusedError 401 ``invalid_session``, or as ``authenticate`` does."""
        entry = self._state.sessions.get(digest_of(cookie)) if is_cookie(cookie) else None
        key = self._state.keys.get(entry.key_id) if entry is not None else None
        if entry is None or key is None or at >= entry.expires_at:
            raise RefusedError("the session has ended", code="invalid_session", status=401, hint="sign in again")
        _check_key(key, at)
        return self._admit(entry.principal, key_id=entry.key_id, session=entry.session, at=at)

    def tier(self, principal: Principal, *, requested: Tier | None, at: float) -> Tier:
        """Return the tier to use: the highest one granted, or the lower one asked for.

        Raises RefusedError 403 ``tier_not_granted`` when a higher one is asked for.
        """
        granted = min(self._granted(principal.id, principal.account, at), self.ceiling)
        if principal.on_behalf_of is not None:
            granted = min(granted, self._granted(principal.on_behalf_of.id, principal.on_behalf_of.account, at))
        if principal.restraint is not None and "tier" in principal.restraint.features:
            granted = Tier.PUBLIC
        if requested is None or requested.rank <= granted.rank:
            return granted if requested is None else requested
        raise RefusedError(
            f"the tier {requested.value} is not granted; yours is {granted.value}",
            code="tier_not_granted",
            status=403,
            hint="ask for a lower tier, or for a grant: bartizan grant propose",
            case=principal.restraint.case if principal.restraint is not None else "",
        )

    def recheck(self, principal: Principal, *, tier: Tier, at: float, features: Collection[str] = ()) -> None:
        """Raise RefusedError if who was admitted earlier would not be admitted now at that tier with these features."""
        key = self._state.keys.get(principal.key_id)
        if key is not None:
            _check_key(key, at)
        current = self._admit(principal.id, key_id=principal.key_id, session=principal.session, at=at)
        self.tier(current, requested=tier, at=at)
        if current.restraint is not None and features:
            current.restraint.check_features(features)

    def principal(self, principal_id: str, *, at: float) -> Principal | None:
        """Return a principal as it is now, in whatever standing, or None if it is not known."""
        known = self._state.principals.get(principal_id)
        return self._build(known, key_id="", session="", at=at).principal if known is not None else None

    def principals(self, *, at: float) -> list[Principal]:
        """Return all principals in order of registration."""
        return [self._build(known, key_id="", session="", at=at).principal for known in self._state.principals.values()]

    def keys(self, principal_id: str = "") -> list[KeyEntry]:
        """Return the keys of a principal, or all of them, oldest first."""
        return [entry for entry in self._state.keys.values() if not principal_id or entry.principal == principal_id]

    def key(self, key_id: str) -> KeyEntry | None:
        """Return what is known of a key."""
        return self._state.keys.get(key_id)

    def grants(self, principal_id: str = "") -> list[Grant]:
        """Return the grants of a principal, or all of them, that nobody has ended."""
        if principal_id:
            return list(self._state.grants.get(principal_id, {}).values())
        return [grant for held in self._state.grants.values() for grant in held.values()]

    def standing(self, account: str, *, at: float) -> StandingEntry:
        """Return how an account stands and why."""
        entry = self._state.standings.get(account)
        now = "good" if entry is None else entry.at(at)
        live = self._state.measures.live(account, at)
        if live and _STANDINGS.index(live[0].standing) > _STANDINGS.index(now):
            worst = live[0]
            reason = f"{worst.step}: {worst.category or 'misuse'}"
            return StandingEntry(account=account, standing=worst.standing, reason=reason, case=worst.case, until=worst.until)
        if entry is None or now == "good":
            return StandingEntry(account=account, standing="good", reason=entry.reason if entry is not None else "")
        return entry

    def measures(self, account: str, *, at: float | None = None) -> list[Measure]:
        """Return an account's measures in force, severest first; without a time all that ever were, oldest first."""
        if at is not None:
            return self._state.measures.live(account, at)
        return list(self._state.measures.by_account.get(account, {}).values())

    def name_entry(self, principal_id: str) -> int | None:
        """Return the ledger entry whose content holds the principal's name; reading it is the caller's to record."""
        known = self._state.principals.get(principal_id)
        return known.seq if known is not None else None

    def why_no_grant(self, given: GrantGiven, *, at: float) -> str:
        """Return why a grant would have no effect if it were given at that time, or an empty string."""
        return self._state.why_no_grant(at, given)

    def why_no_roles(self, principal_id: str, roles: Collection[str], *, approved_by: str, at: float) -> str:
        """Return why somebody can't be given these roles without more consent, or an empty string."""
        return self._state.why_no_roles(at, principal_id, roles, approved_by)

    def refused(self) -> dict[str, str]:
        """Return which events were given no effect, and why: something wrote what the rules forbid."""
        return dict(self._state.refused)

    def _fold(self, seq: int, entry: Envelope) -> None:
        self._state.apply(seq, entry)
        self._cache.clear()
        self.position = seq + 1

    def _admit(self, principal_id: str, *, key_id: str, session: str, at: float) -> Principal:
        cached = self._cache.get((principal_id, key_id, session))
        if cached is None or at >= cached.until:
            known = self._state.principals.get(principal_id)
            if known is None:
                raise RefusedError("the API key belongs to nobody", code="invalid_api_key", status=401, hint="ask for a new one")
            cached = self._build(known, key_id=key_id, session=session, at=at)
            self._cache[(principal_id, key_id, session)] = cached
        principal = cached.principal
        if principal.standing in _CUT:
            raise self._cut(principal, at)
        if principal.kind == "agent" and principal.on_behalf_of is None:
            raise RefusedError(
                "the agent acts for nobody who is known", code="agent_without_person", status=403, hint="register it again with its person"
            )
        return principal

    def _cut(self, principal: Principal, at: float) -> RefusedError:
        behind = principal.on_behalf_of
        entry = self.standing(principal.account, at=at)
        if entry.standing not in _CUT and behind is not None:
            entry = self.standing(behind.account, at=at)
        measure = next((known for known in self._state.measures.live(entry.account, at) if known.case == entry.case), None)
        return RefusedError(
            f"the account is {principal.standing}",
            code=code_of(measure.category) if measure is not None else "account_suspended",
            status=403,
            hint=f"the case is {entry.case}; you may appeal it" if entry.case else "ask whoever runs this gateway; you may appeal",
            retry_after_s=entry.until - at if entry.until else None,
            case=entry.case,
        )

    def _build(self, known: PrincipalEntry, *, key_id: str, session: str, at: float) -> _Cached:
        person = self._person_behind(known, at)
        entry = self._state.standings.get(known.account)
        standing, until = (entry.at(at), _ends(entry, at)) if entry is not None else ("good", _NEVER)
        account, restraint = known.account, None
        if account in self._state.measures.by_account:
            live = self._state.measures.live(account, at)
            standing = max(standing, *(each.standing for each in live), key=_STANDINGS.index) if live else standing
            until = min(until, self._state.measures.changes_at(account, at))
            restraint = self._state.measures.restraint(account, at)
        roles = known.roles
        behind = person.principal if person is not None else None
        if person is not None and behind is not None:
            standing = max(standing, behind.standing, key=_STANDINGS.index)
            until = min(until, person.until)
            roles = tuple(role for role in roles if role in behind.roles)
            restraint = restraint.beside(behind.restraint) if restraint is not None else behind.restraint
        principal = Principal(
            id=known.id,
            account=known.account,
            tenant=known.tenant,
            kind=known.kind,
            roles=roles,
            key_id=key_id,
            on_behalf_of=behind,
            grants=tuple(self._state.grants.get(known.id, {}).values()),
            standing=standing,
            session=session,
            restraint=restraint,
        )
        return _Cached(principal=principal, until=until)

    def _person_behind(self, known: PrincipalEntry, at: float) -> _Cached | None:
        if known.kind != "agent":
            return None
        person = self._state.principals.get(known.on_behalf_of)
        if person is None or person.kind != "person" or person.tenant != known.tenant:
            return None
        return self._build(person, key_id="", session="", at=at)

    def _granted(self, principal_id: str, account: str, at: float) -> Tier:
        held = self._state.grants.get(principal_id)
        if not held:
            return Tier.PUBLIC
        withheld = self._state.measures.withheld(account, at) if account in self._state.measures.by_account else set()
        counting = [grant for grant in held.values() if grant.id not in withheld] if withheld else held.values()
        return max((grant.tier for grant in counting if grant.is_live(at)), key=lambda tier: tier.rank, default=Tier.PUBLIC)


def _ends(entry: StandingEntry, at: float) -> float:
    return entry.until if entry.until and at < entry.until else _NEVER


def _check_key(entry: KeyEntry, at: float) -> None:
    if entry.ends_at is not None and at >= entry.ends_at:
        raise RefusedError("the API key was revoked", code="revoked_api_key", status=401, hint="ask for a new one")
    if entry.expires_at and at >= entry.expires_at:
        raise RefusedError("the API key has expired", code="expired_api_key", status=401, hint="rotate it: bartizan key rotate")
