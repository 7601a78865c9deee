import pytest

from bartizan.workbench.intel.extract import extract


def found(text):
    return [(one.kind, one.value) for one in extract(text).indicators]


STYLES = {
    "plain": "evil-site.com",
    "brackets": "evil-site[.]com",
    "parentheses": "evil-site(.)com",
    "braces": "evil-site{.}com",
    "angles": "evil-site<.>com",
    "spaced": "evil-site [.] com",
    "dot in brackets": "evil-site[dot]com",
    "dot in parentheses": "evil-site(dot)com",
    "open bracket": "evil-site[.com",
    "closing bracket": "evil-site.]com",
    "backslash": "evil-site\\.com",
}


@pytest.mark.parametrize("written", STYLES.values(), ids=STYLES)
def test_a_host_is_refanged_from_every_style(written):
    text = f"It beacons to {written}, then sleeps."
    (one,) = extract(text).indicators
    assert (one.kind, one.value) == ("host", "evil-site.com")
    assert text[one.start : one.end] == one.quote == written


@pytest.mark.parametrize("scheme", ["http", "hxxp", "hXXp", "h**p", "hxxp[:]", "meow"])
def test_a_scheme_is_refanged_from_every_style(scheme):
    assert found(f"from {scheme}{'' if scheme.endswith(']') else ':'}//a.example[.]com/x.php?q=1.") == [
        ("url", "http://a.example.com/x.php?q=1")
    ]


@pytest.mark.parametrize("written", ["bob@evil[.]com", "bob[@]evil.com", "bob[at]evil[dot]com", "bob (at) evil (dot) com"])
def test_an_address_for_mail_is_refanged(written):
    assert found(f"sent by {written} today") == [("email", "bob@evil.com")]


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4",
        "Chrome/67.0.3396.99",
        "10.0.19041.1",
        "payload.zip",
        "ASP.NET",
        "System.Net",
        "e.g.powershell",
        "os.path.join",
        "the actor.The group",
    ],
)
def test_a_look_alike_is_no_network_address(text):
    assert not {"host", "ipv4", "url"} & {kind for kind, _ in found(f"It used {text} for this.")}
