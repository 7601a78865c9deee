import hashlib
from importlib import resources

import pytest

from bartizan.config import ConsoleSettings
from bartizan.console.edge import CONTENT_SECURITY_POLICY, Attempts, is_ours, is_secure
from bartizan.errors import RefusedError

VENDOR = resources.files("bartizan.console").joinpath("assets", "vendor")


def test_vendored_files_are_the_ones_that_were_reviewed():
    sums = dict(reversed(line.split("  ")) for line in VENDOR.joinpath("SHA256SUMS").read_text().splitlines())
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir() if path.name != "SHA256SUMS"}
    assert files == sums
    assert {name for name in files if name.endswith(".LICENSE.txt")} == {"htmx-4.0.1.LICENSE.txt", "uplot-1.6.32.LICENSE.txt"}


def test_every_answer_carries_the_headers(world):
    browser = world.browser("operator")
    for url in (
        "/sign-in",
        "/overview",
        "/overview.json",
        "/nothing",
        "/exchanges?outcome=nonsense",
        "/assets/console.css",
        "/assets/../app.py",
    ):
        headers = browser.get(url).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert browser.get("/overview").headers["cache-control"] == "no-store"
    assert browser.get("/overview.json").headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["../routes.py", "vendor/SHA256SUMS", "", "console.css/", "/etc/passwd"])
def test_an_asset_that_is_not_listed_does_not_exist(world, name):
    assert world.browser().get(f"/assets/{name}").status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8401", "", "localhost@evil.example", "evil.example#localhost"])
def test_a_foreign_host_name_is_refused_since_dns_can_be_rebound(world, host):
    assert world.browser().get("/sign-in", host=host).status == 421


def test_origins_that_may_post():
    settings = ConsoleSettings(origins=("https://bartizan.example.org",))
    here = {"host": "127.0.0.1:8401"}
    assert is_ours({**here, "origin": "http://127.0.0.1:8401"}, "http", settings)
    assert is_ours({"host": "bartizan.example.org", "origin": "https://bartizan.example.org"}, "http", settings)
    assert is_ours({**here, "sec-fetch-site": "same-origin"}, "http", settings)
    for origin in ("null", "http://127.0.0.1:8402", "https://evil.example", "http://127.0.0.1:8401.evil.example"):
        assert not is_ours({**here, "origin": origin}, "http", settings)
    assert not is_ours(here, "http", settings)
    assert not is_ours({**here, "sec-fetch-site": "same-site"}, "http", settings)
    assert is_secure({"host": "bartizan.example.org"}, "http", settings)
    assert not is_secure(here, "http", settings)


def test_attempts_are_limited_by_address_and_bounded():
    attempts = Attempts(most=3, span_s=60, kept=10)
    for at in range(3):
        attempts.check("192.0.2.1", at)
        attempts.failed("192.0.2.1", at)
    with pytest.raises(RefusedError) as refused:
        attempts.check("192.0.2.1", 3)
    assert (refused.value.status, round(refused.value.retry_after_s)) == (429, 57)
    attempts.check("192.0.2.2", 3)
    attempts.check("192.0.2.1", 61)
    for number in range(3):
        attempts.failed(f"2001:db8::{number}", 3)
    with pytest.raises(RefusedError):
        attempts.check("2001:db8::ffff", 4)
    for number in range(100):
        attempts.failed(f"198.51.100.{number}", 4)
    assert len(attempts._failed) == 10
