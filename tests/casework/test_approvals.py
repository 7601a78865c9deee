import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.casework import Casebook
from bartizan.errors import RefusedError
from bartizan.event import ApprovalGiven, ApprovalRequested, PrincipalRegistered, envelope

SUBJECT = b"exactly this"
SHA = hashlib.sha256(SUBJECT).hexdigest()


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.status, caught.value.code


def test_two_others_agree_and_it_holds_for_those_bytes_alone(desk, book, people, clock):
    approval = desk.ask("grant", SUBJECT, actor=people["ada"], needed=2)
    desk.answer(approval, "approved", actor=people["bob"])
    assert not book.consents(approval, SHA, persons=2, at=clock.now)
    assert desk.answer(approval, "approved", actor=people["eve"]).state(clock.now) == "approved"
    assert book.consents(approval, SHA, persons=2, at=clock.now)
    assert not book.consents(approval, hashlib.sha256(b"other").hexdigest(), persons=2, at=clock.now)
    assert not book.consents(approval, SHA, persons=3, at=clock.now)
    assert not book.consents(approval, SHA, persons=1, at=clock.now, excluding=["bob"])
    assert not book.consents("approval_none", SHA, persons=0, at=clock.now)
    assert not book.consents(approval, "é", persons=1, at=clock.now)


def test_consent_is_for_use_in_time(desk, book, people, clock):
    approval = desk.ask("grant", SUBJECT, actor=people["ada"], needed=1, lifetime_s=10)
    desk.answer(approval, "approved", actor=people["bob"])
    assert book.consents(approval, SHA, persons=1, at=clock.now + 9)
    assert not book.consents(approval, SHA, persons=1, at=clock.now + 10)
    assert not book.consents(approval, SHA, persons=1, at=clock.now - 1)
    clock.now += 10
    assert refusal(lambda: desk.answer(approval, "approved", actor=people["eve"])) == (403, "approval_not_yours")


def test_one_refusal_is_enough(desk, book, people, clock):
    approval = desk.ask("grant", SUBJECT, actor=people["ada"], needed=1)
    assert desk.answer(approval, "refused", actor=people["bob"], reason="why?").state(clock.now) == "refused"
    desk.answer(approval, "approved", actor=people["eve"])
    assert not book.consents(approval, SHA, persons=1, at=clock.now)


@pytest.mark.parametrize("who", ["ada", "ci", "ada-agent"])
def test_neither_proposer_nor_machine_approves(desk, people, who):
    approval = desk.ask("grant", SUBJECT, actor=people["ada"], needed=1)
    assert refusal(lambda: desk.answer(approval, "approved", actor=people[who])) == (403, "approval_not_yours")


def test_what_an_agent_proposes_its_person_does_not_approve(desk, people):
    approval = desk.ask("grant", SUBJECT, actor=people["ada-agent"], needed=1)
    assert refusal(lambda: desk.answer(approval, "approved", actor=people["ada"])) == (403, "approval_not_yours")


def test_each_person_answers_once(desk, people):
    approval = desk.ask("grant", SUBJECT, actor=people["ada"], needed=2)
    desk.answer(approval, "approved", actor=people["bob"])
    assert refusal(lambda: desk.answer(approval, "approved", actor=people["bob"])) == (403, "approval_not_yours")


def test_what_was_asked_about_is_content_and_never_a_fact(desk, ledger, people):
    desk.ask("grant", b"names Ada Lovelace", actor=people["ada"], needed=1)
    assert ledger.contents[len(ledger.entries) - 1] == b"names Ada Lovelace"
    assert "Lovelace" not in repr(ledger.entries[-1])


NAMES = ["ada", "bob", "eve", "ci", "ada-agent", "stranger"]
moves = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(NAMES), st.sampled_from(["a", "b"]), st.integers(-1, 3), st.sampled_from([0, 5, 20])),
        st.tuples(st.just("answer"), st.sampled_from(NAMES), st.sampled_from(["approved", "approved", "approved", "refused"])),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 7])),
        st.tuples(st.just("claim"), st.sampled_from(["ci", "ada-agent", "stranger"])),
    ),
    max_size=16,
)


def honest(events, sha, persons, at):
    """Whether consent holds, told from the whole history at once."""
    asked = next((entry for entry in events if isinstance(entry.body, ApprovalRequested)), None)
    if asked is None or asked.body.subject_sha256 != sha or not asked.at <= at < asked.body.expires_at:
        return False
    kinds = {}
    agents = {}
    for entry in events:
        if isinstance(entry.body, PrincipalRegistered):
            kinds.setdefault(entry.body.principal, (entry.body.kind, events.index(entry)))
            agents.setdefault(entry.body.principal, entry.body.on_behalf_of)
    before = events.index(asked)
    proposer = asked.actor
    if proposer in kinds and kinds[proposer][1] < before and agents[proposer]:
        proposer = agents[proposer]
    agreed = set()
    for number, entry in enumerate(events):
        if (
            not isinstance(entry.body, ApprovalGiven)
            or number < before
            or entry.at > at
            or not asked.at <= entry.at < asked.body.expires_at
        ):
            continue
        kind, since = kinds.get(entry.actor, ("", 0))
        if kind != "person" or since > number or entry.actor == proposer:
            continue
        if entry.body.verdict == "refused" and entry.actor not in agreed:
            return False
        agreed.add(entry.actor)
    return len(agreed) >= max(persons, asked.body.needed, 1)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sequence=moves)
def test_no_sequence_of_events_makes_a_false_consent(new_ledger, sequence):
    """Fewer distinct persons, the proposer, a machine, too late, other bytes, a second request under the same id: none does."""
    ledger, now = new_ledger(), 1000.0
    book = Casebook(ledger)
    for name, kind, behind in [("ada", "person", ""), ("bob", "person", ""), ("eve", "person", ""), ("ci", "service", "")]:
        ledger.append_now(envelope(PrincipalRegistered(principal=name, account=name, kind=kind, on_behalf_of=behind), at=now))
    ledger.append_now(envelope(PrincipalRegistered(principal="ada-agent", account="x", kind="agent", on_behalf_of="ada"), at=now))
    for move in sequence:
        match move:
            case ("ask", who, sha, needed, seconds):
                body = ApprovalRequested(approval="x", action="grant", subject_sha256=sha, needed=needed, expires_at=now + seconds)
            case ("answer", who, verdict):
                body = ApprovalGiven(approval="x", verdict=verdict)
            case ("claim", name):
                who, body = "ada", PrincipalRegistered(principal=name, account=name, kind="person")
            case ("wait", seconds):
                now += seconds
                continue
        ledger.append_now(envelope(body, actor=who, at=now))
        ledger.catch_up()
        for sha in ("a", "b"):
            for persons in (0, 1, 2, 3):
                for at in (now, now + 4, now + 30):
                    assert book.consents("x", sha, persons=persons, at=at) == honest(ledger.entries, sha, persons, at)
