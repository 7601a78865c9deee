import msgspec
import pytest

from bartizan.errors import RefusedError
from bartizan.event import (
    GrantGiven,
    KeyIssued,
    KeyRevoked,
    PrincipalRegistered,
    RolesAssigned,
    SessionOpened,
    Tier,
    decode_body,
    encode_body,
    envelope,
)
from bartizan.identity import Directory, digest_of, mint_key


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.status, caught.value.code


def verified(principal, clock, grant="g1", seconds=60.0, tier=Tier.VERIFIED):
    return GrantGiven(grant=grant, principal=principal, tier=tier, purpose="tests", expires_at=clock.now + seconds)


@pytest.fixture
def admin(registrar):
    return registrar.bootstrap("Ada")


def test_the_first_person_gets_a_key_that_opens_the_door(registrar, directory, clock, admin):
    principal = directory.authenticate(admin.secret.reveal(), at=clock.now)
    assert principal.kind == "person"
    assert "admin" in principal.roles
    assert directory.tier(principal, requested=None, at=clock.now) is Tier.PUBLIC
    assert refusal(lambda: registrar.bootstrap("Eve")) == (409, "not_empty")


def test_a_request_may_narrow_its_tier_and_never_widen_it(registrar, directory, clock, admin):
    registrar.grant(verified(admin.principal, clock), actor=None)
    principal = directory.authenticate(admin.secret.reveal(), at=clock.now)
    assert directory.tier(principal, requested=None, at=clock.now) is Tier.VERIFIED
    assert directory.tier(principal, requested=Tier.PUBLIC, at=clock.now) is Tier.PUBLIC
    assert refusal(lambda: directory.tier(principal, requested=Tier.TRUSTED, at=clock.now)) == (403, "tier_not_granted")
    assert directory.tier(principal, requested=None, at=clock.now + 61) is Tier.PUBLIC


@pytest.mark.parametrize("token", ["", "bz_", "Bearer x", "\x00" * 55, "bz_AAAAAAAA_" + "A" * 43])
def test_what_is_no_key_is_refused_alike(directory, clock, admin, token):
    assert refusal(lambda: directory.authenticate(token, at=clock.now)) == (401, "invalid_api_key")


def test_a_wrong_secret_learns_nothing_about_a_revoked_key(registrar, directory, clock, admin):
    registrar.revoke(admin.key_id, actor=None, reason="lost")
    right = admin.secret.reveal()
    wrong = right[:-1] + ("a" if right[-1] != "a" else "b")
    assert refusal(lambda: directory.authenticate(wrong, at=clock.now)) == (401, "invalid_api_key")
    assert refusal(lambda: directory.authenticate(right, at=clock.now)) == (401, "revoked_api_key")


def test_a_key_ends_at_its_expiry(registrar, directory, clock, admin):
    issued = registrar.issue_key(admin.principal, actor=None, lifetime_s=10)
    assert directory.authenticate(issued.secret.reveal(), at=clock.now + 9.9)
    assert refusal(lambda: directory.authenticate(issued.secret.reveal(), at=clock.now + 10)) == (401, "expired_api_key")


def test_a_rotated_key_works_until_its_grace_ends_and_can_be_cut_short(registrar, directory, clock, admin):
    second = registrar.rotate(admin.key_id, actor=None, grace_s=100)
    assert directory.key(second.key_id).replaces == admin.key_id
    assert directory.authenticate(admin.secret.reveal(), at=clock.now + 99)
    assert refusal(lambda: directory.authenticate(admin.secret.reveal(), at=clock.now + 100)) == (401, "revoked_api_key")
    registrar.revoke(admin.key_id, actor=None, reason="leaked")
    assert refusal(lambda: directory.authenticate(admin.secret.reveal(), at=clock.now)) == (401, "revoked_api_key")
    assert directory.authenticate(second.secret.reveal(), at=clock.now + 100)


def test_a_later_revocation_never_prolongs_a_key(registrar, directory, clock, admin):
    registrar.revoke(admin.key_id, actor=None, reason="leaked")
    registrar.revoke(admin.key_id, actor=None, reason="rotated", effective_at=clock.now + 1000)
    assert refusal(lambda: directory.authenticate(admin.secret.reveal(), at=clock.now + 1)) == (401, "revoked_api_key")


def test_a_suspension_refuses_names_its_case_and_ends_by_itself(registrar, directory, clock, admin):
    registrar.set_standing(admin.principal, "suspended", actor=None, reason="abuse", case="case_1", until=clock.now + 5)
    with pytest.raises(RefusedError, match="suspended") as caught:
        directory.authenticate(admin.secret.reveal(), at=clock.now)
    assert (caught.value.status, caught.value.code, caught.value.retry_after_s) == (403, "account_suspended", 5)
    assert "case_1" in caught.value.hint
    assert directory.authenticate(admin.secret.reveal(), at=clock.now + 5).standing == "good"


def test_an_agent_is_the_intersection_with_its_person_and_falls_with_it(registrar, directory, clock, admin):
    agent = registrar.register("agent", "builder", ["member"], actor=None, on_behalf_of=admin.principal)
    key = registrar.issue_key(agent.id, actor=None).secret.reveal()
    registrar.grant(verified(agent.id, clock), actor=None)
    acting = directory.authenticate(key, at=clock.now)
    assert acting.person == admin.principal
    assert directory.tier(acting, requested=None, at=clock.now) is Tier.PUBLIC
    registrar.grant(verified(admin.principal, clock, "g2", 30), actor=None)
    assert directory.tier(acting, requested=None, at=clock.now) is Tier.VERIFIED
    assert directory.tier(acting, requested=None, at=clock.now + 31) is Tier.PUBLIC
    assert acting.roles == ("member",)
    registrar.assign_roles(admin.principal, ["admin"], actor=None)
    assert directory.authenticate(key, at=clock.now).roles == ()
    registrar.set_standing(admin.principal, "suspended", actor=None, reason="left", until=clock.now + 10)
    assert refusal(lambda: directory.authenticate(key, at=clock.now)) == (403, "account_suspended")
    assert directory.authenticate(key, at=clock.now + 10)


def test_an_agent_cannot_stand_behind_an_agent_nor_reach_into_another_tenant(ledger, registrar, directory, clock, admin):
    agent = registrar.register("agent", "one", ["member"], actor=None, on_behalf_of=admin.principal)
    assert refusal(lambda: registrar.register("agent", "two", (), actor=None, on_behalf_of=agent.id)) == (400, "agent_without_person")
    secret = mint_key().reveal()
    for number, (behind, tenant) in enumerate([(agent.id, "default"), (admin.principal, "other"), ("nobody", "default"), ("", "default")]):
        loose = PrincipalRegistered(principal=f"agent_{number}", account=f"acc_{number}", kind="agent", on_behalf_of=behind)
        ledger.append_now(envelope(loose, tenant=tenant), issue(secret, f"agent_{number}", key_id=f"AAAAAAA{number}"))
        ledger.catch_up()
        key = f"bz_AAAAAAA{number}_" + secret[12:]
        assert refusal(lambda key=key: directory.authenticate(key, at=clock.now)) == (403, "agent_without_person")


def issue(secret, principal, key_id):
    return envelope(KeyIssued(key_id=key_id, principal=principal, digest=digest_of(f"bz_{key_id}_" + secret[12:])))


def test_recheck_ends_what_was_admitted_when_key_standing_or_tier_are_gone(registrar, directory, clock, admin):
    registrar.grant(verified(admin.principal, clock), actor=None)
    held = directory.authenticate(admin.secret.reveal(), at=clock.now)
    directory.recheck(held, tier=Tier.VERIFIED, at=clock.now)
    assert refusal(lambda: directory.recheck(held, tier=Tier.VERIFIED, at=clock.now + 61)) == (403, "tier_not_granted")
    registrar.end_grant("g1", actor=None, reason="project over")
    assert refusal(lambda: directory.recheck(held, tier=Tier.VERIFIED, at=clock.now)) == (403, "tier_not_granted")
    registrar.set_standing(admin.principal, "revoked", actor=None, reason="abuse")
    assert refusal(lambda: directory.recheck(held, tier=Tier.PUBLIC, at=clock.now)) == (403, "account_suspended")
    registrar.set_standing(admin.principal, "good", actor=None, reason="appeal")
    registrar.revoke(admin.key_id, actor=None, reason="lost")
    assert refusal(lambda: directory.recheck(held, tier=Tier.PUBLIC, at=clock.now)) == (401, "revoked_api_key")


def test_a_session_lives_no_longer_than_its_time_its_key_and_its_person(registrar, directory, clock, admin):
    signed = registrar.sign_in(admin.secret.reveal(), lifetime_s=100)
    cookie = signed.cookie.reveal()
    assert directory.session(cookie, at=clock.now).session == signed.session
    assert refusal(lambda: directory.session(cookie, at=clock.now + 100)) == (401, "invalid_session")
    assert refusal(lambda: directory.session(admin.secret.reveal(), at=clock.now)) == (401, "invalid_session")
    registrar.set_standing(admin.principal, "suspended", actor=None, reason="left", until=clock.now + 1)
    assert refusal(lambda: directory.session(cookie, at=clock.now)) == (403, "account_suspended")
    registrar.revoke(admin.key_id, actor=None, reason="lost", effective_at=clock.now + 50)
    assert refusal(lambda: directory.session(cookie, at=clock.now + 50)) == (401, "revoked_api_key")
    registrar.sign_out(signed.principal)
    assert refusal(lambda: directory.session(cookie, at=clock.now + 2)) == (401, "invalid_session")


def test_only_persons_sign_in(registrar, clock, admin):
    service = registrar.register("service", "ci", ["member"], actor=None)
    key = registrar.issue_key(service.id, actor=None)
    assert refusal(lambda: registrar.sign_in(key.secret.reveal())) == (403, "not_a_person")


HOSTILE = {
    "key_replaced": lambda a: KeyIssued(key_id=a.key_id, principal="eve", digest="0" * 64),
    "principal_replaced": lambda a: PrincipalRegistered(principal=a.principal, account="eve", kind="agent", roles=("approver",)),
    "key_of_nobody_revoked": lambda _: KeyRevoked(key_id="none", reason=""),
    "session_of_no_key": lambda a: SessionOpened(session="s", digest="0" * 64, principal=a.principal, expires_at=9e12),
    "trusted_without_consent": lambda a: GrantGiven(
        grant="t", principal=a.principal, tier=Tier.TRUSTED, purpose="x", expires_at=9e12, approvals=("approval_1",)
    ),
    "grant_to_nobody": lambda _: GrantGiven(grant="t", principal="nobody", tier=Tier.VERIFIED, purpose="x", expires_at=9e12),
    "public_granted": lambda a: GrantGiven(grant="t", principal=a.principal, tier=Tier.PUBLIC, purpose="x", expires_at=9e12),
}


@pytest.mark.parametrize("flaw", sorted(HOSTILE))
def test_an_event_that_should_not_be_gives_nobody_more(ledger, directory, clock, admin, flaw):
    before = directory.authenticate(admin.secret.reveal(), at=clock.now)
    ledger.append_now(envelope(HOSTILE[flaw](admin)))
    ledger.catch_up()
    after = directory.authenticate(admin.secret.reveal(), at=clock.now)
    assert after == before
    assert directory.tier(after, requested=None, at=clock.now) is Tier.PUBLIC


def test_roles_that_stay_apart_leave_none_at_all(ledger, directory, clock, admin):
    ledger.append_now(envelope(RolesAssigned(principal=admin.principal, roles=("operator", "approver"))))
    ledger.catch_up()
    assert directory.authenticate(admin.secret.reveal(), at=clock.now).roles == ()
    assert directory.refused()


def test_a_grant_outlasts_neither_its_own_end_nor_the_longest_that_its_tier_allows(ledger, directory, registrar, clock, admin):
    registrar.grant(verified(admin.principal, clock, seconds=5000 * 86_400), actor=None)
    principal = directory.authenticate(admin.secret.reveal(), at=clock.now)
    assert directory.tier(principal, requested=None, at=clock.now + 364 * 86_400) is Tier.VERIFIED
    assert directory.tier(principal, requested=None, at=clock.now + 366 * 86_400) is Tier.PUBLIC


def test_an_ended_grant_is_not_given_again(ledger, directory, registrar, clock, admin):
    registrar.grant(verified(admin.principal, clock), actor=None)
    registrar.end_grant("g1", actor=None, reason="x")
    ledger.append_now(envelope(verified(admin.principal, clock)))
    ledger.catch_up()
    assert directory.grants() == []


def test_no_name_and_no_secret_stands_in_a_fact(ledger, registrar, admin):
    registrar.sign_in(admin.secret.reveal())
    facts = b"".join(encode_body(entry.body) for entry in ledger.entries)
    assert b"Ada" not in facts
    assert admin.secret.reveal()[12:].encode() not in facts
    assert msgspec.json.decode(ledger.content(0)) == {"name": "Ada"}


def test_every_fact_survives_its_encoding(ledger, registrar, admin):
    for entry in ledger.entries:
        assert decode_body(encode_body(entry.body)) == entry.body


def test_a_directory_that_joins_late_knows_the_same(ledger, registrar, directory, clock, admin, new_ledger):
    replay = new_ledger()
    replay.entries = ledger.entries
    other = Directory(replay)
    replay.catch_up()
    assert other.authenticate(admin.secret.reveal(), at=clock.now) == directory.authenticate(admin.secret.reveal(), at=clock.now)
    assert other.position == directory.position
