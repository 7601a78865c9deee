import hashlib

import pytest

from bartizan.errors import RefusedError
from bartizan.event import GrantGiven, Tier
from bartizan.identity import Access, Directory, Registrar, check_roles, duties, grant_subject, read_subject


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.status, caught.value.code


@pytest.fixture
def admin(registrar, directory, clock):
    return directory.authenticate(registrar.bootstrap("Ada").secret.reveal(), at=clock.now)


def test_every_act_names_who_acted(ledger, registrar, admin):
    person = registrar.register("person", "Bob", ["member"], actor=admin)
    registrar.assign_roles(person.id, ["operator"], actor=admin)
    issued = registrar.issue_key(person.id, actor=admin)
    registrar.revoke(issued.key_id, actor=admin, reason="x")
    registrar.set_standing(person.id, "warned", actor=admin, reason="x")
    assert {entry.actor for entry in ledger.entries[2:]} == {admin.id}
    assert {entry.account for entry in ledger.entries[2:]} == {person.account}


def test_nobody_changes_their_own_roles(registrar, admin):
    assert refusal(lambda: registrar.assign_roles(admin.id, ["member"], actor=admin)) == (403, "own_roles")


@pytest.mark.parametrize("name", ["", "  ", "a\x1b[31m", "a\u202eb", "x" * 201])
def test_a_name_is_short_and_printable(registrar, name):
    assert refusal(lambda: registrar.register("person", name, actor=None)) == (400, "invalid_name")


def test_a_name_is_registered_once(registrar, admin):
    assert refusal(lambda: registrar.register("person", "Ada", actor=admin)) == (409, "already_registered")
    assert registrar.register("service", "Ada", actor=admin).id != admin.id


@pytest.mark.parametrize(
    ("kind", "roles"),
    [
        ("person", ["operator", "approver"]),
        ("person", ["admin", "approver"]),
        ("person", ["reviewer", "privacy"]),
        ("person", ["admin", "privacy"]),
        ("person", ["emperor"]),
        ("service", ["approver"]),
        ("agent", ["admin"]),
    ],
)
def test_duties_that_stay_apart_are_not_assigned(kind, roles):
    for profile in ("small", "standard", "regulated"):
        assert refusal(lambda profile=profile: check_roles(kind, roles, profile)) == (409, "duties_conflict")


def test_merged_duties_are_for_small_teams_and_each_says_what_makes_up_for_it():
    merged = duties().merged(["admin", "operator", "reviewer", "member"])
    assert {pair.roles for pair in merged} == {("admin", "operator"), ("admin", "reviewer"), ("operator", "reviewer")}
    assert all(pair.instead and pair.because for pair in duties().merged_when_small)
    check_roles("person", ["admin", "operator"], "small")
    assert refusal(lambda: check_roles("person", ["admin", "operator"], "standard")) == (409, "duties_conflict")


def test_three_people_can_hold_every_role_between_them():
    held = [("admin", "operator", "member"), ("approver", "reviewer", "member"), ("privacy", "auditor", "member")]
    for roles in held:
        check_roles("person", roles, "small")
    assert {role for roles in held for role in roles} == set(duties().roles)


@pytest.mark.parametrize("token", ["unknown", ""])
def test_acts_on_what_is_not_there_say_so(registrar, admin, token):
    assert refusal(lambda: registrar.revoke(token, actor=admin, reason="x")) == (404, "unknown_key")
    assert refusal(lambda: registrar.rotate(token, actor=admin)) == (404, "unknown_key")
    assert refusal(lambda: registrar.end_grant(token, actor=admin, reason="x")) == (404, "unknown_grant")
    assert refusal(lambda: registrar.issue_key(token, actor=admin)) == (404, "unknown_principal")


def test_an_ended_key_is_not_rotated(registrar, admin):
    registrar.revoke(admin.key_id, actor=admin, reason="x")
    assert refusal(lambda: registrar.rotate(admin.key_id, actor=admin)) == (409, "key_ended")


class Said:
    """A consent that was given to some bytes by some persons."""

    def __init__(self):
        self.asked = {}
        self.by = {}
        self.cases = []

    def ask(self, action, subject, *, actor, needed, summary=""):
        approval = f"approval_{len(self.asked)}"
        self.asked[approval] = (hashlib.sha256(subject).hexdigest(), subject, NOW)
        return approval

    def open(self, kind, subject, *, actor, details=None, evidence=()):
        if (kind, subject, evidence) not in self.cases:
            self.cases.append((kind, subject, evidence))
        return f"case_{self.cases.index((kind, subject, evidence))}"

    def asked_at(self, approval):
        return self.asked[approval][2] if approval in self.asked else None

    def consents(self, approval, subject_sha256, *, persons, at, excluding=()):
        known = self.asked.get(approval)
        counted = set(self.by.get(approval, ())).difference(excluding)
        return known is not None and known[0] == subject_sha256 and len(counted) >= persons


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("profile", "tier", "approvers", "hours"),
    [("small", Tier.TRUSTED, 1, 24), ("standard", Tier.TRUSTED, 2, 0), ("regulated", Tier.RESTRICTED, 3, 0)],
)
def test_a_tier_takes_as_many_people_and_as_long_as_its_profile_says(ledger, clock, profile, tier, approvers, hours):
    said = Said()
    directory = Directory(ledger, profile=profile, consent=said)
    registrar = Registrar(ledger, directory, clock=clock)
    people = [registrar.register("person", name, ["member"], actor=None) for name in "abcdef"]
    access = Access(directory, registrar, said, clock=clock)
    proposal = access.propose(people[0].id, tier, actor=people[1], purpose="incident 7", days=3)
    subject = said.asked[proposal.approval][1]
    said.by[proposal.approval] = [people[0].id, *(person.id for person in people[2 : 1 + approvers])]
    assert refusal(lambda: access.give(subject, proposal.approval, actor=people[1])) == (403, "not_approved")
    said.by[proposal.approval].append(people[5].id)
    access.give(subject, proposal.approval, actor=people[1])
    assert said.cases == ([("review", people[0].id, (proposal.grant.grant,))] if hours else [])
    assert directory.tier(people[0], requested=None, at=NOW + hours * 3600 - 1) is (Tier.PUBLIC if hours else tier)
    assert directory.tier(people[0], requested=None, at=NOW + hours * 3600) is tier
    assert directory.tier(people[0], requested=None, at=NOW + hours * 3600 + 3 * 86_400) is Tier.PUBLIC


def test_other_bytes_than_those_approved_are_not_given(ledger, clock):
    said = Said()
    directory = Directory(ledger, profile="standard", consent=said)
    registrar = Registrar(ledger, directory, clock=clock)
    ada, bob, eve, joe = (registrar.register("person", name, actor=None) for name in ("Ada", "Bob", "Eve", "Joe"))
    access = Access(directory, registrar, said, clock=clock)
    proposal = access.propose(ada.id, Tier.TRUSTED, actor=bob, purpose="incident 7", days=1)
    said.by[proposal.approval] = [eve.id, joe.id]
    subject = said.asked[proposal.approval][1]
    for changed in (
        subject.replace(b"trusted", b"restricted"),
        subject.replace(b"incident", b"anything"),
        subject.replace(ada.id.encode(), bob.id.encode()),
    ):
        assert refusal(lambda changed=changed: access.give(changed, proposal.approval, actor=bob)) == (403, "not_approved")
    for broken in (b"", b"{", b"[]", subject[:-1], b'{"grant":1}'):
        assert refusal(lambda broken=broken: access.give(broken, proposal.approval, actor=bob)) == (400, "invalid_grant")


def test_a_subject_reads_back_as_the_grant_it_was_made_of():
    given = GrantGiven(grant="g", principal="p", tier=Tier.TRUSTED, purpose="x", scope=("a",), expires_at=1_800_000_000.5, approvals=("y",))
    assert read_subject(grant_subject(given), "y") == given


@pytest.mark.parametrize(
    ("tier", "purpose", "days"), [(Tier.PUBLIC, "x", 1), (Tier.VERIFIED, " ", 1), (Tier.VERIFIED, "x", 366), (Tier.VERIFIED, "x", -1)]
)
def test_a_grant_that_makes_no_sense_is_not_proposed(registrar, directory, clock, admin, tier, purpose, days):
    access = Access(directory, registrar, Said(), clock=clock)
    assert refusal(lambda: access.propose(admin.id, tier, actor=admin, purpose=purpose, days=days)) == (400, "invalid_grant")


def test_nobody_proposes_their_own_trust(registrar, directory, clock, admin):
    access = Access(directory, registrar, Said(), clock=clock)
    agent = registrar.register("agent", "mine", ["member"], actor=admin, on_behalf_of=admin.id)
    for holder in (admin.id, agent.id):
        assert refusal(lambda holder=holder: access.propose(holder, Tier.TRUSTED, actor=admin, purpose="x")) == (403, "own_grant")


def test_a_grant_that_ends_soon_is_reminded_of_once(registrar, directory, clock, admin):
    said = Said()
    access = Access(directory, registrar, said, clock=clock)
    access.propose(admin.id, Tier.VERIFIED, actor=None, purpose="x", days=30)
    assert access.remind() == []
    clock.now += 24 * 86_400
    assert access.remind() == access.remind() == ["case_0"]
    clock.now += 7 * 86_400
    assert access.remind() == []
