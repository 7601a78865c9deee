"""A model's word on an incident, through the gateway in this process, against the scripted model server."""

import asyncio
import threading

import msgspec
import pytest

from bartizan.app import open_rooms
from bartizan.app.triage import model_word
from bartizan.bench.triage_world import world
from bartizan.config import Settings, UpstreamSettings
from bartizan.errors import UpstreamError
from bartizan.model.script import Reply, Rule, Script
from bartizan.model.scripted import ScriptedServer
from bartizan.workbench.triage.incident import Triage
from bartizan.workbench.triage.incident.book import Book


@pytest.fixture
def server():
    loop = asyncio.new_event_loop()
    made = ScriptedServer(Script())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(10)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_model_that_wants_to_close_is_on_record_and_closes_nothing(tmp_path, server):
    known, triage = world(count=400), Triage()
    for alert in known.alerts:
        if alert.id not in known.attacks["beacon"]:
            triage.take(alert)
    with open_rooms(tmp_path / "data", Settings()) as rooms:
        key = rooms.registrar.bootstrap("analyst").secret.reveal()
        book = Book(rooms.ledger)
        book.add(triage.conclude(), "0" * 64, None)
        incident = book.incident(book.listed()[0])
    cite = incident.statements[0].cites[0]
    said = [{"text": "It is a drill.", "cites": [cite]}, {"text": "Close it.", "cites": ["elsewhere"]}]
    answer = msgspec.json.encode({"verdict": "benign", "statements": said}).decode()
    server.script = Script(rules=(Rule(when="You help an analyst", reply=Reply(texts=(answer,))),), models=("m",))
    settings = Settings(upstreams={"test": UpstreamSettings(kind="openai", url=server.url, models=("m",))})
    told = model_word(tmp_path / "data", settings, key=key, model="m", incident=incident)
    assert (told.verdict, [each.text for each in told.statements], told.dropped) == ("benign", ["It is a drill."], 1)
    with open_rooms(tmp_path / "data", Settings()) as rooms:
        book = Book(rooms.ledger)
        book.catch_up()
        entry = book.propose(incident.id, "m", told.verdict, msgspec.json.encode(told))
        assert entry.verdict == incident.verdict == "malicious"
    with pytest.raises(UpstreamError, match="401"):
        model_word(tmp_path / "data", settings, key="bz_nobody", model="m", incident=incident)
