"""Pages and acts as a browser without JavaScript meets them."""

import asyncio

import msgspec
import pytest

from bartizan import casework
from bartizan.console.parts import Parts
from bartizan.console.routes import PAGES
from bartizan.console.web import Web
from bartizan.errors import StoreError
from bartizan.event import CaseDecided, ContentRead, ControlModeChanged, Span, Tier, ToolChanged, ToolsPinned, Verdict, envelope, kind_of
from bartizan.guard.pins import pin_of
from bartizan.ledger import offline
from bartizan.ledger.witness import Witness

SECRET = b'{"messages": [{"role": "user", "content": "my address is 12 Hidden Lane <script>\xe2\x80\xae"}]}'


def facts(world, kind):
    return [entry for _, entry in world.ledger.events(kinds=(kind_of(kind),))]


def test_an_empty_console_says_what_to_do(world):
    browser = world.browser("operator")
    page = browser.get("/overview").text
    assert "No exchanges yet" in page
    assert "http://127.0.0.1:8400/v1/chat/completions" in page
    for url, words in (("/exchanges", "No exchanges yet"), ("/refusals", "Nothing was refused"), ("/cases", "Nothing waits")):
        assert words in browser.get(url).text


def test_the_overview_counts_the_day_by_layer_control_and_shadow(world):
    ids = world.traffic(400)
    world.refusal()
    body = world.browser("operator").get("/overview.json").json()
    rows = world.browser("operator").get("/exchanges.json").json()["rows"]
    assert rows[0]["id"] == ids[-1]
    totals = body["totals"]
    assert totals["ended"] == totals["answered"] + totals["blocked"] + totals["failed"] + totals["cut"]
    assert totals["refused"] == 1
    assert body["stopped"] == sum(layer["n"] for layer in body["layers"]) == totals["blocked"]
    assert {layer["layer"]: layer["controls"][0]["control"] for layer in body["layers"]} == {"input": "rules", "output": "secrets"}
    [shadow] = body["shadow"]
    listed = world.browser("operator").get(shadow["url"].replace("?", ".json?")).json()
    assert (shadow["control"], listed["count"]) == ("tool_arguments", shadow["would"])
    assert 80 <= len(body["latency"]) <= 97
    assert all(point["done_p50_ms"] <= point["done_p95_ms"] for point in body["latency"] if point["n"])


def test_every_page_has_its_json_with_the_same_filters(world):
    world.traffic(50)
    world.person("operator", "reviewer")
    browser = world.browser("operator")
    page = browser.get("/exchanges?outcome=blocked&rows=5").text
    assert 'href="/exchanges.json?outcome=blocked&amp;rows=5"' in page
    body = browser.get("/exchanges.json?outcome=blocked&rows=5").json()
    assert {row["outcome"] for row in body["rows"]} <= {"blocked"}
    assert body["filters"] == {"outcome": "blocked"}
    for route in PAGES:
        if route.label:
            assert f'href="{route.path}.json"' in browser.get(route.path).text


@pytest.mark.parametrize(
    "query",
    ["outcome=nonsense", "layer=x", "since=yesterday", "older=-1", "older=1&newer=2", "older=9999999999999999999", "model=" + "x" * 300],
)
def test_a_filter_that_no_row_can_have_is_an_error_in_both_forms(world, query):
    browser = world.browser("operator")
    assert browser.get(f"/exchanges?{query}").status == 400
    assert browser.get(f"/exchanges.json?{query}").json()["error"]["code"] == "bad_filter"


def test_hostile_rows_are_shown_and_do_nothing(world):
    hostile = "lo\u202ecal<script>alert(1)</script>\x1b[31m"
    exchange = world.exchange(model=hostile, reason="\u2066<img src=x onerror=alert(1)>")
    world.refusal(path="/v1/\u202e<script>alert(1)</script>", code="not_found")
    browser = world.browser("operator")
    for url in ("/exchanges", f"/exchanges/{exchange}", "/refusals"):
        text = browser.get(url).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text
        assert '<span class="unseen" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>' in text
    listed = browser.get("/exchanges.json")
    assert "\u202e" not in listed.text
    assert listed.json()["rows"][0]["model"] == hostile


def test_one_exchange_shows_verdicts_timeline_and_decision(world):
    hit = Verdict(
        control="rules", version="1", layer="input", mode="enforce", category="injection", rule="r7", score=0.97, would="block",
        spans=(Span(path="$.messages[0].content", start=3, end=9),), views=("base64",), cpu_us=210,
    )  # fmt: skip
    shadow = Verdict(control="secrets", version="1", layer="output", mode="shadow", would="block", category="secret")
    exchange = world.exchange(
        outcome="blocked", decision="block", layer="input", control="rules", reason="injection", verdicts=(hit, shadow), tier=Tier.TRUSTED
    )
    browser = world.browser("auditor")
    page = browser.get(f"/exchanges/{exchange}").text
    for words in (
        "Decided by",
        "rules",
        "$.messages[0].content 3",
        "as base64",
        "first byte released",
        "Your roles do not let you read it",
    ):
        assert words in page
    body = browser.get(f"/exchanges/{exchange}.json").json()
    assert [verdict["would"] for verdict in body["verdicts"]] == ["block", "block"]
    assert body["exchange"]["control"] == "rules"
    assert [step["what"] for step in body["timeline"]][-1] == "ended and on record"


def test_text_is_shown_only_after_its_reading_is_on_record(world):
    exchange = world.exchange(content=SECRET, answer=b"as you say")
    browser = world.browser("reviewer")
    url = f"/exchanges/{exchange}"
    for quiet in (url, f"{url}.json", "/exchanges", "/exchanges.json", "/overview.json"):
        assert "Hidden Lane" not in browser.get(quiet).text
    assert browser.submit(url, f"{url}/reveal", purpose=" ").status == 400
    assert not facts(world, ContentRead)
    answer = browser.submit(url, f"{url}/reveal", purpose="case 4711")
    assert "12 Hidden Lane &lt;script&gt;" in answer.text
    assert "as you say" in answer.text
    assert "\u202e" not in answer.text
    [read] = facts(world, ContentRead)
    assert (read.body.purpose, read.actor, read.correlation) == ("case 4711", world.people["reviewer"].id, exchange)
    assert len(read.body.entries) == 2
    assert "case 4711" in world.browser("auditor").get("/ledger").text


def test_nothing_is_shown_when_the_reading_cannot_be_recorded(world, monkeypatch):
    exchange = world.exchange(content=SECRET)
    browser = world.browser("reviewer")
    token = browser.token(f"/exchanges/{exchange}")

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(world.ledger, "append_now", full)
    with pytest.raises(OSError, match="disk full"):
        browser.post(f"/exchanges/{exchange}/reveal", {"csrf": token, "purpose": "x"})


def test_erased_text_is_shown_as_erased(world):
    account = "account_" + "e" * 32
    exchange = world.exchange(content=SECRET, account=account)
    world.ledger.erasure.erase([account], reason="asked for")
    browser = world.browser("reviewer")
    answer = browser.submit(f"/exchanges/{exchange}", f"/exchanges/{exchange}/reveal", purpose="x")
    assert answer.text.count('<p class="erased">erased</p>') == 2
    assert "asked for" in browser.get("/ledger").text


def test_the_proof_is_one_that_the_offline_verifier_accepts(world):
    exchange = world.exchange()
    browser = world.browser("auditor")
    answer = browser.get(f"/exchanges/{exchange}/proof.json")
    bundle = answer.json()
    assert bundle["verified"]
    key = offline.Key.parse(world.ledger.signer.vkey)
    assert offline.verify_bundle(answer.body, key, [], None).ok
    assert not offline.verify_bundle(answer.body.replace(b"exchange_admitted", b"exchange_admittee"), key, [], None).ok
    assert "no witness has cosigned" in browser.get(f"/exchanges/{exchange}/proof").text
    world.exchange()
    witness = Witness(world.ledger.data / "secrets" / "witness")
    world.ledger.cosign(witness)
    (world.ledger.data / "witness.vkey").write_text(witness.vkey)
    again = browser.get(f"/exchanges/{exchange}/proof.json").json()
    assert (again["verified"], again["cosigned"]) == (True, again["size"])
    state = browser.get("/ledger.json").json()["state"]
    assert state["witnessed"] == again["size"]
    assert "own host" in state["witness"]


def test_a_tampered_entry_is_not_proven(world, monkeypatch):
    exchange = world.exchange()
    browser = world.browser("auditor")
    true = world.ledger.prove

    def tampered(seq):
        found = true(seq)
        return msgspec.structs.replace(found, header=found.header.replace(b'"tenant":"default"', b'"tenant":"defaulT"'))

    monkeypatch.setattr(world.ledger, "prove", tampered)
    page = browser.get(f"/exchanges/{exchange}/proof")
    assert "not proven" in page.text
    assert not browser.get(f"/exchanges/{exchange}/proof.json").json()["verified"]


def test_the_page_of_controls_shows_scores_by_tenth(world):
    seen = [
        Verdict(control="rules", version="1", layer="input", mode="shadow", category="injection", score=score)
        for score in (0.42, 0.97, 1.0)
    ]
    world.exchange(verdicts=tuple(seen))
    browser = world.browser("operator")
    assert "of 3 verdicts that saw something, by tenth" in browser.get("/controls").text
    rows = {row["id"]: row["scores"] for row in browser.get("/controls.json").json()["rows"]}
    assert rows["rules"] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 2]
    assert rows["secrets"] == []


def test_a_mode_is_changed_with_a_reason_and_shown_at_once(world):
    browser = world.browser("operator")
    assert browser.submit("/controls", "/controls/rules/mode", mode="shadow", tier="public", reason="").status == 400
    assert browser.submit("/controls", "/controls/rules/mode", mode="stealth", tier="", reason="x").status == 400
    assert browser.submit("/controls", "/controls/acme_toxicity/mode", mode="enforce", tier="", reason="x").status == 404
    answer = browser.submit("/controls", "/controls/rules/mode", mode="shadow", tier="public", reason="too eager")
    assert (answer.status, answer.headers["location"]) == (303, "/controls?done=mode-changed")
    assert "The mode is recorded" in browser.get("/controls?done=mode-changed").text
    [fact] = facts(world, ControlModeChanged)
    assert (fact.body.mode, fact.body.tiers, fact.body.reason, fact.actor) == (
        "shadow", (Tier.PUBLIC,), "too eager", world.people["operator"].id,
    )  # fmt: skip
    row = browser.get("/controls.json").json()["rows"][0]
    assert row["modes"] == {"public": "shadow", "verified": "enforce", "trusted": "enforce", "restricted": "enforce"}
    page = browser.get("/controls").text
    assert "1 skipped, 1 failed" in page
    assert "needs onnxruntime" in page


def test_suspending_revoking_and_restoring(world):
    key = world.person("member")
    member = world.people["member"]
    browser, admin = world.browser("operator"), world.browser("admin")
    page = f"/access/{member.id}"
    assert browser.submit(page, f"{page}/suspend", reason="abuse").headers["location"] == f"{page}?done=account-suspended"
    assert world.directory.standing(member.account, at=world.now).standing == "suspended"
    assert admin.submit(page, f"{page}/restore", reason="mistake").status == 303
    assert world.directory.standing(member.account, at=world.now).standing == "good"
    assert browser.submit(page, f"/keys/{key[3:11]}/revoke", reason="lost").status == 303
    assert browser.get(f"{page}.json").json()["keys"][0]["state"] == "revoked"
    assert key[12:] not in browser.get(page).text
    assert browser.get("/access/person_nobody").status == 404


def test_a_name_is_personal_text_too(world):
    world.person("member")
    page = f"/access/{world.people['member'].id}"
    reviewer = world.browser("reviewer")
    assert "member person" not in reviewer.get(page).text
    assert "member person" in reviewer.submit(page, f"{page}/name", purpose="to call them").text
    assert [entry.body.purpose for entry in facts(world, ContentRead)] == ["to call them"]


def test_a_case_is_decided_once_with_a_reason(world):
    desk = casework.Desk(world.ledger, world.casebook, clock=lambda: world.now)
    case = desk.open("review", "account_" + "a" * 32, actor=None, evidence=("ex_1",))
    browser = world.browser("reviewer")
    assert browser.get("/cases.json").json()["waiting"][0]["id"] == case
    assert browser.submit(f"/cases/{case}", f"/cases/{case}/decide", decision="maybe", reason="x").status == 400
    assert browser.submit(f"/cases/{case}", f"/cases/{case}/decide", decision="upheld", reason="clear").status == 303
    token = browser.token("/cases")
    assert browser.post(f"/cases/{case}/decide", {"csrf": token, "decision": "dismissed", "reason": "x"}).status == 409
    assert [entry.body.decision for entry in facts(world, CaseDecided)] == ["upheld"]
    assert browser.get("/cases.json").json()["decided"][0]["reason"] == "clear"


def test_a_poll_is_told_only_when_something_changed(world):
    world.exchange()
    browser = world.browser("operator")
    seen = browser.get("/exchanges.json").json()["seen"]
    assert browser.get(f"/exchanges?seen={seen}").status == 204
    world.exchange()
    assert browser.get(f"/exchanges?seen={seen}").status == 200


def test_another_tenants_exchanges_do_not_exist(world):
    exchange = world.exchange()
    world.ledger.append_now(
        envelope(facts(world, ContentRead)[0].body) if facts(world, ContentRead) else envelope(ContentRead(entries=(), purpose=""))
    )
    stranger = world.browser("operator")
    known = world.people["operator"]
    state = world.directory._state.principals
    state[known.id] = msgspec.structs.replace(state[known.id], tenant="other")
    world.directory._cache.clear()
    assert stranger.get("/exchanges.json").json()["rows"] == []
    assert stranger.get(f"/exchanges/{exchange}").status == 404


def test_a_page_that_breaks_says_an_id_and_nothing_else(world, monkeypatch, caplog):
    browser = world.browser("operator")

    def broken():
        raise RuntimeError("secret detail")

    monkeypatch.setattr(world.ledger, "checkpoint", broken)
    with pytest.raises(RuntimeError):
        browser.get("/ledger")
    assert "secret detail" in caplog.text


def test_following_the_record_survives_a_store_that_fails_for_a_while(world, monkeypatch, caplog):
    web = Web(Parts(**{name: getattr(world, name, None) for name in Parts.__struct_fields__ if name != "clock"}))
    asked, again = [], asyncio.Event()

    def failing():
        asked.append(1)
        if len(asked) == 3:
            loop.call_soon_threadsafe(again.set)
        raise StoreError("disk full", hint="make room")

    async def follow():
        nonlocal loop
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            following = group.create_task(web.follow())
            await asyncio.wait_for(again.wait(), 10)
            following.cancel()
        web.close()

    loop = None
    monkeypatch.setattr(world.projections, "catch_up", failing)
    monkeypatch.setattr("bartizan.console.web._FOLLOW_S", 0)
    asyncio.run(follow())
    assert caplog.text.count("disk full (make room)") == 1


def test_the_tools_page_shows_what_is_pinned_what_changed_and_what_waits(world):
    assert "No tool is pinned" in world.browser("operator").get("/tools").text
    pins = tuple(pin_of({"name": name, "description": f"Does {name} <script>\u202e"}) for name in ("add", "send"))
    world.ledger.append_now(
        envelope(ToolsPinned(server="files", tools=pins)),
        envelope(
            ToolChanged(server="files", tool="send", seen_sha256="f" * 64, pinned_sha256=pins[1].sha256, why="its description changed")
        ),
    )
    page = world.browser("operator").get("/tools").text
    assert "<script>" not in page.partition("<main")[2]
    assert "\u202e" not in page
    rows = world.browser("operator").get("/tools.json").json()["rows"]
    assert [(row["name"], row["state"]) for row in rows] == [("send", "changed"), ("add", "pinned")]
