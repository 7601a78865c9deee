"""Every route against every role: what policy decides is what the console does, and the matrix is a file that is reviewed."""

from pathlib import Path

import msgspec
import pytest

from bartizan import casework
from bartizan.bench.triage_world import world as worlds
from bartizan.console.parts import Ask
from bartizan.console.routes import DEEDS, PAGES
from bartizan.event import SignalRaised, envelope
from bartizan.monitor import holds
from bartizan.policy.engine import actions
from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.parse import parse
from bartizan.workbench.triage.incident import Triage
from bartizan.workbench.triage.incident.sample import draw

MATRIX = Path(__file__).parent / "matrix.txt"
ROLES = ("operator", "approver", "reviewer", "privacy", "auditor", "admin", "member")


@pytest.fixture
def things(world):
    """Return what the routes are about, by their first word."""
    exchange = world.exchange()
    subject = world.registrar.register("person", "whom it is about", ("member",), actor=None)
    key = world.registrar.issue_key(subject.id, actor=None).secret.reveal()
    desk = casework.Desk(world.ledger, world.casebook, clock=lambda: world.now)
    case = desk.open("review", "account_" + "a" * 32, actor=None)
    file, item = enforced(world, subject)
    (document,) = parse(b"TLP:CLEAR\nAPT28 used hxxp://evil[.]example.com/a against hospitals in Norway.", "a.txt").documents
    world.person("operator")
    (report,) = world.shelf.add([analyse(document)], "0" * 64, world.people["operator"])
    world.ledger.erasure.hold([subject.account], reason="r")
    asked = holds.ask_to_place(world.desk, world.directory.profile, [subject.account], "r", actor=world.people["operator"])
    found, second, act, sample, drawn = triaged(world)
    response, consent = world.response(subject.account)
    return {
        "code": world.code(),
        "incidents": found,
        "suppressed": sample,
        "act": act,
        "other": second,
        "item": drawn,
        "response": response,
        "consent": consent,
        "accounts": subject.account,
        "safety": file,
        "review": item,
        "retention": asked,
        "intel": report,
        "exchanges": exchange,
        "controls": "rules",
        "access": subject.id,
        "keys": key[3:11],
        "cases": case,
    }


def triaged(world):
    """Have two incidents, one of them split, and a sample of what was suppressed."""
    world.book.catch_up()
    known, who = worlds(count=400), world.people["operator"]
    triage = Triage()
    for alert in known.alerts:
        triage.take(alert)
    run = world.book.add(triage.conclude(), "0" * 64, who)
    first, second, *_ = (entry.id for entry in world.book.listed())
    act = world.book.split(first, [0], who, reason="r")
    sample = draw(world.book, run, b"lots", budget=3)
    world.book.sampled(sample, who)
    return first, second, act, sample.sample, sample.items[0][0]


def enforced(world, subject):
    """Have a case file under appeal and an item in the queue."""
    account = subject.account
    fact = SignalRaised(
        signal="signal_1", account=account, rule="r", rule_version="1", kind="account", level="high", category="ransomware",
        score=2, threshold=1, confidence=0.9999, since=world.now, until=world.now, window="w", evidence=("ex_" + "0" * 32,),
    )  # fmt: skip
    world.ledger.append_now(envelope(fact, account=account, at=world.now))
    world.monitor.enforcer.settle()
    [file] = world.monitor.docket.cases(account)
    who = world.directory.principal(subject.id, at=world.now)
    world.monitor.appeals.file(file, "I did nothing", actor=who)
    world.monitor.drawer.draw(budget=5)
    return file, next(iter(world.monitor.queue.items))


def filled(route, things):
    return route.path.replace("{id}", things.get(route.path.split("/")[1], "")).replace("{finding}", "finding-1")


def decided(world, role, route, things):
    who = world.directory.principal(world.people[role].id, at=world.now)
    ask = Ask(who=who, at=world.now, url="", query={}, path={"id": things.get(route.path.split("/")[1], "")})
    return world.policy.decide(who, route.action, route.subject(world, ask)).allowed


FORM = {
    "reason": "r", "purpose": "p", "mode": "shadow", "tier": "", "decision": "upheld",
    "label": "harmful", "account": "account_x", "expected": "1",
}  # fmt: skip


def form_of(world, things, route):
    """Fill in what an act needs so that it would be done."""
    if "holds" in route.path:
        sha256 = world.casebook.approval(things["retention"]).subject_sha256
        return {**FORM, "decision": "approved", "sha256": sha256}
    if route.path.startswith(("/incidents", "/suppressed")):
        return {**FORM, "verdict": "benign", "said": "fine", **{name: things[name] for name in ("act", "other", "item")}}
    if route.path.startswith("/consent"):
        return {**FORM, "decision": "approved", "sha256": world.casebook.approval(things["consent"]).subject_sha256}
    if route.path.startswith("/code"):
        return {**FORM, "branch": "bartizan/fix"}
    if route.path == "/response-plan":
        incident = {"id": "i", "entities": [{"kind": "account", "value": things["accounts"]}]}
        return {**FORM, "playbook": "insider", "incident": msgspec.json.encode(incident).decode()}
    return {**FORM, "account": "" if route.path == "/lift" else FORM["account"], "hold": next(iter(world.ledger.erasure.holds()))}


@pytest.mark.parametrize("role", ROLES)
def test_every_route_does_what_policy_decides(world, things, role):
    browser = world.browser(role)
    token = browser.token(browser.get("/").headers["location"])
    for route in PAGES:
        allowed = decided(world, role, route, things)
        for suffix in ("", ".json"):
            answer = browser.get(filled(route, things) + suffix)
            assert answer.status == (200 if allowed else 403), (route.path, answer.text)
        if not allowed:
            assert answer.json()["error"]["code"] == "not_permitted"
    for route in DEEDS:
        allowed = decided(world, role, route, things)
        before = world.ledger.checkpoint().size
        answer = browser.post(filled(route, things), {"csrf": token, **form_of(world, things, route)})
        assert answer.status in ((200, 303) if allowed else (403,)), (route.path, answer.text)
        assert (world.ledger.checkpoint().size > before) == allowed


def test_the_matrix_is_the_one_that_was_reviewed(world, things):
    for role in ROLES:
        world.person(role)
    lines = [f"{'route':<28} {'action':<16} " + " ".join(f"{role:<9}" for role in ROLES).rstrip()]
    for route in (*PAGES, *DEEDS):
        marks = " ".join(f"{'yes' if decided(world, role, route, things) else '-':<9}" for role in ROLES)
        lines.append(f"{route.path:<28} {route.action:<16} {marks}".rstrip())
    assert "\n".join(lines) + "\n" == MATRIX.read_text()


def test_without_a_session_nothing_answers(world, things):
    browser = world.browser()
    size = world.ledger.checkpoint().size
    for route in PAGES:
        assert browser.get(filled(route, things)).status == 303
        assert browser.get(filled(route, things) + ".json").status == 401
    for route in DEEDS:
        assert browser.post(filled(route, things), FORM).status == 401
        assert browser.get(filled(route, things)).status in {404, 405}
    assert world.ledger.checkpoint().size == size


def test_every_deed_needs_the_token_of_this_session_and_a_page_of_ours(world, things):
    browser, other = world.browser("operator"), world.browser("admin")
    token, strange = browser.token("/overview"), other.token("/overview")
    size = world.ledger.checkpoint().size
    for route in DEEDS:
        url = filled(route, things)
        for csrf in ("", "0" * 64, strange):
            assert browser.post(url, {"csrf": csrf, **FORM}).status == 403
        for origin in ("https://evil.example", "null", ""):
            assert browser.post(url, {"csrf": token, **FORM}, origin=origin).status == 403
        assert browser.post(url, {"csrf": token, **FORM}, **{"content-type": "text/plain"}).status == 415
        assert browser.post(url, {"csrf": token, "reason": "x" * 20_000}).status == 413
    assert world.ledger.checkpoint().size == size


def test_every_action_of_the_table_is_one_of_the_policy_schema():
    assert {route.action for route in (*PAGES, *DEEDS)} <= set(actions())
