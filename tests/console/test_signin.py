import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from bartizan.console.routes import PAGES
from bartizan.console.web import safe_next
from bartizan.event import RequestRefused, SessionClosed, kind_of


def refusals(world):
    return [entry for _, entry in world.ledger.events(kinds=(kind_of(RequestRefused),))]


def test_signing_in_sets_one_strict_cookie_and_leads_home(world):
    browser = world.browser()
    answer = browser.sign_in(world.person("operator"))
    assert answer.headers["location"] == "/overview"
    cookie = next(line for line in answer.cookies if line.startswith("bartizan="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert browser.get("/overview").status == 200


def test_without_a_session_a_page_leads_to_sign_in_and_back(world):
    browser = world.browser()
    answer = browser.get("/exchanges?outcome=blocked")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?next=%2Fexchanges%3Foutcome%3Dblocked")
    answer = browser.submit("/sign-in", "/sign-in", key=world.person("operator"), next="/exchanges?outcome=blocked")
    assert answer.headers["location"] == "/exchanges?outcome=blocked"
    assert world.browser().get("/exchanges.json").json()["error"]["code"] == "invalid_session"


def test_a_key_in_the_address_signs_nobody_in(world):
    browser = world.browser()
    assert browser.get(f"/sign-in?key={world.person('operator')}").status == 200
    assert browser.get("/overview").status == 303


def test_failures_are_on_record_without_the_key_and_limited_without_locking_anybody_out(world):
    browser = world.browser()
    key = world.person("operator")
    for _ in range(10):
        answer = browser.submit("/sign-in", "/sign-in", key=key[:-4] + "0000")
        assert answer.status == 401
        assert key[12:30] not in answer.text
    answer = browser.submit("/sign-in", "/sign-in", key=key[:-4] + "0000")
    assert (answer.status, "Wait 300 s" in answer.text) == (429, True)
    assert browser.get("/overview.json", authorization="Bearer bz_wrong").headers["retry-after"] == "300"
    recorded = refusals(world)
    assert len(recorded) == 10
    assert {entry.body.code for entry in recorded} == {"invalid_api_key"}
    assert all(key[12:30] not in repr(entry) for entry in recorded)
    assert browser.submit("/sign-in", "/sign-in", key=key).status == 303


@pytest.mark.parametrize("form", [{}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}])
def test_a_sign_in_form_of_nobody_is_refused(world, form):
    browser = world.browser()
    browser.get("/sign-in")
    assert browser.post("/sign-in", {"key": world.person("operator"), **form}).status == 403


def test_a_sign_in_from_another_site_is_refused(world):
    browser = world.browser()
    token = browser.token("/sign-in")
    form = {"key": world.person("operator"), "csrf": token}
    assert browser.post("/sign-in", form, origin="https://evil.example").status == 403
    assert browser.post("/sign-in", form, origin="null").status == 403
    assert browser.post("/sign-in", form, origin="").status == 403


def test_services_and_people_without_a_role_have_no_business_here(world):
    service = world.registrar.register("service", "bot", ("member",), actor=None)
    key = world.registrar.issue_key(service.id, actor=None).secret.reveal()
    assert "Only persons" in world.browser().submit("/sign-in", "/sign-in", key=key).text
    nobody = world.registrar.register("person", "nobody in particular", (), actor=None)
    key = world.registrar.issue_key(nobody.id, actor=None).secret.reveal()
    browser = world.browser()
    answer = browser.submit("/sign-in", "/sign-in", key=key)
    assert (answer.status, "no page" in answer.text) == (403, True)
    assert browser.get("/intel").status == 303


def test_members_see_threat_reports_and_nothing_else(world):
    browser = world.browser()
    assert browser.sign_in(world.person("member")).headers["location"] == "/intel"
    links = set(re2.findall(r'href="(/[a-z-]+)"', browser.get("/intel").text))
    assert links & {route.path for route in PAGES} == {"/intel"}
    for route in PAGES:
        if "{id}" not in route.path:
            wanted = 200 if route.path.startswith("/intel") else 403
            assert [browser.get(route.path + suffix).status for suffix in ("", ".json")] == [wanted] * 2, route.path


def test_a_session_ends_by_time_by_its_key_by_suspension_and_by_signing_out(world):
    browser = world.browser("operator")
    world.now += 8 * 3600 + 1
    assert browser.get("/overview").status == 303
    browser.sign_in(world.person("operator"))
    assert browser.get("/overview").status == 200
    assert browser.submit("/overview", "/sign-out").headers["location"] == "/sign-in?done=signed-out"
    assert [entry.body.reason for _, entry in world.ledger.events(kinds=(kind_of(SessionClosed),))] == ["signed out"]
    assert browser.get("/overview").status == 303
    browser.sign_in(world.person("operator"))
    world.registrar.revoke(world.person("operator")[3:11], actor=None, reason="lost")
    assert browser.get("/overview").status == 303
    other = world.browser("auditor")
    world.registrar.set_standing(world.people["auditor"].id, "suspended", actor=None, reason="test")
    assert other.get("/overview").status == 403


def test_a_stolen_cookie_name_does_not_help(world):
    browser = world.browser("operator")
    value, _ = browser.cookies["bartizan"]
    for forged in (value[:-1], value + "0", value.lower(), "bzs_" + "0" * 43, ""):
        browser.cookies = {"bartizan": (forged, "/")}
        assert browser.get("/overview").status in ({200} if forged == value else {303})


def test_json_answers_an_api_key_and_html_does_not(world):
    key = world.person("auditor")
    browser = world.browser()
    assert browser.get("/overview.json", authorization=f"Bearer {key}").status == 200
    assert browser.get("/overview", authorization=f"Bearer {key}").status == 303
    assert browser.get("/overview.json", authorization="Bearer wrong").json()["error"]["code"] == "invalid_api_key"
    service = world.registrar.register("service", "siem", ("auditor",), actor=None)
    key = world.registrar.issue_key(service.id, actor=None).secret.reveal()
    assert browser.get("/exchanges.json", authorization=f"Bearer {key}").status == 200


@given(
    st.text(max_size=40) | st.sampled_from(["//evil.example", "/\\evil.example", "https://evil.example", "/%0d%0aset-cookie:x", "/ok?a=b"])
)
def test_after_sign_in_the_way_leads_nowhere_else(given_next):
    target = safe_next(given_next, "/overview")
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))
    assert target.isascii()
    assert target.isprintable()
