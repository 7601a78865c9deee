import pytest

from bartizan.errors import RefusedError
from bartizan.event import GrantGiven, Tier


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.status, caught.value.code


def test_the_first_person_gets_a_key_that_opens_the_door(registrar, directory, clock):
    issued = registrar.bootstrap("Ada")
    principal = directory.authenticate(issued.secret.reveal(), at=clock.now)
    assert principal.kind == "person"
    assert "admin" in principal.roles
    assert directory.tier(principal, requested=None, at=clock.now) is Tier.PUBLIC
    assert refusal(lambda: registrar.bootstrap("Eve")) == (409, "not_empty")


def test_a_request_may_narrow_its_tier_and_never_widen_it(registrar, directory, clock):
    issued = registrar.bootstrap("Ada")
    registrar.grant(
        GrantGiven(grant="g1", principal=issued.principal, tier=Tier.VERIFIED, purpose="tests", expires_at=clock.now + 60), actor=None
    )
    principal = directory.authenticate(issued.secret.reveal(), at=clock.now)
    assert directory.tier(principal, requested=None, at=clock.now) is Tier.VERIFIED
    assert directory.tier(principal, requested=Tier.PUBLIC, at=clock.now) is Tier.PUBLIC
    assert refusal(lambda: directory.tier(principal, requested=Tier.TRUSTED, at=clock.now)) == (403, "tier_not_granted")
    assert directory.tier(principal, requested=None, at=clock.now + 61) is Tier.PUBLIC
