from bartizan.event import Tier
from bartizan.identity import Principal
from bartizan.policy import Policy, Resource


def test_members_chat_and_others_do_not():
    policy = Policy()
    member = Principal(id="p", account="a", tenant="default", kind="person", roles=("member",))
    context = {"tier": 0, "model": "m"}
    assert policy.decide(member, "chat", Resource(type="Model", id="m"), context).allowed
    nobody = Principal(id="p", account="a", tenant="default", kind="person")
    assert policy.decide(nobody, "chat", Resource(type="Model", id="m"), context).reasons == ("no_policy_permits",)


def test_a_category_is_blocked_for_the_public():
    assert Policy().actions(Tier.PUBLIC)["injection"] == "block"
