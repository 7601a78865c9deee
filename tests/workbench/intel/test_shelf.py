"""Reports on record: found again after the copy is lost, gone once erased, and shown only to whom policy lets read them."""

import asyncio

import pytest

from bartizan.app import open_rooms
from bartizan.config import Settings
from bartizan.errors import RefusedError
from bartizan.event import ReportIngested, kind_of
from bartizan.workbench.intel.ask import ask, search
from bartizan.workbench.intel.fetch import fetch
from bartizan.workbench.intel.ingest import Ingestion
from bartizan.workbench.intel.pipeline import Limits, Pipeline, Source
from bartizan.workbench.intel.reading import Desk
from bartizan.workbench.intel.shelf import Shelf

TEXT = b"TLP:%s\nThe operators of APT28 sent mails to hospitals in Norway.\n\nThey used hxxp://evil[.]example.com/a to drop a loader.\n"


@pytest.fixture
def rooms(tmp_path):
    with open_rooms(tmp_path / "data", Settings()) as opened:
        yield opened


@pytest.fixture
def analyst(rooms):
    key = rooms.registrar.bootstrap("analyst")
    rooms.ledger.catch_up()
    return rooms.directory.principal(key.principal, at=9e9)


def shelf_of(rooms):
    return Shelf(rooms.ledger, rooms.data / "intel.db")


def bring(shelf, actor, **files):
    sources = [Source(name=name.replace("_", "."), data=data) for name, data in files.items()]
    return asyncio.run(Ingestion(shelf, actor, children=1).bring(sources))


def test_reports_are_read_once_and_found_again(rooms, analyst):
    shelf = shelf_of(rooms)
    first = bring(shelf, analyst, a_txt=TEXT % b"CLEAR", bad_pdf=b"%PDF-1.7 no")
    assert len(first.reports) == 1
    assert [failure.code for failure in first.failures] == ["malformed_pdf"]
    again = bring(shelf, analyst, a_txt=TEXT % b"CLEAR")
    assert (again.reports, again.known) == ((), 1)
    assert [run.done for run in shelf.corpus.runs()] == [1, 2]
    answer = ask(shelf.corpus, shelf.get, "Who sent mails to hospitals in Norway?")
    assert "APT28" in answer.quotes[0].statement
    assert ask(shelf.corpus, shelf.get, "Which zebras live in Antarctica?").verdict == "not in the corpus"
    shelf.close()


def test_the_copy_is_made_again_from_the_record(rooms, analyst):
    shelf = shelf_of(rooms)
    (report,) = bring(shelf, analyst, a_txt=TEXT % b"CLEAR").reports
    before = shelf.get(report)
    shelf.close()
    for file in rooms.data.glob("intel.db*"):
        file.unlink()
    shelf = shelf_of(rooms)
    shelf.catch_up()
    assert shelf.get(report) == before
    assert search(shelf.corpus, shelf.get, "loader")
    shelf.close()


def test_what_is_erased_is_gone_from_the_copy_too(rooms, analyst):
    shelf = shelf_of(rooms)
    (report,) = bring(shelf, analyst, a_txt=TEXT % b"CLEAR").reports
    shelf.catch_up()
    rooms.ledger.erasure.erase([analyst.account], reason="asked for")
    shelf.catch_up()
    assert shelf.heads() == []
    assert search(shelf.corpus, shelf.get, "hospitals") == ()
    with pytest.raises(RefusedError):
        shelf.get(report)
    shelf.close()
    assert b"hospitals" not in (rooms.data / "intel.db").read_bytes()


def test_a_removed_report_stays_removed(rooms, analyst):
    shelf = shelf_of(rooms)
    (report,) = bring(shelf, analyst, a_txt=TEXT % b"CLEAR").reports
    shelf.remove(report, analyst, reason="not ours")
    shelf.catch_up()
    assert shelf.heads() == []
    assert [entry.body.report for _, entry in rooms.ledger.events(kinds=(kind_of(ReportIngested),))] == [report]
    shelf.close()


def test_policy_decides_by_level_and_tier(rooms, analyst):
    shelf = shelf_of(rooms)
    bring(shelf, analyst, a_txt=TEXT % b"CLEAR", b_txt=TEXT % b"RED")
    other = rooms.registrar.register("person", "another", ("member",), actor=None)
    reader = rooms.directory.principal(other.id, at=9e9)
    assert [head.tlp for head in Desk(shelf, rooms.policy, reader, 0).heads()] == ["clear"]
    assert [head.tlp for head in Desk(shelf, rooms.policy, reader, 3).heads()] == ["clear", "red"]
    assert len(Desk(shelf, rooms.policy, analyst, 0).heads()) == 2
    shelf.close()


def test_a_child_that_runs_out_of_time_is_a_failure_and_the_next_file_is_read():
    async def run():
        limits = Limits(cpu_s=60.0, wall_s=0.001)
        async with Pipeline(limits=limits, children=1) as pipeline:
            return await pipeline.read(Source(name="x.txt", data=b"words " * 1000))

    outcome = asyncio.run(run())
    assert [failure.code for failure in outcome.failures] == ["too_slow"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "http://localhost/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "ftp://example.org/x",
    ],
)
def test_addresses_that_are_not_public_are_refused(url):
    with pytest.raises(RefusedError):
        asyncio.run(fetch(url))
