import msgspec
import pytest

from bartizan.errors import RefusedError
from bartizan.event import CaseDecided, CaseOpened, envelope


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.status, caught.value.code


def test_a_case_waits_until_a_person_decides_it_once(desk, book, people, clock):
    case = desk.open("review", "ada", actor=people["bob"], details={"note": "names Ada"}, evidence=("ev_1",), due_in_s=60)
    assert [each.id for each in book.cases(waiting=True)] == [case]
    assert book.case(case).due_at == clock.now + 60
    assert refusal(lambda: desk.decide(case, "warn", actor=people["ci"], reason="x")) == (403, "not_a_person")
    desk.decide(case, "warn", actor=people["eve"], reason="second time")
    assert book.cases(waiting=True) == []
    assert (book.case(case).decision, book.case(case).decided_by) == ("warn", "eve")
    assert refusal(lambda: desk.decide(case, "pass", actor=people["bob"], reason="x")) == (409, "case_decided")
    assert refusal(lambda: desk.decide("case_none", "pass", actor=people["bob"], reason="x")) == (404, "unknown_case")


def test_an_appeal_is_decided_by_another_person(desk, book, ledger, people):
    case = desk.open("enforcement", "ada", actor=None)
    desk.decide(case, "suspend", actor=people["bob"], reason="x")
    appeal = desk.open("appeal", "ada", actor=people["ada"], evidence=(case,))
    assert refusal(lambda: desk.decide(appeal, "uphold", actor=people["bob"], reason="x")) == (403, "own_decision")
    ledger.append_now(envelope(CaseDecided(case=appeal, decision="uphold", reason="x"), actor="bob"))
    ledger.catch_up()
    assert not book.case(appeal).decided_by
    desk.decide(appeal, "restore", actor=people["eve"], reason="mistake")
    assert book.case(appeal).decided_by == "eve"


def test_details_are_content_and_a_case_is_opened_once(desk, book, ledger, people):
    case = desk.open("review", "ada", actor=people["bob"], details={"note": "names Ada"})
    assert msgspec.json.decode(ledger.content(book.case(case).seq)) == {"note": "names Ada"}
    ledger.append_now(envelope(CaseOpened(case=case, kind="review", subject="eve")))
    ledger.catch_up()
    assert book.case(case).subject == "ada"


def test_a_repeated_job_opens_no_second_case(desk, book, people):
    first = desk.open("renewal", "ada", actor=None, evidence=("grant_1",))
    assert desk.open("renewal", "ada", actor=None, evidence=("grant_1",)) == first
    assert desk.open("renewal", "ada", actor=None, evidence=("grant_2",)) != first
    assert desk.open("review", "ada", actor=None) != desk.open("review", "ada", actor=None)
    assert len(book.cases()) == 4
