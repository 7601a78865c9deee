"""Incidents on record: decided, merged, split and put back; what a model may and may not do; looks at what was suppressed."""

import asyncio
import json

import pytest

from bartizan.app import open_rooms
from bartizan.bench.triage_world import world
from bartizan.config import Settings
from bartizan.errors import RefusedError
from bartizan.event import TriageProposed, envelope
from bartizan.workbench.triage.incident import Triage
from bartizan.workbench.triage.incident.arrange import handover
from bartizan.workbench.triage.incident.book import Book
from bartizan.workbench.triage.incident.sample import draw, missed
from bartizan.workbench.triage.incident.told import checked, quoted, tell


@pytest.fixture(scope="module")
def outcome():
    triage = Triage()
    for alert in world(count=4000).alerts:
        triage.take(alert)
    return triage.conclude()


@pytest.fixture
def rooms(tmp_path):
    with open_rooms(tmp_path / "data", Settings()) as opened:
        yield opened


@pytest.fixture
def analyst(rooms):
    key = rooms.registrar.bootstrap("analyst")
    rooms.ledger.catch_up()
    return rooms.directory.principal(key.principal, at=9e9)


@pytest.fixture
def book(rooms, analyst, outcome):
    made = Book(rooms.ledger)
    made.add(outcome, "f" * 64, analyst)
    return made


def again(rooms):
    book = Book(rooms.ledger)
    book.catch_up()
    return book


def test_what_was_raised_is_read_back_as_it_was(rooms, book, outcome):
    for made in outcome.incidents:
        assert again(rooms).incident(book.entry(made.id)) == made
    (run,) = book.runs
    assert again(rooms).groups(run) == list(outcome.groups)
    assert book.has("f" * 64)
    assert not book.has("0" * 64)


def test_the_same_alerts_again_double_no_incident(rooms, book, analyst, outcome):
    book.add(outcome, "f" * 64, analyst)
    assert len(again(rooms).entries) == len(outcome.incidents)


def test_a_merge_and_putting_it_back_leave_everything_as_it_was(rooms, book, analyst):
    one, two, _ = (entry.id for entry in book.listed())
    before = {entry.id: book.incident(entry) for entry in book.listed()}
    act = book.merge(one, [two], analyst, reason="one attacker")
    merged = book.incident(book.entry(one))
    assert merged.alerts == before[one].alerts + before[two].alerts
    assert set(merged.statements) == {*before[one].statements, *before[two].statements}
    assert two not in {entry.id for entry in again(rooms).listed()}
    book.put_back(act, analyst, reason="two attackers")
    assert {entry.id: again(rooms).incident(entry) for entry in book.listed()} == before


def test_a_merge_hides_no_graver_verdict(book, analyst):
    one, two, _ = (entry.id for entry in book.listed())
    book.decide(one, "benign", analyst, reason="a drill")
    book.merge(one, [two], analyst, reason="same host")
    assert book.standing(book.entry(one)) == "malicious"


def test_a_split_takes_its_steps_along_and_comes_back(book, analyst):
    entry = max(book.listed(), key=lambda each: len(book.incident(each).timeline))
    whole = book.incident(entry)
    act = book.split(entry.id, [0, 1], analyst, reason="another attacker")
    part = next(each for each in book.listed() if each.split_from == entry.id)
    assert book.incident(part).timeline == whole.timeline[:2]
    assert book.incident(book.entry(entry.id)).timeline == whole.timeline[2:]
    book.put_back(act, analyst, reason="the same after all")
    assert book.incident(book.entry(entry.id)) == whole
    assert part.id not in book.entries


@pytest.mark.parametrize("steps", [[], [-1], [10**6], list(range(1000))])
def test_a_split_that_leaves_nothing_or_takes_what_is_not_there_is_refused(book, analyst, steps):
    with pytest.raises(RefusedError, match="split"):
        book.split(book.listed()[0].id, steps, analyst, reason="r")


def test_an_incident_is_merged_once_and_never_with_itself(book, analyst):
    one, two, three = (entry.id for entry in book.listed())
    book.merge(one, [two], analyst, reason="r")
    for into, others in ((one, [one]), (three, [two]), (two, [three]), (three, [one])):
        with pytest.raises(RefusedError, match="stand for themselves"):
            book.merge(into, others, analyst, reason="r")


def test_a_verdict_needs_a_reason_and_a_rule_needs_records(book, analyst):
    entry = book.listed()[0]
    with pytest.raises(RefusedError, match="reason"):
        book.decide(entry.id, "benign", analyst, reason="  ")
    for cites in ((), ("made-up",)):
        with pytest.raises(RefusedError, match="records"):
            book.decide_by_rule(entry.id, "benign", "allow-scanner", reason="our scanner", cites=cites)
    cites = book.incident(entry).statements[0].cites
    assert book.decide_by_rule(entry.id, "benign", "allow-scanner", reason="our scanner", cites=cites).verdict == "benign"


def test_a_model_may_raise_and_never_lower(rooms, book, analyst):
    entry = book.listed()[0]
    for word in ("benign", "not evaluable", "suspicious"):
        assert book.propose(entry.id, "m", word, b"{}").verdict == "malicious"
    book.decide(entry.id, "benign", analyst, reason="a drill")
    assert book.propose(entry.id, "m", "malicious", b"{}").verdict == "suspicious"
    assert len(again(rooms).entry(entry.id).proposals) == 4


def test_a_record_that_says_a_model_lowered_something_is_not_believed(rooms, book):
    entry = book.listed()[0]
    rooms.ledger.append_now(envelope(TriageProposed(incident=entry.id, model="m", verdict="benign", raised=True)))
    assert again(rooms).entry(entry.id).verdict == "malicious"


def test_a_model_sees_quoted_data_and_what_cites_nothing_is_dropped(book):
    incident = book.incident(book.listed()[0])
    cite = incident.timeline[0].cites[0]
    seen = []

    async def ask(instruction, data):
        seen.append((instruction, data))
        said = [{"text": "It began so.", "cites": [cite]}, {"text": "Closed.", "cites": ["x"]}, {"text": "No cite.", "cites": []}]
        return "Sure: " + json.dumps({"verdict": "benign", "statements": said})

    told = asyncio.run(tell(incident, ask))
    assert [each.text for each in told.statements] == ["It began so."]
    assert (told.verdict, told.dropped) == ("benign", 2)
    assert incident.timeline[0].title not in seen[0][0]
    assert all(json.loads(line) for line in seen[0][1].splitlines())


@pytest.mark.parametrize("answer", ["", "no", "{", '{"verdict": "closed"}', '{"statements": 3}', "}{"])
def test_an_answer_that_is_none_is_no_word(book, answer):
    assert checked(book.incident(book.listed()[0]), answer).verdict == "not evaluable"
    assert quoted(book.incident(book.listed()[0]))


def test_a_sample_is_drawn_by_lots_and_its_looks_give_a_miss_rate(rooms, book, analyst):
    (run,) = book.runs
    made = draw(book, run, b"secret", budget=8)
    assert made.items == draw(book, run, b"secret", budget=8).items
    assert made.items != draw(book, run, b"other", budget=8).items
    book.sampled(made, analyst)
    for number, (item, _) in enumerate(made.items):
        book.reviewed(made.sample, item, analyst, missed=number == 0)
    came = missed(again(rooms).samples[made.sample])
    assert (came.looked, came.missed) == (len(made.items), 1)
    assert 0 < came.estimate.total <= came.estimate.high <= came.estimate.size
    with pytest.raises(RefusedError, match="drawn"):
        book.reviewed(made.sample, "group:none", analyst, missed=False)


def test_a_response_is_planned_against_plain_json(book):
    incident = book.incident(book.listed()[0])
    plain = json.loads(handover(incident))
    assert plain["id"] == incident.id
    assert {"kind": "host", "value": incident.hosts[0]} in plain["entities"]
    assert plain["evidence"]
