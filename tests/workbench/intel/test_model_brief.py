"""A brief in a model's words, through the gateway in this process, against the scripted model server."""

import asyncio
import random
import threading

import msgspec
import pytest

from bartizan.app import open_rooms
from bartizan.app.intel import model_brief
from bartizan.bench.intel_corpus import report
from bartizan.config import Settings, UpstreamSettings
from bartizan.errors import UpstreamError
from bartizan.model.script import Reply, Rule, Script
from bartizan.model.scripted import ScriptedServer
from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.brief import brief
from bartizan.workbench.intel.parse import parse


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


@pytest.fixture
def key(tmp_path):
    with open_rooms(tmp_path / "data", Settings()) as rooms:
        issued = rooms.registrar.bootstrap("analyst")
    return issued.secret.reveal()


@pytest.fixture(scope="module")
def reports():
    text = "TLP:GREEN\n\n" + "\n\n".join(report(random.Random(7), paragraphs=10).paragraphs)
    (document,) = parse(text.encode(), "x.txt").documents
    return [analyse(document)]


def settings(server):
    return Settings(upstreams={"test": UpstreamSettings(kind="openai", url=server.url, models=("m",))})


def test_claims_that_a_model_makes_are_shown_only_where_their_quote_holds_them(tmp_path, server, key, reports):
    made = brief(reports)
    first = made.statements[0].statement
    good = {"claim": "The report tells of this: " + " ".join(first.split()[:6]) + ".", "quote": 1, "words": " ".join(first.split()[:6])}
    bad = {"claim": "The victims lost T9999 and 123456 files.", "quote": 1, "words": " ".join(first.split()[:6])}
    answer = "\n".join(msgspec.json.encode(each).decode() for each in (good, bad))
    server.script = Script(rules=(Rule(when="You condense quotes", reply=Reply(texts=(answer,))),), models=("m",))
    told = model_brief(tmp_path / "data", settings(server), key=key, model="m", brief=made, reports=reports)
    assert told.statements[0].statement == good["claim"]
    assert told.statements[0].citations == made.statements[0].citations
    assert told.statements[1:] == made.statements
    sent = [each for each in server.seen if each.path.endswith("/chat/completions")]
    assert len(sent) == 1
    assert first.encode() in sent[0].body or msgspec.json.encode(first)[1:-1] in sent[0].body


def test_the_gateway_lets_no_stranger_ask_for_a_brief(tmp_path, server, key, reports):
    with pytest.raises(UpstreamError, match="401"):
        model_brief(tmp_path / "data", settings(server), key=key[:-4] + "AAAA", model="m", brief=brief(reports), reports=reports)
    assert not [each for each in server.seen if each.path.endswith("/chat/completions")]
