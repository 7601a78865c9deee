"""Case files, accounts, review and retention as pages: filters, walking the filtered set, acts that honour the filter, no JavaScript."""

import msgspec
import re2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.console.parts import Parts
from bartizan.console.safety import matching
from bartizan.event import ContentRead, HoldReleased, SignalRaised, Verdict, envelope, kind_of, new_id
from bartizan.monitor import holds


def _id_at(at):
    """Return an exchange's id as the gateway would have made it then: where it stands on record is found by its time."""
    return f"ex_{(int(at * 1000) << 80) | (7 << 76) | int(new_id('x')[-18:], 16):032x}"


def enforced(world, n, *, confidence=0.97, category="cyber_exploit", rule="rule-a", level="medium"):
    """Have so many accounts with a case file each; returns their accounts."""
    accounts = []
    for _ in range(n):
        name = f"user {new_id('u')}"
        known = world.registrar.register("person", name, ("member",), actor=None)
        accounts.append(known.account)
        exchange = world.exchange(
            id=_id_at(world.now),
            account=known.account,
            content=b'{"messages":[{"role":"user","content":"mail me: a@b.example, <b>now</b>"}]}',
        )
        fact = SignalRaised(
            signal=new_id("signal"),
            account=known.account,
            rule=rule,
            rule_version="2",
            kind="account",
            level=level,
            category=category,
            score=2.0,
            threshold=1.0,
            confidence=confidence,
            since=world.now,
            until=world.now,
            window="w",
            evidence=(exchange,),
        )
        world.ledger.append_now(envelope(fact, account=known.account, at=world.now))
    world.monitor.enforcer.settle()
    return accounts


def test_the_list_pages_and_its_neighbours_stay_within_the_filter(world):
    enforced(world, 7)
    enforced(world, 5, rule="rule-b", category="fraud")
    browser = world.browser("operator")
    url, seen = "/safety.json?rule=rule-b&rows=2", []
    while url:
        page = browser.get(url).json()
        assert page["count"] == 5
        assert len(page["rows"]) <= 2
        seen += [row["id"] for row in page["rows"]]
        url = page["older"]
    assert len(set(seen)) == 5
    walked, url = [], f"/safety/{seen[0]}.json?rule=rule-b"
    while url:
        page = browser.get(url).json()
        walked.append(page["file"]["id"])
        url = page["older"]
    assert walked == seen
    accounts = browser.get("/accounts.json?rows=3").json()
    assert (len(accounts["rows"]), accounts["count"]) == (3, 12)
    assert browser.get("/safety?state=nonsense").status == 400


def test_rows_are_at_most_200(world):
    browser = world.browser("operator")
    assert len(browser.get("/safety.json?rows=100000").json()["rows"]) <= 200


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "rule": st.sampled_from(["rule-a", "rule-b", "rule-c"]),
        "category": st.sampled_from(["fraud", "cyber_exploit", "nothing"]),
        "step": st.sampled_from(["notice", "throttle", "suspend_account"]),
        "state": st.sampled_from(["in_force", "lifted", "expired"]),
        "appeal": st.sampled_from(["none", "open"]),
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=FILTERS)
def test_lifting_together_touches_what_the_filter_shows_and_nothing_else(world, filters):
    if not world.monitor.docket.cases():
        world.admin = world.browser("admin")
    browser = world.admin
    enforced(world, 2)
    enforced(world, 1, rule="rule-b", category="fraud", level="high", confidence=0.9995)
    before = {row.id: row.state for row in matching(_parts(world), {})}
    chosen = {row.id for row in matching(_parts(world), filters) if row.state == "in_force"}
    token = browser.token("/safety")
    wrong = browser.post("/lift", {"csrf": token, "reason": "x", "expected": str(len(chosen) + 1), **filters})
    assert wrong.status == 409
    answer = browser.post("/lift", {"csrf": token, "reason": "the rule was wrong", "expected": str(len(chosen)), **filters})
    assert answer.status == 303
    after = {row.id: row.state for row in matching(_parts(world), {})}
    assert {case for case, state in after.items() if state != before[case]} == chosen
    assert all(after[case] == "lifted" for case in chosen)


def _parts(world):
    return Parts(
        ledger=world.ledger,
        directory=world.directory,
        casebook=world.casebook,
        policy=world.policy,
        registry=world.registry,
        projections=world.projections,
        settings=world.settings,
        registrar=world.registrar,
        desk=world.desk,
        monitor=world.monitor,
        book=world.book,
        clock=lambda: world.now,
    )


def test_a_case_shows_masked_evidence_and_its_appeal_is_decided_by_another(world):
    [account] = enforced(world, 1, level="high", confidence=0.9999, category="ransomware")
    [case] = world.monitor.docket.cases(account)
    who = next(each for each in world.directory.principals(at=world.now) if each.account == account)
    world.monitor.appeals.file(case, "not me", actor=who)
    browser = world.browser("approver")
    page = browser.get(f"/safety/{case}").text
    assert "[email]" in page
    assert "a@b.example" not in page
    assert "<b>now</b>" not in page
    answer = browser.submit(f"/safety/{case}", f"/safety/{case}/appeal", decision="reversed", reason="own asset")
    assert answer.status == 303
    assert world.directory.standing(account, at=world.now).standing == "good"
    assert "lifted" in browser.get(f"/safety/{case}").text
    timeline = world.browser("operator").get(f"/accounts/{account}.json").json()
    assert [moment["kind"] for moment in timeline["moments"]] == ["signal", "measure", "appeal"]


def test_the_queue_is_worked_without_javascript_and_blind(world):
    world.traffic(60)
    world.monitor.drawer.draw(budget=12)
    browser = world.browser("reviewer")
    for _ in range(3):
        page = browser.get("/review").text
        found = re2.search(r'action="(/review/item_[0-9a-f]+/decide)"', page)
        assert "account_" not in page
        assert browser.submit("/review", found.group(1), label="benign", began=str(world.now)).status == 303
    assert browser.get("/review-quality.json").json()["reviewers"][0]["looks"] == 3
    assert browser.post("/review/item_x/decide", {"csrf": browser.token("/review"), "label": "wicked"}).status == 400


def test_erasing_leaves_a_receipt_that_names_every_store(world):
    account = "account_" + "e" * 32
    world.exchange(account=account, content=b'{"messages":[{"role":"user","content":"a long and private story about myself and others"}]}')
    browser = world.browser("privacy")
    assert browser.submit("/retention", "/retention/erase", account=account, reason="asked", requested_by="the person").status == 303
    [receipt] = browser.get(f"/retention.json?account={account}").json()["receipts"]
    assert {store[0] for store in receipt["stores"]} >= {"ledger", "keys", "tables and search index", "backups"}
    assert sum(store[3] for store in receipt["stores"]) == 0
    assert receipt["needles"] > 0


def test_trends_show_many_and_never_a_few_and_reading_them_is_on_record(world):
    week = 7 * 86_400
    world.now = (world.now // week) * week + 3600
    hit = Verdict(control="rules", version="1", layer="input", mode="enforce", category="injection", rule="r7", would="block")
    rare = msgspec.structs.replace(hit, category="weapons", rule="r9")
    accounts = [f"account_{n:032x}" for n in range(12)]
    many = [{"account": account} for account in accounts] * 3
    many += [{"account": account, "outcome": "blocked", "decision": "block", "verdicts": (hit,)} for account in accounts[:7]]
    many += [{"account": account, "outcome": "blocked", "decision": "block", "verdicts": (rare,)} for account in accounts[:4]]
    world.exchanges(many)
    browser = world.browser("reviewer")
    assert browser.get("/trends.json").json()["stretches"] == []
    world.now += week
    browser = world.browser("reviewer")
    answer = browser.get("/trends.json")
    [stretch] = answer.json()["stretches"]
    assert [(figure["path"], figure["n"], figure["accounts"]) for figure in stretch["figures"]] == [
        ([], 47, 10),
        (["nothing noticed"], 36, 10),
        (["stopped"], 11, 5),
    ]
    assert "weapons" not in answer.text
    assert "account_" not in answer.text
    assert "weapons" not in browser.get("/trends").text
    assert [entry.body.entries for _, entry in world.ledger.events(kinds=(kind_of(ContentRead),))] == [()] * 3
    assert world.browser("operator").get("/trends.json").status == 403


def test_a_hold_begins_and_ends_with_the_consent_of_others(world):
    account = "account_" + "f" * 32
    privacy, approver = world.browser("privacy"), world.browser("approver")

    def agree(browser, decision="approved", **fields):
        [asked] = browser.get("/retention.json").json()["asked"]
        url = f"/retention/holds/{asked['id']}"
        shown = browser.get(f"{url}.json")
        form = {"decision": decision, "reason": "seen", "sha256": asked["subject_sha256"], **fields}
        return shown, browser.submit("/retention", f"{url}/answer", **form)

    assert privacy.submit("/retention", "/retention/hold", account=account, reason="a case is open").status == 303
    assert world.ledger.erasure.holds() == {}
    assert [answer.status for answer in agree(privacy)] == [403, 403]
    assert agree(approver, sha256="0" * 64)[1].status == 409
    shown, answer = agree(approver)
    assert (shown.json()["accounts"], shown.json()["reason"], answer.status) == ([account], "a case is open", 303)
    [hold] = world.ledger.erasure.holds()
    assert privacy.submit("/retention", "/retention/erase", account=account, reason="r").status == 409
    assert approver.submit("/retention", "/retention/release", hold=hold, reason="r").status == 403
    assert privacy.submit("/retention", "/retention/release", hold="hold_x", reason="r").status == 404
    assert privacy.submit("/retention", "/retention/release", hold=hold, reason="it is closed").status == 303
    assert privacy.submit("/retention", "/retention/release", hold=hold, reason="asked twice").status == 303
    first, second = (row["id"] for row in privacy.get("/retention.json").json()["asked"])
    assert list(world.ledger.erasure.holds()) == [hold]
    for which, decision in ((first, "refused"), (second, "approved")):
        sha256 = world.casebook.approval(which).subject_sha256
        form = {"decision": decision, "reason": "seen", "sha256": sha256}
        assert approver.submit("/retention", f"/retention/holds/{which}/answer", **form).status == 303
        assert approver.submit("/retention", f"/retention/holds/{which}/answer", **form).status == 403
        assert bool(world.ledger.erasure.holds()) == (decision == "refused")
    [released] = [entry.body for _, entry in world.ledger.events(kinds=(kind_of(HoldReleased),))]
    assert released.approvals == (second,)


def test_what_was_approved_is_done_once(world):
    world.person("privacy")
    world.person("approver")
    privacy, approver = world.people["privacy"], world.people["approver"]
    asked = holds.ask_to_place(world.desk, world.directory.profile, ["account_x"], "r", actor=privacy)
    world.desk.answer(asked, "approved", actor=approver)
    approval = world.casebook.approval(asked)
    subject = world.ledger.content(approval.seq)
    for _ in range(3):
        holds.fulfil(world.ledger, approval, subject)
    assert len(world.ledger.erasure.holds()) == 1


def test_what_waits_for_people_is_on_the_first_page_and_in_the_metrics(world):
    world.traffic(40)
    [account] = enforced(world, 1, level="high", confidence=0.9999, category="ransomware")
    who = next(each for each in world.directory.principals(at=world.now) if each.account == account)
    world.monitor.appeals.file(world.monitor.docket.cases(account)[0], "not me", actor=who)
    world.person("privacy")
    holds.ask_to_place(world.desk, world.directory.profile, [account], "r", actor=world.people["privacy"])
    world.monitor.drawer.draw(budget=5)
    world.now += 3 * 86_400
    waiting = len(world.monitor.queue.items)
    body = world.browser("operator").get("/overview.json").json()["waiting"]
    assert body["review"] == waiting > 0
    assert (body["appeals"], body["consents"]) == (1, 1)
    assert body["late"] == body["appeals"] + body["cases"]
    assert "open appeals" in world.browser("operator").get("/overview").text
    service = world.registrar.register("service", "collector", ("auditor",), actor=None)
    key = world.registrar.issue_key(service.id, actor=None).secret.reveal()
    answer = world.browser().get("/metrics", authorization=f"Bearer {key}")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert {'bartizan_cases_waiting{kind="appeal"} 1', 'bartizan_consents_waiting{action="hold"} 1'} <= set(lines)
    assert f"bartizan_review_waiting {waiting}" in lines
    assert any(line.startswith('bartizan_review_miss_rate{stratum="all",bound="high"} ') for line in lines)
    assert "account_" not in answer.text
    assert world.browser().get("/metrics").status == 401
    assert world.browser("member").get("/metrics").status == 403
