"""The console in headless Chromium: accessibility by axe-core, no violation of the page's policy, live without a reload, keyboard."""

import contextlib
import shutil
import threading
from pathlib import Path

import pytest
import uvicorn

from bartizan.event import ControlModeChanged, SignalRaised, envelope
from bartizan.monitor import holds
from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.parse import parse

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not CHROMIUM, reason="NO CHROMIUM: pages, accessibility and policy are not tested in a browser here"),
]
PAGES = (
    "/overview",
    "/exchanges?rows=12",
    "/exchanges?outcome=blocked&rows=12",
    "/refusals",
    "/controls",
    "/ledger",
    "/access",
    "/cases",
    "/accounts",
    "/safety",
    "/review",
    "/review-quality",
    "/retention",
    "/intel",
    "/intel/search",
    "/intel/search?q=hospital",
    "/intel/brief",
    "/intel/indicators",
    "/intel/matrix",
    "/intel/campaigns",
    "/trends",
    "/policy",
    "/code",
    "/response",
    "/response/playbooks",
    "/tools",
    "/nothing",
)
_WATCH = "addEventListener('securitypolicyviolation', e => (window.violations ||= []).push(e.violatedDirective + ' ' + e.blockedURI))"


@contextlib.contextmanager
def served(app):
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on"))
    started = threading.Event()
    startup = server.startup

    async def announcing(sockets=None):
        await startup(sockets)
        started.set()

    server.startup = announcing
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(20)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def site(world):
    world.now -= 7 * 86_400
    world.traffic(300, seed=3)
    world.now += 7 * 86_400
    world.traffic(300)
    world.exchange(model="lo\u202ecal<script>alert(1)</script>", outcome="failed")
    world.refusal(path="/v1/\u202e<script>alert(1)</script>")
    world.ledger.append_now(envelope(ControlModeChanged(control="tool_arguments", mode="shadow", reason="first week"), at=world.now))
    world.person("operator", "reviewer", "auditor")
    watched(world)
    with served(world.app) as address:
        yield address


def watched(world):
    """Have an account at every step of the ladder, one of them under appeal, and a queue to review."""
    account = world.people["operator"].account
    for number, (level, confidence, category) in enumerate(
        [("medium", 0.97, "cyber_exploit"), ("high", 0.9995, "cyber_exploit"), ("high", 0.9999, "ransomware")]
    ):
        known = world.registrar.register("person", f"watched {number}", ("member",), actor=None)
        fact = SignalRaised(
            signal=f"signal_{number}", account=known.account, rule="account-maximum", rule_version="3", kind="account", level=level,
            category=category, score=4.2, threshold=3.0, confidence=confidence, since=world.now, until=world.now, window="2026-11",
            evidence=("ex_" + "0" * 32,),
        )  # fmt: skip
        world.ledger.append_now(envelope(fact, account=known.account, at=world.now))
        world.monitor.enforcer.settle()
        account = known.account
    who = next(each for each in world.directory.principals(at=world.now) if each.account == account)
    world.monitor.appeals.file(world.monitor.docket.cases(account)[0], "It is \u202e my own server.", actor=who)
    world.monitor.drawer.draw(budget=40)
    text = b"TLP:CLEAR\nAPT28 used hxxp://evil[.]example.com/a and spearphishing attachments against hospitals in Norway on 4 May 2026."
    (document,) = parse(text, "a.txt").documents
    world.shelf.add([analyse(document)], "0" * 64, world.people["operator"])
    world.ledger.erasure.hold([account], reason="a case is open")
    world.person("privacy")
    holds.ask_to_place(world.desk, world.directory.profile, [account], "another case", actor=world.people["privacy"])


@contextlib.contextmanager
def visiting(chromium, world, site, **options):
    context = chromium.new_context(**options)
    problems = []
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(f"dialog {dialog.message}"))
    if options.get("java_script_enabled", True):
        page.add_init_script(_WATCH)
    page.goto(site)
    page.fill("[name=key]", world.person("operator"))
    page.click("button")
    page.wait_for_url(f"{site}/overview")
    yield page
    context.close()
    assert [problem for problem in problems if "404" not in problem] == []


@pytest.fixture(scope="module")
def axe():
    module = pytest.importorskip(
        "axe_playwright_python", reason="AXE IS MISSING: accessibility is not tested; pip install axe-playwright-python"
    )
    return (Path(module.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


ALL_RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
RULES_OF_COLOUR = "['color-contrast', 'link-in-text-block']"


def violations(page, axe, rules):
    page.evaluate(axe)
    found = page.evaluate(f"axe.run({{runOnly: {rules}}})")
    return [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]]


@pytest.mark.parametrize(("scheme", "rules"), [("light", ALL_RULES), ("dark", RULES_OF_COLOUR)])
def test_every_page_is_accessible_and_keeps_its_policy(chromium, world, site, axe, scheme, rules):
    with visiting(chromium, world, site, color_scheme=scheme) as page:
        addresses = [f"{site}{path}" for path in PAGES]
        page.goto(f"{site}/exchanges?outcome=failed&rows=5")
        addresses.append(page.locator("table.list tbody a").first.evaluate("link => link.href"))
        addresses.append(addresses[-1].split("?")[0] + "/proof")
        for path in ("/accounts", "/safety"):
            page.goto(f"{site}{path}")
            addresses.append(page.locator("table.list tbody a").first.evaluate("link => link.href"))
        page.goto(f"{site}/access")
        addresses.append(page.locator("table.list tbody a").first.evaluate("link => link.href"))
        found = []
        for address in addresses:
            page.goto(address)
            found += [(address, *each) for each in violations(page, axe, rules)]
            assert page.evaluate("window.violations || []") == [], address
        assert found == []
        page.goto(next(address for address in addresses if "/exchanges/ex_" in address))
        page.fill("[name=purpose]", "test")
        page.click("button.danger")
        assert violations(page, axe, rules) == []
        page.context.clear_cookies()
        page.goto(site)
        assert violations(page, axe, rules) == []


def test_no_page_is_wider_than_a_phone(chromium, world, site):
    with visiting(chromium, world, site, viewport={"width": 390, "height": 800}) as page:
        exchange = world.exchange()
        for path in (*PAGES, f"/access/{world.people['operator'].id}", f"/exchanges/{exchange}", f"/exchanges/{exchange}/proof"):
            page.goto(f"{site}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_plot_is_drawn_from_the_table(chromium, world, site):
    with visiting(chromium, world, site) as page:
        page.wait_for_selector(".plot canvas")
        assert page.locator("[data-chart] tbody tr").count() >= 80


def test_a_new_exchange_appears_by_itself_and_the_focus_stays(chromium, world, site):
    with visiting(chromium, world, site) as page:
        page.goto(f"{site}/exchanges?model=appears")
        assert page.locator("#count").inner_text().startswith("0 exchanges")
        world.exchange(model="appears")
        page.wait_for_selector("table.list tbody tr", timeout=15_000)
        page.locator("table.list tbody a").first.focus()
        row = page.evaluate("document.activeElement.closest('tr').id")
        world.exchange(model="appears")
        page.wait_for_selector("table.list tbody tr:nth-child(2)", timeout=15_000)
        assert page.locator("#count").inner_text().startswith("2 exchanges")
        assert page.evaluate("document.activeElement.closest('tr')?.id") == row
        page.keyboard.press("Home")
        assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 1
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.closest('tr').id") == row
        assert page.evaluate("window.violations || []") == []


def test_everything_works_without_javascript(chromium, world, site):
    with visiting(chromium, world, site, java_script_enabled=False) as page:
        page.goto(f"{site}/exchanges")
        page.click("summary")
        page.select_option("[name=outcome]", "blocked")
        page.click("text=Apply")
        assert "outcome=blocked" in page.url
        page.locator("table.list tbody a").first.click()
        assert "outcome=blocked" in page.url
        page.fill("[name=purpose]", "case 1")
        page.click("text=Reveal")
        assert "Summarise the attached incident" in page.locator("pre.raw").first.inner_text()
        page.goto(f"{site}/controls")
        page.locator("summary").first.click()
        page.locator("[name=mode]").first.select_option("shadow")
        page.locator("[name=reason]").first.fill("too eager")
        page.locator("text=Change mode >> visible=true").nth(1).click()
        assert "The mode is recorded" in page.locator("p.notice").inner_text()
        page.goto(f"{site}/overview")
        page.click("text=As a table")
        assert page.locator("[data-chart] tbody tr").first.is_visible()
        page.click("text=Sign out")
        assert page.url.endswith("/sign-in?done=signed-out")
